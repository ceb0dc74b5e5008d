// The state of the books in a few numbers: what is open, what of it is overdue, and what everyone's
// present budgets hold.

import { nano, ZERO_USD } from '../kernel/money.js';
import { GLOBAL_SCOPE, type LocalDate, windowNumber } from '../kernel/scope.js';
import { settledKey } from './entry.js';
import { WINDOWS } from './layout.js';
import type { LedgerStatus } from './protocol.js';
import type { Store } from './store.js';

/** A worker ends a request within a second of its deadline; one that does not hangs. */
const OVERDUE_GRACE_MS = 30_000;

export function stateOf(
  store: Store,
  date: LocalDate,
  nowMs: number,
): Omit<LedgerStatus, 'lagRecords' | 'lastFoldMs' | 'journals'> {
  let openReservations = 0;
  let overdueReservations = 0;
  const held = { all: 0n, daily: 0n, monthly: 0n };
  for (const reserve of store.openReservations()) {
    openReservations += 1;
    if (reserve.deadlineMs + OVERDUE_GRACE_MS < nowMs) overdueReservations += 1;
    held.all += reserve.amount;
    for (const window of WINDOWS) {
      const isSame = windowNumber(window, reserve.date) === windowNumber(window, date);
      if (isSame) held[window] += reserve.amount;
    }
  }
  const globalWindows = WINDOWS.map((window) => {
    const key = settledKey(window, windowNumber(window, date), GLOBAL_SCOPE);
    const settled = store.settledOf(key) ?? ZERO_USD;
    return { window, settled, reserved: nano(held[window]) };
  });
  const alerts = store.outbox.depth();
  return {
    openReservations,
    overdueReservations,
    reserved: nano(held.all),
    globalWindows,
    entries: store.entrySequence,
    strayEnds: store.strayEnds,
    alertsPending: alerts.pending,
    alertsDead: alerts.dead,
  };
}
