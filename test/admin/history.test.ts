import t from 'tap';
import { History, type Sample } from '../../src/admin/history.js';
import { forecast } from '../../src/admin/overview.js';
import { nano } from '../../src/kernel/money.js';

const CENT = 10_000_000n;

const sample = (second: number, parts: Partial<Sample> = {}): Sample => ({
  atMs: second * 1_000,
  date: 20260325,
  spent: nano(BigInt(second) * CENT),
  admitted: second * 10,
  rejected: second,
  overhead: [second * 99, second, 0],
  ...parts,
});

const historyOf = (seconds: number): History => {
  const history = new History();
  for (let second = 0; second <= seconds; second++) history.add(sample(second));
  return history;
};

t.test('reckons rates, points and overhead from what it has seen', async (t) => {
  const history = historyOf(100);
  t.same(history.rates(), { admitted: 10, rejected: 1 });
  t.same(history.newestPoint(), [100, 10, 1]);
  t.equal(history.points()[0].length, 100);
  t.same(history.overheadUs(), { p50: 50, p99: 50 });
  t.equal(historyOf(2_000).points()[0].length, 899, 'and forgets what is older than its span');
});

t.test('knows no pace before it has seen half a minute of the day', async (t) => {
  t.equal(new History().burnPerHour(), null);
  t.equal(historyOf(29).burnPerHour(), null);
  t.equal(historyOf(30).burnPerHour(), 3_600n * CENT, 'a cent a second');
  const midnight = historyOf(100);
  midnight.add(sample(101, { date: 20260326, spent: nano(0n) }));
  t.equal(midnight.burnPerHour(), null, 'a new day is not a refund');
});

t.test('tells when the cap is reached, if that is before the window ends', async (t) => {
  const noon = Date.UTC(2026, 2, 25, 12);
  const window = { resets_at: '2026-03-26T00:00:00Z' };
  const dollars = (amount: number) => nano(BigInt(amount) * 100n * CENT);
  const at = (settled: number, limit: number | null, pace: number | null) =>
    forecast(window, {
      settled: dollars(settled),
      limit: limit === null ? null : dollars(limit),
      pace: pace === null ? null : dollars(pace),
      nowMs: noon,
    });
  t.same(at(4, 10, 1), { forecast_usd: '16.00', cap_reached_at: '2026-03-25T18:00:00.000Z' });
  t.same(at(4, 17, 1), { forecast_usd: '16.00', cap_reached_at: null });
  t.same(at(4, null, 1), { forecast_usd: '16.00', cap_reached_at: null });
  t.same(at(4, 10, 0), { forecast_usd: '4.00', cap_reached_at: null });
  t.same(at(11, 10, 1), { forecast_usd: '23.00', cap_reached_at: null }, 'it was reached before');
  t.same(at(4, 10, null), { forecast_usd: null, cap_reached_at: null });
});
