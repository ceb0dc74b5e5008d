// The state of the books in a few numbers: what is open, what of it is overdue, and what everyone's
// present budgets hold.

import { TokenPakError } from '../kernel/errors.js';
import { nano, ZERO_USD } from '../kernel/money.js';
import { requestIdText, type ReserveRecord } from '../kernel/record.js';
import { GLOBAL_SCOPE, type LocalDate, windowNumber } from '../kernel/scope.js';
import { settledKey } from './entry.js';
import { WINDOWS } from './layout.js';
import type { LedgerStatus } from './protocol.js';
import type { Store } from './store.js';

/** A worker ends a request within a second of its deadline; one that does not hangs. */
const OVERDUE_GRACE_MS = 30_000;
/** So long it must have been seen to hang: a clock that is set forward makes all look overdue. */
const OVERDUE_WATCH_MS = 30_000;
const OVERDUE_LOOKS_MIN = 20;

const isOverdue = ({ deadlineMs }: ReserveRecord, nowMs: number): boolean =>
  deadlineMs + OVERDUE_GRACE_MS < nowMs;

/** No reservation outlives its deadline: watches for one that does. */
export class OverdueWatch {
  #since: { readonly reservationId: bigint; readonly seenMs: number } | null = null;
  #looks = 0;

  /** Throws `ledger_unavailable` once a reservation has been overdue for long. */
  look(store: Store, nowMs: number): void {
    let first: ReserveRecord | null = null;
    for (const reserve of store.openReservations()) {
      if (!isOverdue(reserve, nowMs)) continue;
      if (first === null || reserve.reservationId === this.#since?.reservationId) first = reserve;
    }
    if (first === null || first.reservationId !== this.#since?.reservationId) {
      this.#since = first && { reservationId: first.reservationId, seenMs: nowMs };
      this.#looks = 0;
    }
    this.#looks += 1;
    if (first === null || this.#since === null || this.#looks < OVERDUE_LOOKS_MIN) return;
    if (nowMs - this.#since.seenMs < OVERDUE_WATCH_MS) return;
    throw new TokenPakError(
      'ledger_unavailable',
      `request ${requestIdText(first.reservationId)} of ${first.user} has not ended, ` +
        `${Math.round((nowMs - first.deadlineMs) / 1000)} s after its deadline: its worker hangs`,
    );
  }
}

export function stateOf(
  store: Store,
  date: LocalDate,
  nowMs: number,
): Omit<LedgerStatus, 'lagRecords' | 'lastFoldMs' | 'journals'> {
  let openReservations = 0;
  let overdueReservations = 0;
  let overshootBound = 0n;
  const held = { all: 0n, daily: 0n, monthly: 0n };
  for (const reserve of store.openReservations()) {
    openReservations += 1;
    if (isOverdue(reserve, nowMs)) overdueReservations += 1;
    held.all += reserve.amount;
    overshootBound += reserve.worst - reserve.amount;
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
    overshootBound: nano(overshootBound),
    reserved: nano(held.all),
    globalWindows,
    entries: store.entrySequence,
    strayEnds: store.strayEnds,
    alertsPending: alerts.pending,
    alertsDead: alerts.dead,
  };
}
