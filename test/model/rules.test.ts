// What others' budgets have failed at, each as a rule, held to the product's own admission,
// journals and books.

import t from 'tap';
import type { BudgetConfig } from '../../src/config/config.js';
import { nano, type NanoUsd } from '../../src/kernel/money.js';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { settledKey } from '../../src/ledger/entry.js';
import { Call } from '../../src/proxy/call.js';
import { budgetConfig } from '../budget/fixture.js';
import { House } from './house.js';
import { billOf } from './provider.js';

const NOON = Date.UTC(2026, 2, 25, 12);
const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/** What so many tokens of output cost. */
const worth = (outputTokens: number): NanoUsd => nano(billOf('dear', 0, outputTokens));
const used = (outputTokens: number) => ({ ...NO_USAGE, outputTokens });

const plain = (more: Partial<BudgetConfig>): BudgetConfig => ({
  ...budgetConfig({}),
  clampOutput: false,
  ...more,
});
const daily = (limit: NanoUsd | null) => ({ daily: limit, monthly: null });

function admitted(found: ReturnType<House['request']>): Call {
  if (found instanceof Call) return found;
  throw new Error('refused');
}
const isRefused = (found: ReturnType<House['request']>): boolean => !(found instanceof Call);

t.test('check and reserve are one atomic step, for all scopes or none', async (t) => {
  const house = await House.open(plain({ global: daily(worth(10)) }), NOON);
  for (let request = 0; request < 50; request++) house.request('ann', 4);
  const books = house.books();
  t.equal([...books.openReservations()].length, 2, 'two of fifty at once');
  t.ok(isRefused(house.request('bob', 3)));
  admitted(house.request('bob', 1));
});

t.test('a default budget applies before the user is known to the store', async (t) => {
  const perUser = { defaults: daily(worth(10)), unlistedUsers: 'allow', users: {} } as const;
  const house = await House.open(plain({ perUser }), NOON);
  const first = Array.from({ length: 8 }, () => house.request('never seen', 6));
  t.equal(first.filter(isRefused).length, 7);
});

t.test('what does not fit is clamped or refused, never trimmed and let through', async (t) => {
  const clamping = { clampOutput: true, clampMinTokens: 5 };
  const house = await House.open(plain({ global: daily(worth(20)), ...clamping }), NOON);
  const call = admitted(house.request('ann', 100));
  t.equal(call.clamped, 20, 'the provider is told');
  t.equal(call.reservation.amount, worth(20), 'and that is all it may cost');
  call.settle(used(16), { outputBytes: 0 }, 200);
  t.ok(isRefused(house.request('ann', 100)), 'four tokens are no answer');
});

t.test('a settlement always books what was billed, even past the cap', async (t) => {
  const house = await House.open(plain({ global: daily(worth(10)) }), NOON);
  admitted(house.request('ann', 10)).settle(used(1_000), { outputBytes: 0 }, 200);
  const books = house.books();
  t.equal(books.settledOf(settledKey('daily', 20260325, 'global')), worth(1_000));
  t.match([...books.entries()], [{ overrun: true, cost: worth(1_000) }]);
  t.ok(isRefused(house.request('ann', 1)));
});

t.test('a reservation has an id, an owner, a deadline, and exactly one end', async (t) => {
  const house = await House.open(plain({}), NOON);
  const call = admitted(house.request('ann', 10));
  const [open] = [...house.books().openReservations()];
  t.match(open, { reservationId: call.id, user: 'ann', deadlineMs: NOON + 600_000 });
  call.release(429);
  t.throws(() => call.settle(used(1), { outputBytes: 0 }, 200), /ends once/);
  t.throws(() => call.release(429), /ends once/);
  const books = house.books();
  t.equal([...books.openReservations()].length, 0);
  t.match([...books.entries()], [{ kind: 'void' }]);
});

t.test('counters are derived from the ledger', async (t) => {
  const house = await House.open(plain({ global: daily(worth(10)) }), NOON);
  admitted(house.request('ann', 6)).settle(used(5), { outputBytes: 0 }, 200);
  house.worker.turn.flush();
  await house.killAndRestart();
  t.ok(isRefused(house.request('ann', 6)), 'five of ten are spent');
  admitted(house.request('ann', 4));
  await house.killAndRestart();
  t.ok(isRefused(house.request('ann', 2)), 'what nobody saw the end of is spent too');
});

t.test('0 means nothing may be spent', async (t) => {
  const house = await House.open(plain({ global: daily(nano(0n)) }), NOON);
  t.ok(isRefused(house.request('ann', 1)));
});

t.test('what was sent and never answered costs at least its input, flagged', async (t) => {
  const house = await House.open(plain({}), NOON);
  admitted(house.request('ann', 10, 7)).settle(null, { outputBytes: 0 }, 504);
  const input = billOf('dear', 7, 0);
  t.match([...house.books().entries()], [{ source: 'estimated', cost: input, status: 504 }]);
});

t.test('usage that never came is estimated and flagged, never zero', async (t) => {
  const house = await House.open(plain({}), NOON);
  admitted(house.request('ann', 10)).settle(null, { outputBytes: 7 }, 200);
  t.match([...house.books().entries()], [{ source: 'estimated', cost: worth(7) }]);
});

t.test(
  'a request belongs to the window it was reserved in, and a new one needs no job',
  async (t) => {
    const lateNight = Date.UTC(2026, 2, 31, 23, 59);
    const house = await House.open(plain({ global: daily(worth(10)) }), lateNight);
    const before = admitted(house.request('ann', 10));
    house.nowMs += HOUR_MS;
    const after = admitted(house.request('ann', 10));
    before.settle(used(9), { outputBytes: 0 }, 200);
    after.settle(used(8), { outputBytes: 0 }, 200);
    const books = house.books();
    const spent = (window: 'daily' | 'monthly', number: number) =>
      books.settledOf(settledKey(window, number, 'global'));
    t.equal(spent('daily', 20260331), worth(9));
    t.equal(spent('monthly', 202603), worth(9));
    t.equal(spent('daily', 20260401), worth(8));
    t.equal(spent('monthly', 202604), worth(8));
  },
);

/** Zones, and nights on which their clocks change. */
const NIGHTS = [
  ['Europe/Berlin', Date.UTC(2026, 2, 29, 1), Date.UTC(2026, 2, 29, 22)],
  ['Europe/Berlin', Date.UTC(2026, 9, 25, 1), Date.UTC(2026, 9, 25, 23)],
  ['Australia/Lord_Howe', Date.UTC(2026, 3, 4, 15), Date.UTC(2026, 3, 5, 13, 30)],
  ['Australia/Lord_Howe', Date.UTC(2026, 9, 3, 15, 30), Date.UTC(2026, 9, 4, 13)],
  ['Asia/Kolkata', Date.UTC(2026, 3, 30, 10), Date.UTC(2026, 3, 30, 18, 30)],
] as const;

for (const [timezone, change, midnight] of NIGHTS) {
  const night = new Date(change).toISOString();
  t.test(`the change of clocks resets nothing, midnight does: ${timezone}, ${night}`, async (t) => {
    const house = await House.open(plain({ timezone, global: daily(worth(10)) }), change - HOUR_MS);
    admitted(house.request('ann', 10));
    for (const at of [change - 1, change, change + HOUR_MS, midnight - 1]) {
      house.nowMs = at;
      t.ok(isRefused(house.request('ann', 1)), new Date(at).toISOString());
    }
    house.nowMs = midnight;
    admitted(house.request('ann', 10));
  });
}

t.test('a clock that is set back an hour over midnight refills no day', async (t) => {
  const midnight = Date.UTC(2026, 3, 1);
  for (const restart of [false, true]) {
    const house = await House.open(plain({ global: daily(worth(10)) }), midnight - HOUR_MS / 2);
    admitted(house.request('ann', 10)).settle(used(10), { outputBytes: 0 }, 200);
    house.nowMs = midnight + HOUR_MS / 2;
    admitted(house.request('ann', 10)).settle(used(10), { outputBytes: 0 }, 200);
    for (const back of [HOUR_MS, 0, HOUR_MS, 0]) {
      house.nowMs = midnight + HOUR_MS / 2 - back;
      house.books();
      if (restart) await house.killAndRestart();
      t.ok(isRefused(house.request('ann', 1)), `back ${back}, restart: ${restart}`);
    }
  }
});

t.test('what was spent on a day to come counts when it comes', async (t) => {
  const budget = plain({ global: { daily: worth(10), monthly: worth(25) } });
  const house = await House.open(budget, Date.UTC(2026, 2, 30, 12));
  house.nowMs += 3 * DAY_MS;
  admitted(house.request('ann', 8)).settle(used(8), { outputBytes: 0 }, 200);
  house.worker.turn.flush();
  house.nowMs -= 3 * DAY_MS;
  await house.killAndRestart();
  for (let day = 0; day < 3; day += 1, house.nowMs += DAY_MS) {
    admitted(house.request('ann', 10)).settle(used(10), { outputBytes: 0 }, 200);
    t.ok(isRefused(house.request('ann', 1)), 'each day has its own limit meanwhile');
    t.ok(house.look());
  }
  t.equal(house.request('ann', 1), 'refused', 'nobody knows yet what that day has spent');
  t.ok(house.look());
  t.ok(isRefused(house.request('ann', 3)));
  admitted(house.request('ann', 1)).settle(used(1), { outputBytes: 0 }, 200);
  house.books();
  house.nowMs += DAY_MS;
  t.ok(isRefused(house.request('ann', 7)), 'and so has its month');
  admitted(house.request('ann', 5));
});

t.test('a clock that goes back by days refuses until the books are read again', async (t) => {
  const house = await House.open(plain({ global: daily(worth(10)) }), NOON);
  admitted(house.request('ann', 10)).settle(used(10), { outputBytes: 0 }, 200);
  house.nowMs += 2 * DAY_MS;
  admitted(house.request('ann', 1));
  house.worker.turn.flush();
  house.nowMs -= 2 * DAY_MS;
  t.equal(house.request('ann', 1), 'refused');
  t.notOk(house.look(), 'the product ends');
  await house.killAndRestart();
  t.ok(house.look());
  t.ok(isRefused(house.request('ann', 1)), 'the day is spent');
  for (const days of [1, 2, 3]) {
    house.nowMs = NOON - days * DAY_MS;
    const found = house.request('ann', 1);
    if (days === 1) admitted(found);
    else t.equal(found, 'refused', `${days} days back, nobody knows what was spent`);
  }
});

t.test('a day that never was stands between no two others', async (t) => {
  const timezone = 'Pacific/Apia';
  const midnight = Date.UTC(2011, 11, 30, 10);
  for (const [spentAt, restartedAt, askedAt] of [
    [midnight - 1, midnight, midnight - 1],
    [midnight, midnight - 1, midnight],
  ] as const) {
    const house = await House.open(plain({ timezone, global: daily(worth(10)) }), spentAt);
    admitted(house.request('ann', 10)).settle(used(10), { outputBytes: 0 }, 200);
    house.worker.turn.flush();
    house.nowMs = restartedAt;
    await house.killAndRestart();
    house.nowMs = askedAt;
    house.look();
    t.ok(isRefused(house.request('ann', 1)));
    house.nowMs = midnight + DAY_MS;
    admitted(house.request('ann', 10));
  }
});

t.test(
  'asleep for days over a month’s end, what was in flight ends in its own month',
  async (t) => {
    const house = await House.open(plain({ global: daily(worth(10)) }), Date.UTC(2026, 0, 30, 12));
    const asleep = admitted(house.request('ann', 10));
    house.nowMs = Date.UTC(2026, 1, 2, 9);
    admitted(house.request('ann', 10));
    asleep.settle(used(4), { outputBytes: 0 }, 200);
    const books = house.books();
    t.equal(books.settledOf(settledKey('monthly', 202601, 'global')), worth(4));
    t.equal(books.settledOf(settledKey('daily', 20260202, 'global')) ?? 0n, 0n);
    t.ok(isRefused(house.request('ann', 1)), 'today is still taken');
  },
);

t.test('what a dead worker held of a month is charged when its day is long over', async (t) => {
  const monthly = { daily: null, monthly: worth(10) };
  const house = await House.open(plain({ global: monthly }), Date.UTC(2026, 2, 2, 12));
  admitted(house.request('ann', 10));
  house.nowMs = Date.UTC(2026, 2, 5, 12);
  house.request('ann', 1);
  await house.replaceWorker();
  t.ok(isRefused(house.request('ann', 1)));
  t.equal(house.books().settledOf(settledKey('monthly', 202603, 'global')), worth(10));
});
