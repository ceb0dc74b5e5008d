import t from 'tap';
import { alertId } from '../../src/kernel/alert.js';
import { nano } from '../../src/kernel/money.js';
import type { ReserveRecord } from '../../src/kernel/record.js';
import { Fold } from '../../src/ledger/fold.js';
import { crossed } from '../../src/ledger/occasion.js';
import { budgetOf, NOON_MS, NOTHING, reserveOf, settleOf } from './samples.js';

const reserve = (reservationId: bigint, changes: Partial<ReserveRecord> = {}): ReserveRecord => ({
  kind: 'reserve',
  ...reserveOf(changes),
  reservationId,
});

t.test('books an end once, whatever comes after it', async (t) => {
  const fold = new Fold(NOTHING, budgetOf());
  fold.apply(reserve(1n));
  fold.apply({ kind: 'settle', ...settleOf(1n) });
  fold.apply({ kind: 'settle', ...settleOf(1n) });
  fold.apply({ kind: 'void', reservationId: 1n, timeMs: NOON_MS, status: 500 });
  fold.charge(reserve(1n), NOON_MS);
  fold.apply({ kind: 'settle', ...settleOf(99n) });
  t.same(fold.strayEnds, [1n, 1n, 99n], 'reported');
  t.equal(fold.entries.length, 1);
  t.match([...fold.totals.values()], [{ requests: 1, cost: 1_800_000_000n }]);
});

t.test('ends a reservation of an earlier transaction once', async (t) => {
  const fold = new Fold({ ...NOTHING, openOf: () => reserve(5n) }, budgetOf());
  fold.apply({ kind: 'void', reservationId: 5n, timeMs: NOON_MS, status: 429 });
  fold.apply({ kind: 'settle', ...settleOf(5n) });
  t.same([...fold.ended], [5n]);
  t.match([...fold.totals.values()], [{ requests: 0, voids: 1, cost: 0n }]);
  t.same(fold.strayEnds, [5n]);
});

t.test('owes one alert per budget, window and threshold', async (t) => {
  const fold = new Fold(NOTHING, budgetOf());
  for (let id = 1n; id <= 5n; id += 1n) {
    fold.apply(reserve(id));
    fold.apply({ kind: 'settle', ...settleOf(id) });
  }
  t.same(
    [...fold.alerts.values()].map(({ budget }) => [
      budget?.scope,
      budget?.window,
      budget?.thresholdPct,
      budget?.spent,
    ]),
    [
      ['user:user-a', 'daily', 50, 1_800_000_000n],
      ['user:user-a', 'daily', 80, 3_600_000_000n],
      ['global', 'daily', 50, 5_400_000_000n],
      ['global', 'daily', 80, 9_000_000_000n],
    ],
  );
  t.match([...fold.alerts.values()].at(-1), {
    eventId: alertId('global|daily|20260325|80'),
    occurredAtMs: NOON_MS + 1_500,
    budget: {
      windowStartMs: Date.UTC(2026, 2, 25),
      windowEndMs: Date.UTC(2026, 2, 26),
      limit: 10_000_000_000n,
    },
    details: {},
  });
});

t.test('owes nothing that an earlier transaction owed', async (t) => {
  const fold = new Fold({ ...NOTHING, isOwed: () => true }, budgetOf());
  fold.apply(reserve(1n));
  fold.apply({ kind: 'settle', ...settleOf(1n) });
  t.equal(fold.alerts.size, 0);
});

t.test('tells of rejections, overruns and streams without a cost once per window', async (t) => {
  const fold = new Fold(NOTHING, budgetOf());
  const rejection = {
    kind: 'alert',
    event: 'budget_exceeded',
    scope: 'user:user-a',
    window: 'daily',
    date: 20260325,
    timeMs: NOON_MS,
    spent: nano(3_000_000_000n),
    limit: nano(3_000_000_000n),
    model: null,
  } as const;
  fold.apply(rejection);
  fold.apply({ ...rejection, timeMs: NOON_MS + 1 });
  fold.apply({ ...rejection, date: 20260326 });
  for (const id of [1n, 2n]) {
    fold.apply(reserve(id, { user: 'user-b' }));
    fold.apply({ kind: 'settle', ...settleOf(id, { overrun: true, cost: nano(1n) }) });
  }
  fold.apply({ ...rejection, event: 'stream_without_cost', model: 'gpt-4' });
  t.same(
    [...fold.alerts.values()].map(({ event, budget, details }) => [
      event,
      budget?.scope,
      budget?.windowStartMs,
      details,
    ]),
    [
      ['budget_exceeded', 'user:user-a', Date.UTC(2026, 2, 25), {}],
      ['budget_exceeded', 'user:user-a', Date.UTC(2026, 2, 26), {}],
      [
        'settlement_overrun',
        'user:user-b',
        Date.UTC(2026, 2, 25),
        { provider: 'openai', model: 'gpt-4', reserved_usd: '2.00', billed_usd: '0.000000001' },
      ],
      ['stream_without_cost', 'user:user-a', Date.UTC(2026, 2, 25), { model: 'gpt-4' }],
    ],
  );
});

t.test('charges at its worst what nobody saw the end of', async (t) => {
  const open = reserve(1n, { worst: nano(3_000_000_000n) });
  const fold = new Fold({ ...NOTHING, openOf: () => open }, budgetOf());
  fold.charge(reserve(1n), NOON_MS);
  t.match(fold.entries, [{ source: 'unsettled', cost: 3_000_000_000n, timeMs: NOON_MS }]);
  t.match([...fold.totals.values()], [{ requests: 1, unsettled: 1 }]);
});

t.test('crosses a threshold exactly where it lies', async (t) => {
  const limit = nano(1_000n);
  const at = (before: bigint, after: bigint, pct: number): boolean =>
    crossed([pct], limit, { before: nano(before), after: nano(after) }).length === 1;
  t.notOk(at(0n, 799n, 80));
  t.ok(at(799n, 800n, 80));
  t.notOk(at(800n, 900n, 80));
  t.ok(at(804n, 805n, 80.5));
  t.notOk(at(0n, 804n, 80.5));
  t.ok(at(0n, 5_000n, 500));
});
