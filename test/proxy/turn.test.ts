import t from 'tap';
import { Turn } from '../../src/proxy/turn.js';

/**
 * A turn over a journal that counts its writes; `end` ends the turn of the loop, which may sleep
 * then.
 */
function scene(durability: 'process' | 'power' = 'process') {
  const log: string[] = [];
  const ends: (() => void)[] = [];
  let idleMs = 0;
  const journal = {
    hasUnwritten: false,
    openReservations: 2,
    flush: () => void log.push('write'),
    sync: async () => void log.push('sync'),
  };
  const turn = new Turn(journal, {
    durability,
    onFailure: (error) => {
      throw error;
    },
    atTurnEnd: (run) => ends.push(run),
    idleMs: () => idleMs,
  });
  const ask = (name: string): void => turn.after(() => void log.push(name));
  const end = (): void => {
    for (const run of ends.splice(0)) run();
  };
  const sleep = (): void => {
    end();
    idleMs += 0.001;
  };
  return { log, ask, end, sleep, journal, ends };
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

t.test('the first after a sleep is written at once, whatever was before', async (t) => {
  const { log, ask, end, sleep, ends, journal } = scene();
  for (const name of ['a', 'b', 'c']) ask(name);
  sleep();
  t.same(log.splice(0), ['write', 'a', 'write', 'b', 'c'], 'crowded before');
  ask('d');
  t.same(log.splice(0), ['write', 'd'], 'alone now');
  t.same(ends, [], 'and the turn’s end is not waited for');
  sleep();
  for (const name of ['e', 'f', 'g']) ask(name);
  end();
  t.same(log.splice(0), ['write', 'e', 'write', 'f', 'g'], 'others follow together');
  sleep();
  journal.hasUnwritten = true;
  ask('h');
  journal.hasUnwritten = false;
  t.equal(ends.length, 1, 'what its waiter has left to be written is, in this turn');
});

t.test('what is open alone is not gathered, whatever was before', async (t) => {
  const { log, ask, end, journal, ends } = scene();
  for (const name of ['a', 'b', 'c']) ask(name);
  end();
  log.length = 0;
  // Its reserve record, its settle record.
  for (const open of [1, 0]) {
    journal.openReservations = open;
    ask('d');
    t.same(log.splice(0), ['write', 'd']);
    t.same(ends, []);
  }
  const power = scene('power');
  power.journal.openReservations = 1;
  for (const name of ['a', 'b']) power.ask(name);
  power.end();
  await new Promise(setImmediate);
  power.log.length = 0;
  power.ask('c');
  t.same(power.log, [], 'a sync is worth waiting for others');
});

t.test('with power to survive a crowd is synced once, also after a sleep', async (t) => {
  const { log, ask, end, sleep } = scene('power');
  for (const name of ['a', 'b']) ask(name);
  sleep();
  await new Promise(setImmediate);
  log.length = 0;
  for (const name of ['c', 'd']) ask(name);
  end();
  await new Promise(setImmediate);
  t.same(log, ['write', 'sync', 'c', 'd']);
});

t.test('what a waiter leaves to be written hides no crowd', async (t) => {
  const { log, ask, end, journal } = scene();
  for (const name of ['a', 'b']) ask(name);
  journal.hasUnwritten = true;
  end();
  t.same(log.splice(0), ['write', 'a', 'write', 'b']);
  end();
  t.same(log.splice(0), ['write'], 'the rest');
  journal.hasUnwritten = false;
  for (const name of ['c', 'd']) ask(name);
  t.same(log, [], 'still taken for crowded');
});
