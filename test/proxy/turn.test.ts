import t from 'tap';
import { Turn } from '../../src/proxy/turn.js';

/** A turn over a journal that counts its writes; `end` ends the turn of the loop. */
function scene(durability: 'process' | 'power' = 'process') {
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const journal = {
    hasUnwritten: false,
    flush: () => void log.push('write'),
    sync: async () => void log.push('sync'),
  };
  const turn = new Turn(journal, {
    durability,
    onFailure: (error) => {
      throw error;
    },
    atTurnEnd: (run) => ends.push(run),
  });
  const ask = (name: string): void => turn.after(() => void log.push(name));
  const end = (): void => {
    for (const run of ends.splice(0)) run();
  };
  return { log, ask, end, journal };
}

t.test('a record that comes alone is written at once', async (t) => {
  const { log, ask, end } = scene();
  for (const name of ['a', 'b']) {
    ask(name);
    t.same(log.splice(0), ['write', name], 'before the turn ends');
    end();
    t.same(log, [], 'and not again');
  }
});

t.test(
  'with power to survive it is synced once; what nobody waits for is written too',
  async (t) => {
    const { log, ask, end, journal } = scene('power');
    ask('a');
    end();
    await new Promise(setImmediate);
    t.same(log.splice(0), ['write', 'sync', 'a']);
    ask('b');
    journal.hasUnwritten = true;
    end();
    await new Promise(setImmediate);
    t.same(log.toSorted(), ['b', 'sync', 'sync', 'write', 'write']);
  },
);

t.test('records that crowd are written together, and none goes out before', async (t) => {
  const { log, ask, end } = scene();
  for (const name of ['a', 'b', 'c']) ask(name);
  t.same(log.splice(0), ['write', 'a'], 'the first of a turn knows of no others');
  end();
  t.same(log.splice(0), ['write', 'b', 'c']);
  for (const name of ['d', 'e']) ask(name);
  t.same(log, [], 'the next turn is taken for a crowded one');
  end();
  t.same(log.splice(0), ['write', 'd', 'e']);
  ask('f');
  end();
  ask('g');
  t.same(log, ['write', 'f', 'write', 'g'], 'and alone again after one that was not');
});
