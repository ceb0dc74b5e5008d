// Entries added up by the providers' own days: what their cost reports are compared with. A month
// of ten million requests is a few hundred of these rows.

import { utcDate } from '../kernel/calendar.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import { NO_COUNTS } from '../kernel/usage.js';
import { addToSums, type Entry, packCounts, type Totals, unpackCounts } from './entry.js';
import { Packer, Unpacker } from './pack.js';

/**
 * Sums of a UTC day's entries by provider and model, as the providers' own reports are grouped. A
 * request stands in the day it began in. Corrections stand in the row without a model.
 */
export interface UtcTotals {
  readonly utcDate: LocalDate;
  readonly provider: string;
  readonly model: string;
  requests: number;
  cost: NanoUsd;
  /** Of these, what was booked without the provider's own usage. */
  estimated: number;
  estimatedCost: NanoUsd;
  readonly usage: Totals['usage'];
}

export type UtcName = Pick<UtcTotals, 'utcDate' | 'provider' | 'model'>;

const newUtcTotals = ({ utcDate: date, provider, model }: UtcName): UtcTotals => ({
  utcDate: date,
  provider,
  model,
  requests: 0,
  cost: ZERO_USD,
  estimated: 0,
  estimatedCost: ZERO_USD,
  usage: { ...NO_COUNTS },
});

export function addUtcEntry(totals: UtcTotals, entry: Entry): void {
  if (entry.kind === 'settle') totals.requests += 1;
  totals.cost = nano(totals.cost + entry.cost);
  if (entry.source === 'estimated' || entry.source === 'unsettled') {
    totals.estimated += 1;
    totals.estimatedCost = nano(totals.estimatedCost + entry.cost);
  }
  addToSums(totals.usage, entry.usage);
}

/** The same for any two rows of one day, provider and model, and for them alone. */
export const utcName = (row: UtcName): string =>
  `${row.utcDate} ${row.provider.length} ${row.provider}${row.model}`;

const DAY_MS = 86_400_000;

/**
 * The rows that entries count in, by name. What is not there yet comes from `before`, or begins at
 * nothing.
 */
export class UtcBook {
  readonly rows = new Map<string, UtcTotals>();
  readonly #before: (name: UtcName) => UtcTotals | undefined;
  /** By model first: finding a row by its name would cost more than adding to it. */
  readonly #byModel = new Map<string, { day: number; row: UtcTotals }[]>();

  constructor(before: (name: UtcName) => UtcTotals | undefined) {
    this.#before = before;
  }

  /** What cost nothing counts in no row. */
  add(entry: Entry): void {
    if (entry.kind === 'void') return;
    const { timeMs, provider, model } = entry.reserve;
    const day = Math.floor(timeMs / DAY_MS);
    let rows = this.#byModel.get(model);
    if (rows === undefined) this.#byModel.set(model, (rows = []));
    let found = rows.find((one) => one.day === day && one.row.provider === provider);
    if (found === undefined) {
      found = { day, row: this.rowOf({ utcDate: utcDate(timeMs), provider, model }) };
      rows.push(found);
    }
    addUtcEntry(found.row, entry);
  }

  rowOf(name: UtcName): UtcTotals {
    const key = utcName(name);
    let row = this.rows.get(key);
    if (row === undefined) {
      row = this.#before(name) ?? newUtcTotals(name);
      this.rows.set(key, row);
    }
    return row;
  }
}

const packer = new Packer();

/** Sorts by day first. */
export const utcTotalsKey = (row: UtcName): Buffer =>
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
  return packCounts(packer, totals.usage).done();
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
    usage: unpackCounts(from),
  };
}
