import t from 'tap';
import { statusView } from '../../src/admin/status.js';
import { nano } from '../../src/kernel/money.js';
import { EMPTY_BOOKS, runningWith } from './fixture.js';

t.test('tells what is spent, held and left, and how the books stand', async (t) => {
  const status = await statusView(
    runningWith({
      holding: () => ({ settled: nano(1_000_000_000n), reserved: nano(500_000_000n) }),
      books: async () => ({
        ...EMPTY_BOOKS,
        lagRecords: 3,
        openReservations: 2,
        entries: 7,
        drift: nano(-1_000_000n),
      }),
    }),
  );
  t.match(status, {
    workers: 2,
    uptime_seconds: 90,
    open_reservations: 2,
    reserved_usd: '0.50',
    ledger_lag_records: 3,
    ledger_entries: 7,
    drift_usd: '-0.001',
  });
  t.match(status.budgets[0], {
    window: 'daily',
    spent_usd: '1.00',
    reserved_usd: '0.50',
    limit_usd: '10.00',
    remaining_usd: '8.50',
    resets_at: '2026-03-26T00:00:00Z',
  });
});
