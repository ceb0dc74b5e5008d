// What was spent, by user, model, provider or day: exact at any instant, while a proxy runs and
// after it died.

import { nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import { type Counts, NO_COUNTS } from '../kernel/usage.js';
import { addCounts, type Totals } from './entry.js';
import { Fold } from './fold.js';
import { type Snapshot, withSnapshot } from './snapshot.js';
import type { Store } from './store.js';
import { utcName, type UtcTotals } from './utc-totals.js';

export type SpendBy = 'user' | 'model' | 'provider' | 'day';

export interface SpendQuery {
  readonly by: SpendBy;
  /** First and last day, both included, in the budget's time zone. */
  readonly from: LocalDate;
  readonly to: LocalDate;
}

export interface SpendRow {
  /**
   * The user, model or provider; a day as `2026-03-25`. Empty: corrections by invoices, which know
   * neither user nor model.
   */
  readonly name: string;
  readonly requests: number;
  readonly usage: Counts;
  readonly cost: NanoUsd;
  /** Requests whose usage the provider did not report, or whose end nobody saw. */
  readonly estimated: number;
  readonly unsettled: number;
}

export interface SpendResult {
  readonly query: SpendQuery;
  /** The dearest first; days in order. */
  readonly rows: readonly SpendRow[];
  readonly total: NanoUsd;
  /** Damage found in journals; empty unless the numbers may lack something. */
  readonly faults: readonly string[];
}

/** The rows of a range of days. Without any books the result is empty. */
export async function spend(storagePath: string, query: SpendQuery): Promise<SpendResult> {
  const result = await withSnapshot(storagePath, (snapshot) => spendOf(snapshot, query));
  return result ?? { query, rows: [], total: ZERO_USD, faults: [] };
}

/** Every total of a snapshot: the fold's stand in for the store's. */
export function* totalsOf({ store, fold }: Snapshot, from: number, to: number): Iterable<Totals> {
  const key = (totals: Totals): string =>
    JSON.stringify([totals.date, totals.user, totals.model, totals.provider]);
  const newer = new Map(fold.totals.map((totals) => [key(totals), totals]));
  for (const totals of store.totalsBetween(from, to)) {
    if (!newer.has(key(totals))) yield totals;
  }
  for (const totals of newer.values()) if (totals.date >= from && totals.date <= to) yield totals;
}

/** The same by the providers' own days. */
export function* utcTotalsOf(
  { store, fold }: Snapshot,
  from: number,
  to: number,
): Iterable<UtcTotals> {
  for (const row of store.utcTotalsBetween(from, to)) {
    if (!fold.utcTotals.has(utcName(row))) yield row;
  }
  for (const row of fold.utcTotals.values())
    if (row.utcDate >= from && row.utcDate <= to) yield row;
}

/** The same of what is booked, where the books are open already; the dearest rows only. */
export function spendBooked(store: Store, query: SpendQuery, rowsMax: number): SpendResult {
  const fold = new Fold(store, null);
  const { rows, ...result } = spendOf({ store, fold, running: true, faults: [] }, query);
  return { ...result, rows: rows.slice(0, rowsMax) };
}

function spendOf(snapshot: Snapshot, query: SpendQuery): SpendResult {
  const rows = new Map<string, SpendRow>();
  let total = ZERO_USD;
  for (const totals of totalsOf(snapshot, query.from, query.to)) {
    total = nano(total + totals.cost);
    if (totals.requests === 0 && totals.cost === 0n) continue;
    const name = query.by === 'day' ? dayText(totals.date) : totals[query.by];
    const row = rows.get(name);
    rows.set(name, {
      name,
      requests: (row?.requests ?? 0) + totals.requests,
      usage: addCounts(row?.usage ?? NO_COUNTS, totals.usage),
      cost: nano((row?.cost ?? ZERO_USD) + totals.cost),
      estimated: (row?.estimated ?? 0) + totals.estimated,
      unsettled: (row?.unsettled ?? 0) + totals.unsettled,
    });
  }
  const sorted = [...rows.values()].sort((a, b) =>
    query.by === 'day' || a.cost === b.cost ? (a.name < b.name ? -1 : 1) : a.cost > b.cost ? -1 : 1,
  );
  return { query, rows: sorted, total, faults: snapshot.faults };
}

/** `2026-03-25` */
export function dayText(date: LocalDate): string {
  const digits = String(date).padStart(8, '0');
  return `${digits.slice(0, 4)}-${digits.slice(4, 6)}-${digits.slice(6)}`;
}

/** The result as `spend --json` prints it. Token classes are disjoint. */
export function spendJson({ query, rows, total }: SpendResult): object {
  return {
    rows: rows.map(({ name, requests, usage, cost, estimated, unsettled }) => ({
      [query.by]: name || null,
      requests,
      input_tokens: usage.inputTokens,
      cached_input_tokens: usage.cachedInputTokens,
      cache_write_tokens: usage.cacheWriteTokens,
      cache_write_1h_tokens: usage.cacheWrite1hTokens,
      output_tokens: usage.outputTokens,
      reasoning_tokens: usage.reasoningTokens,
      audio_input_tokens: usage.audioInputTokens,
      audio_output_tokens: usage.audioOutputTokens,
      web_searches: usage.webSearches,
      file_searches: usage.fileSearches,
      estimated_requests: estimated,
      unsettled_requests: unsettled,
      cost_usd: usdText(cost),
    })),
    total_usd: usdText(total),
  };
}
