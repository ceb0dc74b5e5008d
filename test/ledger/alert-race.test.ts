// Many writers pass a threshold at once: the books, which see all of them, owe one alert.

import { join } from 'node:path';
import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { Journal } from '../../src/ledger/journal.js';
import { budgetOf, FAR_MS, HOOK, LOG, NOON_MS, reserveOf, settleOf } from './samples.js';

const WORKERS = 8;
const ROUNDS = 100;
/** Two of eight take user-a past half of $3.00 a day, and four past 80 percent of it. */
const COST = nano(750_000_000n);

/** The same in each run: which of the next steps a round takes. */
function* dice(): Generator<number, never> {
  for (let state = 1; ;) {
    state = (state * 48_271) % 2_147_483_647;
    yield state / 2_147_483_647;
  }
}

t.test('8 workers race over a threshold, 100 times: one alert each time', async (t) => {
  const storagePath = t.testdir();
  const options = { storagePath, budget: budgetOf(), channels: [LOG, HOOK] };
  const open = (): Bookkeeper => {
    const keeper = new Bookkeeper({ ...options, onAlerts: () => undefined });
    keeper.start(NOON_MS);
    return keeper;
  };
  let keeper = open();
  const directory = join(storagePath, 'journal');
  const journals = Array.from({ length: WORKERS }, () => {
    const journalId = keeper.nextJournalId();
    return new Journal({ directory, journalId, durability: 'process' });
  });
  const roll = dice();
  for (let round = 0; round < ROUNDS; round += 1) {
    const date = 20_260_101 + 100 * Math.floor(round / 25) + (round % 25);
    const timeMs = NOON_MS - ROUNDS + round;
    for (const journal of journals) {
      const id = journal.reserve(reserveOf({ date, timeMs }));
      journal.settle(settleOf(id, { cost: COST, timeMs }));
      const rejected = { event: 'budget_exceeded', window: 'daily', date, timeMs } as const;
      const sums = { spent: COST, limit: COST, model: null };
      journal.alert({ ...rejected, ...sums, scope: 'user:user-a' });
      journal.flush();
      if (roll.next().value < 0.3) keeper.tick(NOON_MS);
    }
  }
  keeper.drained(NOON_MS);
  await keeper.close();
  for (const journal of journals) journal.close();
  keeper = open();
  for (const channel of ['log', 'hook']) {
    const { alerts } = keeper.alerts.dueAlerts(channel, FAR_MS, 10_000);
    const mine = alerts.filter(({ event }) => event.budget?.scope === 'user:user-a');
    const told = (pct: number | null): number =>
      mine.filter(({ event }) => event.budget?.thresholdPct === pct).length;
    t.same([told(50), told(80), told(null)], [ROUNDS, ROUNDS, ROUNDS], channel);
    t.equal(new Set(mine.map(({ event }) => event.eventId)).size, 3 * ROUNDS);
  }
  await keeper.close();
});
