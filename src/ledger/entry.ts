// What the ledger keeps once a reservation has ended, the totals that add entries up, and the bytes
// of both in the store.

import { utcStart } from '../kernel/calendar.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import type { AdjustRecord, ReserveRecord } from '../kernel/record.js';
import type { LocalDate, Scope, WindowKind } from '../kernel/scope.js';
import { NO_USAGE, type Usage, type UsageSource } from '../kernel/usage.js';
import { SOURCES, WINDOWS } from './layout.js';
import { Packer, Unpacker } from './pack.js';

const ENTRY_KINDS = ['void', 'settle', 'adjust'] as const;
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

/** Sums of a day's entries by user, model and provider. */
export interface Totals {
  readonly date: LocalDate;
  readonly user: string;
  readonly model: string;
  readonly provider: string;
  readonly requests: number;
  readonly voids: number;
  readonly estimated: number;
  readonly unsettled: number;
  readonly cost: NanoUsd;
  readonly usage: Usage;
}

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
    inputBoundTokens: 0,
    maxOutputTokens: 0,
    priceVersion: '',
    deadlineMs: 0,
    retryCount: 0,
  };
  return { ...UNPRICED, kind: 'adjust', timeMs: record.timeMs, reserve, cost: delta };
}

/** The ending of what cost nothing and used nothing. */
export const UNPRICED = {
  cost: ZERO_USD,
  usage: NO_USAGE,
  source: null,
  status: 0,
  priceVersion: '',
  overrun: false,
} as const;

export function addUsage(a: Usage, b: Usage): Usage {
  return {
    inputTokens: a.inputTokens + b.inputTokens,
    cachedInputTokens: a.cachedInputTokens + b.cachedInputTokens,
    cacheWriteTokens: a.cacheWriteTokens + b.cacheWriteTokens,
    cacheWrite1hTokens: a.cacheWrite1hTokens + b.cacheWrite1hTokens,
    outputTokens: a.outputTokens + b.outputTokens,
    reasoningTokens: a.reasoningTokens + b.reasoningTokens,
  };
}

/** The totals with one more entry; from nothing when it is the first. */
export function addEntry(before: Totals | undefined, entry: Entry): Totals {
  const { date, user, model, provider } = entry.reserve;
  const settled = entry.kind === 'settle' ? 1 : 0;
  return {
    date,
    user,
    model,
    provider,
    requests: (before?.requests ?? 0) + settled,
    voids: (before?.voids ?? 0) + (entry.kind === 'void' ? 1 : 0),
    estimated: (before?.estimated ?? 0) + (entry.source === 'estimated' ? 1 : 0),
    unsettled: (before?.unsettled ?? 0) + (entry.source === 'unsettled' ? 1 : 0),
    cost: nano((before?.cost ?? ZERO_USD) + entry.cost),
    usage: addUsage(before?.usage ?? NO_USAGE, entry.usage),
  };
}

/** One for all: whoever starts it is done with it before anyone else starts. */
const packer = new Packer();

export const reservationKey = (reservationId: bigint): Buffer =>
  packer.start().u64(reservationId).done();

export const entryKey = (entry: Entry): Buffer =>
  packer.start().u48(entry.timeMs).u64(entry.reserve.reservationId).done();

/** Sorts by day first. */
export const totalsKey = ({
  date,
  user,
  model,
  provider,
}: Pick<ReserveRecord, 'date' | 'user' | 'model' | 'provider'>): Buffer =>
  packer.start().u32(date).text(user).text(model).text(provider).done();

export const settledKey = (window: WindowKind, windowNumber: number, scope: Scope): Buffer =>
  packer.start().u8(WINDOWS.indexOf(window)).u32(windowNumber).text(scope).done();

export function packUsage(to: Packer, usage: Usage): Packer {
  return to
    .u48(usage.inputTokens)
    .u48(usage.cachedInputTokens)
    .u48(usage.cacheWriteTokens)
    .u48(usage.cacheWrite1hTokens)
    .u48(usage.outputTokens)
    .u48(usage.reasoningTokens);
}

export const unpackUsage = (from: Unpacker): Usage => ({
  inputTokens: from.u48(),
  cachedInputTokens: from.u48(),
  cacheWriteTokens: from.u48(),
  cacheWrite1hTokens: from.u48(),
  outputTokens: from.u48(),
  reasoningTokens: from.u48(),
});

export const packReserve = (record: ReserveRecord): Buffer =>
  packReserveInto(packer.start(), record).u8(record.retryCount).done();

function packReserveInto(to: Packer, record: ReserveRecord): Packer {
  return to
    .u64(record.reservationId)
    .u48(record.timeMs)
    .u32(record.date)
    .text(record.user)
    .text(record.model)
    .text(record.requestedModel)
    .text(record.provider)
    .i64(record.amount)
    .u48(record.inputBoundTokens)
    .u48(record.maxOutputTokens)
    .text(record.priceVersion)
    .u48(record.deadlineMs);
}

export function unpackReserve(bytes: Buffer): ReserveRecord {
  const from = new Unpacker(bytes);
  const reserve = reserveFrom(from);
  return from.isAtEnd ? reserve : { ...reserve, retryCount: from.u8() };
}

const reserveFrom = (from: Unpacker): ReserveRecord => ({
  kind: 'reserve',
  reservationId: from.u64(),
  timeMs: from.u48(),
  date: from.u32(),
  user: from.text(),
  model: from.text(),
  requestedModel: from.text(),
  provider: from.text(),
  amount: nano(from.i64()),
  inputBoundTokens: from.u48(),
  maxOutputTokens: from.u48(),
  priceVersion: from.text(),
  deadlineMs: from.u48(),
  // Stands last of all, behind what the first version wrote.
  retryCount: 0,
});

export function packEntry(entry: Entry): Buffer {
  packer.start().u48(entry.sequence).u8(ENTRY_KINDS.indexOf(entry.kind)).u48(entry.timeMs);
  packReserveInto(packer, entry.reserve).i64(entry.cost);
  return packUsage(packer, entry.usage)
    .u8(entry.source === null ? SOURCES.length : SOURCES.indexOf(entry.source))
    .u32(entry.status)
    .text(entry.priceVersion)
    .u8(entry.overrun ? 1 : 0)
    .u8(entry.reserve.retryCount)
    .done();
}

export function unpackEntry(bytes: Buffer): Entry {
  const from = new Unpacker(bytes);
  const entry: Entry = {
    sequence: from.u48(),
    kind: ENTRY_KINDS[from.u8()] ?? 'void',
    timeMs: from.u48(),
    reserve: reserveFrom(from),
    cost: nano(from.i64()),
    usage: unpackUsage(from),
    source: SOURCES[from.u8()] ?? null,
    status: from.u32(),
    priceVersion: from.text(),
    overrun: from.u8() === 1,
  };
  if (from.isAtEnd) return entry;
  return { ...entry, reserve: { ...entry.reserve, retryCount: from.u8() } };
}

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
  return packUsage(packer, totals.usage).done();
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
    usage: unpackUsage(from),
  };
}
