// Entries added up by the providers' own days: what their cost reports are compared with. A month
// of ten million requests is a few hundred of these rows.

import { utcDate } from '../kernel/calendar.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import { NO_USAGE, type Usage } from '../kernel/usage.js';
import { addUsage, type Entry, packUsage, unpackUsage } from './entry.js';
import { Packer, Unpacker } from './pack.js';

/**
 * Sums of a UTC day's entries by provider and model, as the providers' own reports are grouped. A
 * request stands in the day it began in. Corrections stand in the row without a model.
 */
export interface UtcTotals {
  readonly utcDate: LocalDate;
  readonly provider: string;
  readonly model: string;
  readonly requests: number;
  readonly cost: NanoUsd;
  /** Of these, what was booked without the provider's own usage. */
  readonly estimated: number;
  readonly estimatedCost: NanoUsd;
  readonly usage: Usage;
}

export function addUtcEntry(before: UtcTotals | undefined, entry: Entry): UtcTotals {
  const { timeMs, provider, model } = entry.reserve;
  const unsure = entry.source === 'estimated' || entry.source === 'unsettled';
  return {
    utcDate: before?.utcDate ?? utcDate(timeMs),
    provider,
    model,
    requests: (before?.requests ?? 0) + (entry.kind === 'settle' ? 1 : 0),
    cost: nano((before?.cost ?? ZERO_USD) + entry.cost),
    estimated: (before?.estimated ?? 0) + (unsure ? 1 : 0),
    estimatedCost: nano((before?.estimatedCost ?? ZERO_USD) + (unsure ? entry.cost : 0n)),
    usage: addUsage(before?.usage ?? NO_USAGE, entry.usage),
  };
}

/** The same for any two rows of one day, provider and model, and for them alone. */
export const utcName = (row: Pick<UtcTotals, 'utcDate' | 'provider' | 'model'>): string =>
  `${row.utcDate} ${row.provider.length} ${row.provider}${row.model}`;

/** Adds an entry to sums by key; what cost nothing stands in none. */
export function addToUtcTotals(totals: Map<string, UtcTotals>, entry: Entry): void {
  if (entry.kind === 'void') return;
  const { timeMs, provider, model } = entry.reserve;
  const key = utcName({ utcDate: utcDate(timeMs), provider, model });
  totals.set(key, addUtcEntry(totals.get(key), entry));
}

const packer = new Packer();

/** Sorts by day first. */
export const utcTotalsKey = (row: Pick<UtcTotals, 'utcDate' | 'provider' | 'model'>): Buffer =>
  packer.start().u32(row.utcDate).text(row.provider).text(row.model).done();

export function packUtcTotals(totals: UtcTotals): Buffer {
  packer
    .start()
    .u32(totals.utcDate)
    .text(totals.provider)
    .text(totals.model)
    .u48(totals.requests)
    .i64(totals.cost)
    .u48(totals.estimated)
    .i64(totals.estimatedCost);
  return packUsage(packer, totals.usage).done();
}

export function unpackUtcTotals(bytes: Buffer): UtcTotals {
  const from = new Unpacker(bytes);
  return {
    utcDate: from.u32(),
    provider: from.text(),
    model: from.text(),
    requests: from.u48(),
    cost: nano(from.i64()),
    estimated: from.u48(),
    estimatedCost: nano(from.i64()),
    usage: unpackUsage(from),
  };
}
