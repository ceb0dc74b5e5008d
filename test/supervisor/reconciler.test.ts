import t, { type Test } from 'tap';
import type { Notice } from '../../src/kernel/alert.js';
import { nano } from '../../src/kernel/money.js';
import { Report } from '../../src/reconcile/report.js';
import { Reconciler } from '../../src/supervisor/reconciler.js';
import { configOf, provider } from '../pricing/prices.js';

const NOW_MS = Date.UTC(2026, 2, 28, 13);
const HOUR_MS = 3_600_000;

function setting(t: Test, intervalMinutes: number) {
  const clock = { nowMs: NOW_MS };
  const notices: Notice[] = [];
  const lines: string[] = [];
  const asked: string[] = [];
  const providers = [
    provider('mine', { adminKey: 'k' }),
    provider('other', { type: 'anthropic', adminKey: 'k' }),
    provider('keyless'),
  ];
  const reconcile = { intervalMinutes, tolerancePct: 0.5 };
  const reconciler = new Reconciler({
    config: { ...configOf(providers, []), reconcile },
    ledger: {
      utcTotals: async () => [],
      raise: async (notice) => void notices.push(notice),
    },
    log: (line) => lines.push(line),
    now: () => clock.nowMs,
    fetch: async (account, { from, to }) => {
      asked.push(`${account.provider.name} ${from} ${to}`);
      if (account.provider.name === 'other') throw new Error('it is down');
      const report = new Report();
      report.add({ utcDate: 20260325, cost: nano(9_999_999n) });
      report.add({ utcDate: 20260326, cost: nano(2_000_000_000n) });
      return report;
    },
  });
  t.teardown(() => reconciler.close());
  return { reconciler, clock, notices, lines, asked };
}

t.test('tells of drift above the tolerance, once an hour, for each account', async (t) => {
  const { reconciler, clock, notices, lines, asked } = setting(t, 60);
  await reconciler.look();
  t.same(asked, ['mine 20260324 20260326', 'other 20260324 20260326'], 'days that are final');
  t.same(notices, [
    {
      event: 'spend_drift',
      key: 'mine|2026-03-26',
      occurredAtMs: NOW_MS,
      details: {
        provider: 'mine',
        day: '2026-03-26',
        ledger_usd: '0.00',
        provider_usd: '2.00',
        drift_pct: '100.0',
      },
    },
  ]);
  t.same(lines, ['⚠ reconcile other: it is down'], 'one that fails keeps no other back');
  clock.nowMs += HOUR_MS - 1;
  t.equal(reconciler.look(), null);
  clock.nowMs += 1;
  await reconciler.look();
  t.equal(asked.length, 4);
});

t.test('never looks with an interval of 0', async (t) => {
  t.equal(setting(t, 0).reconciler.look(), null);
});
