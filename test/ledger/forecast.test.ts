import { join } from 'node:path';
import t, { type Test } from 'tap';
import type { BudgetConfig } from '../../src/config/config.js';
import { localDate } from '../../src/kernel/calendar.js';
import { nano } from '../../src/kernel/money.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { unpriced } from '../../src/ledger/entry.js';
import { type Books, Forecasts } from '../../src/ledger/forecast.js';
import { Journal } from '../../src/ledger/journal.js';
import { budgetConfig, cents } from '../budget/fixture.js';
import { budgetOf, FAR_MS, LOG, NOON_MS, reserveOf, settleOf } from './samples.js';

const MINUTE_MS = 60_000;
const HOUR_MS = 3_600_000;
const DAY_MS = 86_400_000;

/** Books over a journal, with a clock that is passed in; user-a may spend $3.00 a day. */
function world(t: Test, budget: BudgetConfig = budgetOf(), startMs = NOON_MS - 3 * HOUR_MS) {
  const storagePath = t.testdir();
  const open = (nowMs: number): Bookkeeper => {
    const keeper = new Bookkeeper({
      storagePath,
      budget,
      channels: [LOG],
      onAlerts: () => undefined,
    });
    keeper.start(nowMs);
    return keeper;
  };
  let keeper = open(startMs);
  /** Spends so many cents every ten minutes, the first time at `fromMs`, before `toMs`. */
  const spend = (count: number, fromMs: number, toMs: number, everyMs = 10 * MINUTE_MS): void => {
    const directory = join(storagePath, 'journal');
    const journalId = keeper.nextJournalId();
    const journal = new Journal({ directory, journalId, durability: 'process' });
    for (let timeMs = fromMs; timeMs < toMs; timeMs += everyMs) {
      const date = localDate(timeMs, budget.timezone);
      const id = journal.reserve(reserveOf({ timeMs, date }));
      journal.settle(settleOf(id, { timeMs, cost: nano(BigInt(count) * 10_000_000n) }));
    }
    journal.close();
    keeper.recover(journalId, toMs);
  };
  /** Forecasts of user-a that were told by now, the oldest first. */
  const told = (nowMs: number) => {
    keeper.alerts.forecast(nowMs);
    return keeper.alerts
      .dueAlerts('log', FAR_MS, 100)
      .alerts.map(({ event }) => event)
      .filter(({ event, budget: of }) => event === 'budget_forecast' && of?.scope !== 'global');
  };
  const restart = async (nowMs: number): Promise<void> => {
    await keeper.close();
    keeper = open(nowMs);
  };
  t.teardown(() => keeper.close());
  return { spend, told, restart };
}

t.test('tells once when the day will not last at the pace of the last two hours', async (t) => {
  const { spend, told } = world(t);
  spend(10, NOON_MS - 2 * HOUR_MS, NOON_MS);
  const [forecast, ...others] = told(NOON_MS - 1);
  t.same(others, []);
  t.match(forecast, {
    event: 'budget_forecast',
    occurredAtMs: NOON_MS - 1,
    budget: { scope: 'user:user-a', window: 'daily', spent: 1_200_000_000n, limit: 3_000_000_000n },
    details: { state: 'raised', reached_at: '2026-03-25T14:59:59Z' },
  });
  // $1.20, and $0.60 an hour for twelve hours.
  t.match(forecast?.details['projected_usd'], /^8\.40/);
  t.equal(told(NOON_MS + MINUTE_MS).length, 1, 'once');
});

t.test('a burst foretells nothing, nor does what is over', async (t) => {
  const burst = world(t);
  burst.spend(30, NOON_MS - MINUTE_MS, NOON_MS);
  t.same(burst.told(NOON_MS), [], 'the long stretch does not bear it');
  const over = world(t);
  over.spend(10, NOON_MS - 2 * HOUR_MS, NOON_MS - 21 * MINUTE_MS);
  t.same(over.told(NOON_MS), [], 'nor the short one');
});

/** Books of `entrySequence` requests, of which the last thirty minutes are read at a start. */
const booksOf = (entrySequence: number): Books => ({
  entrySequence,
  *entries() {
    for (let minute = 30; minute > 0; minute -= 1) {
      const timeMs = NOON_MS - minute * MINUTE_MS;
      const reserve = { kind: 'reserve', reservationId: 1n, ...reserveOf() } as const;
      yield { ...unpriced('settle', timeMs, reserve), sequence: 1, cost: cents(4) };
    }
  },
  settledOf: () => cents(120),
  outbox: { isOwed: () => false, *list() {} },
});

t.test('says nothing while less than an hour is known', async (t) => {
  const look = (entrySequence: number): number =>
    new Forecasts(booksOf(entrySequence), budgetOf(), NOON_MS).look(budgetOf(), NOON_MS).length;
  t.equal(look(30), 1, 'all that there is: before it nothing was spent');
  t.equal(look(1_000_000), 0, 'what was before these entries is not known');
});

t.test('takes a forecast back, once, when spending slows down', async (t) => {
  const { spend, told } = world(t);
  spend(10, NOON_MS - 2 * HOUR_MS, NOON_MS);
  t.equal(told(NOON_MS - 1).length, 1);
  const later = NOON_MS + HOUR_MS;
  const [, cleared] = told(later);
  t.match(cleared, { budget: { window: 'daily' }, details: { state: 'cleared' } });
  t.not(cleared?.eventId, told(later)[0]?.eventId);
  spend(10, later, later + HOUR_MS);
  t.equal(told(later + HOUR_MS).length, 2, 'in this window neither again');
});

t.test('a limit that is reached, and a window that is over, need no taking back', async (t) => {
  const reached = world(t);
  reached.spend(10, NOON_MS - 2 * HOUR_MS, NOON_MS);
  t.equal(reached.told(NOON_MS - 1).length, 1);
  reached.spend(300, NOON_MS, NOON_MS + MINUTE_MS);
  t.equal(reached.told(NOON_MS + 5 * HOUR_MS).length, 1);
  const over = world(t);
  over.spend(10, NOON_MS - 2 * HOUR_MS, NOON_MS);
  t.equal(over.told(NOON_MS - 1).length, 1);
  t.equal(over.told(NOON_MS + 13 * HOUR_MS).length, 1);
});

t.test('a restart forgets neither the pace nor what stands', async (t) => {
  const { spend, told, restart } = world(t);
  spend(10, NOON_MS - 2 * HOUR_MS, NOON_MS);
  await restart(NOON_MS);
  t.equal(told(NOON_MS - 1).length, 1, 'the pace comes from the entries');
  await restart(NOON_MS + 30 * MINUTE_MS);
  t.equal(told(NOON_MS + 30 * MINUTE_MS).length, 2, 'and is taken back by the next process');
  await restart(NOON_MS + HOUR_MS);
  t.equal(told(NOON_MS + HOUR_MS).length, 2);
});

t.test('tells when the month will not last at the pace of the last seven days', async (t) => {
  const monthly = budgetConfig({}, { 'user-a': { monthly: cents(2_500) } });
  const { spend, told } = world(t, monthly, NOON_MS - DAY_MS);
  spend(300, NOON_MS - 6 * DAY_MS, NOON_MS, DAY_MS);
  t.same(told(NOON_MS - HOUR_MS), [], 'today has brought nothing yet');
  spend(300, NOON_MS - MINUTE_MS, NOON_MS);
  // $21.00 in six and a half days, and six and a half days to go.
  t.match(told(NOON_MS), [
    {
      budget: { window: 'monthly', spent: 21_000_000_000n, limit: 25_000_000_000n },
      details: { state: 'raised' },
    },
  ]);
});
