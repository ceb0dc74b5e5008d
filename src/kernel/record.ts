// What the ledger remembers, as plain values: a reservation, its one end, and rejections worth an
// alert. How they lie on disk is the ledger's own affair.

import type { Api } from './api.js';
import type { NanoUsd } from './money.js';
import type { LocalDate, Scope, WindowKind } from './scope.js';
import type { TraceParent } from './trace.js';
import type { Usage, UsageSource } from './usage.js';

/** Written before the first byte of a request goes upstream. */
export interface ReserveRecord {
  readonly kind: 'reserve';
  readonly reservationId: bigint;
  readonly timeMs: number;
  /** The day it counts in, whenever it ends. */
  readonly date: LocalDate;
  readonly user: string;
  /** The model that serves. */
  readonly model: string;
  readonly requestedModel: string;
  readonly provider: string;
  /** What it holds of its budgets. */
  readonly amount: NanoUsd;
  /** The most it can cost: what it holds, or more with `reserve: expected`. */
  readonly worst: NanoUsd;
  readonly inputBoundTokens: number;
  readonly maxOutputTokens: number;
  /** The prices that the amount was reckoned with. */
  readonly priceVersion: string;
  readonly deadlineMs: number;
  /** How often the client says that it has sent this before; a retry is billed like any request. */
  readonly retryCount: number;
  /** What the client asked. `null` once it is booked, as `trace` is: a report needs neither. */
  readonly api: Api | null;
  /** Of which trace it is a part, where the client has said so. */
  readonly trace: TraceParent | null;
}

/** The end of a reservation that cost something, or may have. */
export interface SettleRecord {
  readonly kind: 'settle';
  readonly reservationId: bigint;
  readonly timeMs: number;
  readonly cost: NanoUsd;
  readonly usage: Usage;
  readonly source: UsageSource;
  /** HTTP status that the provider answered with; 0 when it did not. */
  readonly status: number;
  readonly priceVersion: string;
  /** The provider billed more than the reservation. */
  readonly overrun: boolean;
}

/** The end of a reservation that cost nothing. */
export interface VoidRecord {
  readonly kind: 'void';
  readonly reservationId: bigint;
  readonly timeMs: number;
  readonly status: number;
}

export interface AlertRecord {
  readonly kind: 'alert';
  readonly event: 'budget_exceeded' | 'settlement_overrun' | 'stream_without_cost';
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly date: LocalDate;
  readonly timeMs: number;
  readonly spent: NanoUsd;
  readonly limit: NanoUsd | null;
  /** The model that the event is about, where it is about one. */
  readonly model: string | null;
}

/**
 * What a provider's invoice of a day says beyond what requests were booked at, or short of it. The
 * amount is the whole correction of that provider and day: booking it again changes nothing.
 */
export interface AdjustRecord {
  readonly kind: 'adjust';
  readonly adjustmentId: bigint;
  readonly timeMs: number;
  /** The day of the invoice, in UTC. */
  readonly utcDate: LocalDate;
  /** The day of the budget that it counts in. */
  readonly date: LocalDate;
  readonly provider: string;
  readonly amount: NanoUsd;
}

export type JournalRecord = ReserveRecord | SettleRecord | VoidRecord | AlertRecord | AdjustRecord;

/** Names (users, models, providers, scopes) in UTF-8 bytes. Longer ones are refused up front. */
export const NAME_BYTES_MAX = 1024;

/** Times, token counts and the like on disk: 48 bits. */
export const COUNT_MAX = 2 ** 48 - 1;

/** Retries on disk: 8 bits. A client that counts further is recorded with this many. */
export const RETRY_COUNT_MAX = 255;

/** Reservations of one journal; the journal's own number stands above these 40 bits. */
export const SEQUENCE_BITS = 40n;
export const SEQUENCE_MAX = 2 ** 40 - 1;
export const JOURNAL_ID_MAX = 2 ** 23 - 1;

/** Below it a reservation is exact as a float, and one bigint instead of four. */
const EXACT_JOURNALS = 2 ** 13;

export const reservationIdOf = (journalId: number, sequence: number): bigint =>
  journalId < EXACT_JOURNALS
    ? BigInt(journalId * (SEQUENCE_MAX + 1) + sequence)
    : (BigInt(journalId) << SEQUENCE_BITS) | BigInt(sequence);

/** The journal that a reservation stands in. */
export const journalOf = (reservationId: bigint): number => Number(reservationId >> SEQUENCE_BITS);

/** A reservation's id as clients and exports show it: 16 hex digits. */
export const requestIdText = (reservationId: bigint): string =>
  reservationId.toString(16).padStart(16, '0');
