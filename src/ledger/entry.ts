// What the ledger keeps once a reservation has ended, the totals that add entries up, and the bytes
// of both in the store.

import { utcStart } from '../kernel/calendar.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import type { AdjustRecord, ReserveRecord } from '../kernel/record.js';
import type { LocalDate, Scope, WindowKind } from '../kernel/scope.js';
import { type Counts, NO_COUNTS, NO_USAGE, type Usage, type UsageSource } from '../kernel/usage.js';
import { WINDOWS } from './layout.js';
import { Packer, Unpacker } from './pack.js';

export const ENTRY_KINDS = ['void', 'settle', 'adjust'] as const;
type EntryKind = (typeof ENTRY_KINDS)[number];

/** A request from reservation to end, or a correction by an invoice. */
export interface Entry {
  /** Entries are numbered in the order in which they were booked. */
  readonly sequence: number;
  readonly kind: EntryKind;
  /** When it ended. */
  readonly timeMs: number;
  readonly reserve: ReserveRecord;
  readonly cost: NanoUsd;
  readonly usage: Usage;
  /** `null` for a void one. */
  readonly source: UsageSource | null;
  readonly status: number;
  /** Empty when nobody saw the end. */
  readonly priceVersion: string;
  readonly overrun: boolean;
}

type Sums = { -readonly [K in keyof Counts]: number };

/** Sums of a day's entries by user, model and provider; added to in place. */
export interface Totals {
  readonly date: LocalDate;
  readonly user: string;
  readonly model: string;
  readonly provider: string;
  requests: number;
  voids: number;
  estimated: number;
  unsettled: number;
  cost: NanoUsd;
  readonly usage: Sums;
}

export type TotalsName = Pick<Totals, 'date' | 'user' | 'model' | 'provider'>;

const NOON_MS = 12 * 3_600_000;

/**
 * A correction as an entry: of no user and no model, since an invoice knows neither. Its one
 * instant lies within the UTC day that it corrects.
 */
export function adjustment(record: AdjustRecord, delta: NanoUsd): Omit<Entry, 'sequence'> {
  const reserve: ReserveRecord = {
    kind: 'reserve',
    reservationId: record.adjustmentId,
    timeMs: utcStart(record.utcDate) + NOON_MS,
    date: record.date,
    user: '',
    model: '',
    requestedModel: '',
    provider: record.provider,
    amount: ZERO_USD,
    worst: ZERO_USD,
    inputBoundTokens: 0,
    maxOutputTokens: 0,
    priceVersion: '',
    deadlineMs: 0,
    retryCount: 0,
    api: null,
    trace: null,
  };
  return { ...unpriced('adjust', record.timeMs, reserve), cost: delta };
}

/** An entry that gets its number when it is booked. */
export type Ending = Omit<Entry, 'sequence'> & { sequence: number };

/**
 * The ending of what cost nothing and used nothing. Member by member, in one order wherever an
 * entry is made: a spread costs more than all else that is done for it.
 */
export const unpriced = (
  kind: EntryKind,
  timeMs: number,
  reserve: ReserveRecord,
  status = 0,
): Ending => ({
  sequence: 0,
  kind,
  timeMs,
  reserve,
  cost: ZERO_USD,
  usage: NO_USAGE,
  source: null,
  status,
  priceVersion: '',
  overrun: false,
});

export function addCounts(a: Counts, b: Counts): Counts {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    cacheWrite1hTokens: a.cacheWrite1hTokens + b.cacheWrite1hTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
    audioInputTokens: a.audioInputTokens + b.audioInputTokens,
    audioOutputTokens: a.audioOutputTokens + b.audioOutputTokens,
    webSearches: a.webSearches + b.webSearches,
    fileSearches: a.fileSearches + b.fileSearches,
  };
}

export function addToSums(sums: Sums, usage: Counts): void {
  sums.inputTokens += usage.inputTokens;
  sums.cachedInputTokens += usage.cachedInputTokens;
  sums.cacheWriteTokens += usage.cacheWriteTokens;
  sums.cacheWrite1hTokens += usage.cacheWrite1hTokens;
  sums.outputTokens += usage.outputTokens;
  sums.reasoningTokens += usage.reasoningTokens;
  sums.audioInputTokens += usage.audioInputTokens;
  sums.audioOutputTokens += usage.audioOutputTokens;
  sums.webSearches += usage.webSearches;
  sums.fileSearches += usage.fileSearches;
}

/** The totals that a reservation's end will count in, at nothing. */
export const newTotals = ({ date, user, model, provider }: TotalsName): Totals => ({
  date,
  user,
  model,
  provider,
  requests: 0,
  voids: 0,
  estimated: 0,
  unsettled: 0,
  cost: ZERO_USD,
  usage: { ...NO_COUNTS },
});

export function addToTotals(totals: Totals, entry: Entry): void {
  if (entry.kind === 'settle') totals.requests += 1;
  if (entry.kind === 'void') totals.voids += 1;
  if (entry.source === 'estimated') totals.estimated += 1;
  if (entry.source === 'unsettled') totals.unsettled += 1;
  totals.cost = nano(totals.cost + entry.cost);
  addToSums(totals.usage, entry.usage);
}

/** One for all: whoever starts it is done with it before anyone else starts. */
const packer = new Packer();

/** Sorts by day first. */
export const totalsKey = ({ date, user, model, provider }: TotalsName): Buffer =>
  packer.start().u32(date).text(user).text(model).text(provider).done();

export const settledKey = (window: WindowKind, windowNumber: number, scope: Scope): Buffer =>
  packer.start().u8(WINDOWS.indexOf(window)).u32(windowNumber).text(scope).done();

/** At the end of a row. */
export function packCounts(to: Packer, usage: Counts): Packer {
  return to
    .u48(usage.inputTokens)
    .u48(usage.cachedInputTokens)
    .u48(usage.cacheWriteTokens)
    .u48(usage.cacheWrite1hTokens)
    .u48(usage.outputTokens)
    .u48(usage.reasoningTokens)
    .u48(usage.audioInputTokens)
    .u48(usage.audioOutputTokens)
    .u48(usage.webSearches)
    .u48(usage.fileSearches);
}

/** The last four stand in no row that an earlier program wrote. */
export const unpackCounts = (from: Unpacker): Sums => ({
  inputTokens: from.u48(),
  cachedInputTokens: from.u48(),
  cacheWriteTokens: from.u48(),
  cacheWrite1hTokens: from.u48(),
  outputTokens: from.u48(),
  reasoningTokens: from.u48(),
  audioInputTokens: from.isAtEnd ? 0 : from.u48(),
  audioOutputTokens: from.isAtEnd ? 0 : from.u48(),
  webSearches: from.isAtEnd ? 0 : from.u48(),
  fileSearches: from.isAtEnd ? 0 : from.u48(),
});

export function packTotals(totals: Totals): Buffer {
  packer
    .start()
    .u32(totals.date)
    .text(totals.user)
    .text(totals.model)
    .text(totals.provider)
    .u48(totals.requests)
    .u48(totals.voids)
    .u48(totals.estimated)
    .u48(totals.unsettled)
    .i64(totals.cost);
  return packCounts(packer, totals.usage).done();
}

export function unpackTotals(bytes: Buffer): Totals {
  const from = new Unpacker(bytes);
  return {
    date: from.u32(),
    user: from.text(),
    model: from.text(),
    provider: from.text(),
    requests: from.u48(),
    voids: from.u48(),
    estimated: from.u48(),
    unsettled: from.u48(),
    cost: nano(from.i64()),
    usage: unpackCounts(from),
  };
}
