import t from 'tap';
import { type PastRequest, simulate } from '../../src/budget/simulate.js';
import { nano } from '../../src/kernel/money.js';
import { budgetConfig, cents } from './fixture.js';

const NOON_MS = Date.UTC(2026, 2, 25, 12);
const DATE = 20260325;

/** A request at a minute of the day: reserves 10 cents, takes 30 seconds, costs 6 cents. */
const at = (minute: number, changes: Partial<PastRequest> = {}): PastRequest => ({
  user: 'user-a',
  date: DATE,
  startMs: NOON_MS + minute * 60_000,
  endMs: NOON_MS + minute * 60_000 + 30_000,
  amount: cents(10),
  cost: cents(6),
  ...changes,
});

t.test('rejects what no longer fits, as admission would have', async (t) => {
  const past = [0, 1, 2, 3].map((minute) => at(minute));
  t.same(simulate(past, budgetConfig({ daily: cents(22) }), DATE), {
    requests: 4,
    rejected: 1,
    notSpent: cents(6),
    days: [
      {
        date: DATE,
        user: 'user-a',
        firstMs: NOON_MS + 180_000,
        scope: 'global',
        window: 'daily',
        rejected: 1,
        notSpent: cents(6),
      },
    ],
  });
  t.equal(simulate(past, budgetConfig({ daily: cents(28) }), DATE).rejected, 0);
  t.equal(simulate(past, budgetConfig({}), DATE).rejected, 0);
});

t.test('holds what a request may cost until it ends', async (t) => {
  const together = [at(0), at(0, { startMs: NOON_MS + 1 }), at(0, { startMs: NOON_MS + 2 })];
  t.equal(simulate(together, budgetConfig({ daily: cents(29) }), DATE).rejected, 1);
  const instant = [0, 1].map((minute) => at(minute, { endMs: NOON_MS + minute * 60_000 }));
  t.equal(simulate(instant, budgetConfig({ daily: cents(16) }), DATE).rejected, 0, 'ends once');
});

t.test('each user has limits of its own, and each window begins anew', async (t) => {
  const budget = budgetConfig(
    {},
    { 'user-a': { daily: cents(10) }, 'user-b': { monthly: cents(12) } },
  );
  const tomorrow = { date: DATE + 1 };
  const past = [
    at(0),
    at(1),
    at(2, { user: 'user-b' }),
    at(1_440, tomorrow),
    at(1_441, { ...tomorrow, user: 'user-b' }),
    at(1_442, { ...tomorrow, user: 'user-c' }),
  ];
  t.match(simulate(past, budget, DATE).days, [
    { date: DATE, user: 'user-a', rejected: 1, scope: 'user:user-a', window: 'daily' },
    { date: DATE + 1, user: 'user-b', rejected: 1, scope: 'user:user-b', window: 'monthly' },
  ]);
});

t.test('days before the first asked for fill the month and are not told', async (t) => {
  const before = [0, 1, 2].map((minute) => at(minute, { date: DATE - 1 }));
  const found = simulate([...before, at(1_440)], budgetConfig({ monthly: cents(20) }), DATE);
  t.match(found, { requests: 1, rejected: 1, days: [{ date: DATE }] });
});

t.test('corrections by invoices count whatever the caps', async (t) => {
  const correction = at(0, { user: '', amount: nano(0n), cost: cents(15), endMs: NOON_MS });
  const found = simulate([correction, at(1)], budgetConfig({ daily: cents(20) }), DATE);
  t.match(found, { requests: 1, rejected: 1 });
});
