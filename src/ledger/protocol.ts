// What the supervisor asks of the ledger thread, and what the thread tells on its own. Everything
// here crosses threads by structured clone.

import type { BudgetConfig } from '../config/config.js';
import type { Attempt, ChannelPlan, DuePage, Notice, OwedAlert } from '../kernel/alert.js';
import type { NanoUsd } from '../kernel/money.js';
import type { Raise } from '../kernel/raise.js';
import type { LocalDate, Scope, WindowKind } from '../kernel/scope.js';
import type { Entry } from './entry.js';
import type { UtcTotals } from './utc-totals.js';
import type { SpendQuery, SpendResult } from './spend.js';

/** What a scope has settled in a window. */
export interface Balance {
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly windowNumber: number;
  readonly settled: NanoUsd;
}

/** A reservation that was charged at its worst, since nobody saw its end. */
export interface Charged {
  readonly reservationId: bigint;
  readonly user: string;
  readonly date: LocalDate;
  readonly amount: NanoUsd;
  readonly cost: NanoUsd;
}

/** What the books of a provider's UTC day are to be corrected by, all told. */
export interface Adjustment {
  readonly utcDate: LocalDate;
  readonly date: LocalDate;
  readonly provider: string;
  readonly amount: NanoUsd;
}

/** An adjustment, and what it has added to those before it: nothing when it stood there already. */
export interface Adjusted extends Adjustment {
  readonly added: NanoUsd;
}

/** What the books say of everyone's budget in one present window. */
export interface GlobalWindow {
  readonly window: WindowKind;
  readonly settled: NanoUsd;
  /** Held by open reservations that belong to the window. */
  readonly reserved: NanoUsd;
}

export interface LedgerStatus {
  /** Were written to journals and not yet booked when the question came; now they are. */
  readonly lagRecords: number;
  readonly openReservations: number;
  /** Open beyond their deadline: 0 unless a worker hangs. */
  readonly overdueReservations: number;
  /** What they may cost beyond what they hold: 0 unless `reserve: expected`. */
  readonly overshootBound: NanoUsd;
  readonly reserved: NanoUsd;
  readonly globalWindows: readonly GlobalWindow[];
  /** When the journals were last looked at with success. */
  readonly lastFoldMs: number;
  /** Booked requests, since ever. */
  readonly entries: number;
  /** Ends without an open reservation: 0 unless there is a defect. */
  readonly strayEnds: number;
  readonly journals: number;
  /** Deliveries that are due or wait for another try, and those that were given up. */
  readonly alertsPending: number;
  readonly alertsDead: number;
}

/** What has been booked since the last question, the oldest first. */
export interface Recent {
  readonly entries: readonly Entry[];
  /** So many more were booked than are kept for whoever asks. */
  readonly lost: number;
}

/** The thread's verbs; each is answered by its result or by the error it threw. */
export interface BookVerbs {
  start(nowMs: number): void;
  nextJournalId(): number;
  balances(from: LocalDate): Balance[];
  recover(journalId: number, nowMs: number): Charged[];
  utcTotals(from: LocalDate, to: LocalDate, nowMs: number): UtcTotals[];
  adjust(wanted: readonly Adjustment[], nowMs: number): Adjusted[];
  reconfigure(budget: BudgetConfig, channels: readonly ChannelPlan[]): void;
  status(date: LocalDate, nowMs: number): LedgerStatus;
  raises(): Raise[];
  putRaise(raise: Raise): void;
  spends(queries: readonly SpendQuery[], rowsMax: number, nowMs: number): SpendResult[];
  /** The same of what is booked already: for who asks for more than one thing at a time. */
  bookedSpends(queries: readonly SpendQuery[], rowsMax: number): SpendResult[];
  /** At most so many; fewer only when there are no more. */
  recent(limit: number): Recent;
  drained(nowMs: number): void;
  close(): Promise<void>;
}

/** Those that are about alerts. */
export interface AlertVerbs {
  /** Owes what the proxy as a whole has to tell, unless it was owed before. */
  raise(notice: Notice): void;
  dueAlerts(channel: string, nowMs: number, limit: number): DuePage;
  attempted(channel: string, attempts: readonly Attempt[]): void;
  /** A channel that took nothing takes alerts again: what waits for another try is due now. */
  hurryAlerts(channel: string, nowMs: number): void;
  /** Without an id: all that some channel has given up. Returns how many alerts. */
  replayAlerts(eventId: string | null, nowMs: number): number;
  /** Owes what the pace of spending foretells; to be asked about once a minute. */
  forecast(nowMs: number): void;
  recentAlerts(limit: number): OwedAlert[];
}

export interface Verbs extends BookVerbs, AlertVerbs {}

export type Verb = keyof Verbs;

export interface ThreadData {
  readonly storagePath: string;
  readonly budget: BudgetConfig;
  readonly channels: readonly ChannelPlan[];
  /** How long entries are kept; absent or 0: for ever. */
  readonly retentionDays?: number;
  /** Of booked journals, kept to rebuild the books from; absent or 0: none. */
  readonly archiveBytesMax?: number;
  /** Somebody asks for `recent` entries; absent: none are kept for it. */
  readonly keepsRecent?: boolean;
}

export interface Request {
  readonly id: number;
  readonly verb: Verb;
  readonly args: readonly unknown[];
}

export interface ThreadError {
  readonly code: string;
  readonly message: string;
}

export type FromThread =
  | { readonly kind: 'answer'; readonly id: number; readonly value: unknown }
  | { readonly kind: 'refusal'; readonly id: number; readonly error: ThreadError }
  | { readonly kind: 'alerts' }
  | { readonly kind: 'failure'; readonly error: ThreadError };
