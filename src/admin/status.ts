// A running proxy at a glance: who it is, what everyone together has spent, and whether the two
// accounts of that, counters and books, agree.

import { limitsOf } from '../config/limits.js';
import { timeText, windowBounds } from '../kernel/calendar.js';
import { nano, usdText, ZERO_USD } from '../kernel/money.js';
import type { LocalDate, WindowKind } from '../kernel/scope.js';
import { type Running, today } from './running.js';

/** What `GET /admin/status` answers and `tokenpak status --json` prints. */
export interface Status {
  readonly version: string;
  readonly pid: number;
  readonly address: string;
  readonly state: ReturnType<Running['state']>;
  readonly workers: number;
  readonly uptime_seconds: number;
  readonly budgets: readonly BudgetStatus[];
  readonly open_reservations: number;
  readonly reserved_usd: string;
  /** What requests in flight may cost beyond that, all told: 0.00 unless `reserve: expected`. */
  readonly overshoot_bound_usd: string;
  /** Were written to journals and not booked when the question came. */
  readonly ledger_lag_records: number;
  readonly ledger_entries: number;
  /** What the counters hold beyond the books: anything but 0.00 is a defect. */
  readonly drift_usd: string;
  /** When the configuration in force was read. */
  readonly config_loaded_at: string;
  /** Why the file as it is now is not in force; `null` when it is. */
  readonly config_problem: string | null;
}

export interface BudgetStatus {
  readonly window: WindowKind;
  readonly spent_usd: string;
  readonly reserved_usd: string;
  readonly limit_usd: string | null;
  readonly remaining_usd: string | null;
  readonly resets_at: string;
}

export async function statusView(running: Running): Promise<Status> {
  const { now } = running;
  const date = today(running);
  const books = await running.books(date);
  const { loadedAtMs, problem } = running.configState();
  const budgets = (['daily', 'monthly'] as const).map((window) =>
    budgetStatus(running, window, date),
  );
  return {
    version: running.version,
    pid: running.pid,
    address: running.address,
    state: running.state(),
    workers: running.workers(),
    uptime_seconds: Math.floor((now() - running.startedAtMs) / 1000),
    budgets,
    open_reservations: books.openReservations,
    reserved_usd: usdText(running.holding(null, 'monthly', date).reserved),
    overshoot_bound_usd: usdText(books.overshootBound),
    ledger_lag_records: books.lagRecords,
    ledger_entries: books.entries,
    drift_usd: usdText(books.drift),
    config_loaded_at: new Date(loadedAtMs).toISOString(),
    config_problem: problem,
  };
}

/** Of a user, or of everyone together for `null`. */
export function budgetStatus(
  running: Running,
  window: WindowKind,
  date: LocalDate,
  user: string | null = null,
): BudgetStatus {
  const { budget } = running.config;
  const limit = limitsOf(budget, user)[window];
  const { settled, reserved } = running.holding(user, window, date);
  const left = limit === null ? null : nano(limit - settled - reserved);
  const { endMs } = windowBounds(window, date, budget.timezone);
  return {
    window,
    spent_usd: usdText(settled),
    reserved_usd: usdText(reserved),
    limit_usd: limit === null ? null : usdText(limit),
    remaining_usd: left === null ? null : usdText(left < 0n ? ZERO_USD : left),
    resets_at: timeText(endMs),
  };
}
