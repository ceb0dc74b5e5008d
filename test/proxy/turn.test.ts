import t from 'tap';
import type { Journal } from '../../src/ledger/journal.js';
import { Turn } from '../../src/proxy/turn.js';

/** A turn over a journal that counts its writes; `end` ends the turn of the loop. */
function scene() {
  const log: string[] = [];
  const ends: (() => void)[] = [];
  const journal: Pick<Journal, 'flush' | 'sync'> = {
    flush: () => void log.push('write'),
    sync: () => Promise.resolve(),
  };
  const turn = new Turn(journal, {
    durability: 'process',
    onFailure: (error) => {
      throw error;
    },
    atTurnEnd: (run) => ends.push(run),
  });
  const ask = (name: string): void => turn.after(() => void log.push(name));
  const end = (): void => {
    for (const run of ends.splice(0)) run();
  };
  return { log, ask, end };
}

t.test('a record that comes alone is written at once', async (t) => {
  const { log, ask, end } = scene();
  for (const name of ['a', 'b']) {
    ask(name);
    t.same(log.splice(0), ['write', name], 'before the turn ends');
    end();
    log.splice(0);
  }
});

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
