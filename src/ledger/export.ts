// The ledger's entries as NDJSON, in the order in which they were booked, and the check that
// entries, totals and journals agree.

import { join } from 'node:path';
import { nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import { requestIdText } from '../kernel/record.js';
import { isConsistent } from '../kernel/reservation.js';
import { GLOBAL_SCOPE, userScope, windowNumber } from '../kernel/scope.js';
import { addToTotals, type Entry, newTotals, settledKey, type Totals, totalsKey } from './entry.js';
import { WINDOWS } from './layout.js';
import { isHeld } from './lock.js';
import { listSegments } from './segment.js';
import { readSegment, type Snapshot, withSnapshot } from './snapshot.js';
import { dayText, totalsOf, utcTotalsOf } from './spend.js';
import { UtcBook, utcName } from './utc-totals.js';

const DATE_MAX = 99_991_231;

/** One line per ended request, handed to `write` one by one. Returns how many there were. */
export async function exportEntries(
  storagePath: string,
  write: (line: string) => void,
): Promise<number> {
  const lines = await withSnapshot(storagePath, (snapshot) => {
    let count = 0;
    for (const entry of entriesOf(snapshot)) {
      write(entryLine(entry));
      count += 1;
    }
    return count;
  });
  return lines ?? 0;
}

function* entriesOf({ store, fold }: Snapshot): Iterable<Entry> {
  yield* store.entries();
  yield* fold.entries;
}

/** A JSON object without a line end. Money in USD, exact; token classes are disjoint. */
export function entryLine(entry: Entry): string {
  const { reserve, usage } = entry;
  return JSON.stringify({
    sequence: entry.sequence,
    time: new Date(entry.timeMs).toISOString(),
    kind: entry.kind,
    request_id: requestIdText(reserve.reservationId),
    date: dayText(reserve.date),
    // An invoice knows neither.
    user: reserve.user || null,
    model: reserve.model || null,
    requested_model: reserve.requestedModel || null,
    provider: reserve.provider,
    cost_usd: usdText(entry.cost),
    reserved_usd: usdText(reserve.amount),
    price_version: entry.priceVersion === '' ? null : entry.priceVersion,
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
    service_tier: usage.serviceTier,
    source: entry.source,
    overrun: entry.overrun,
    status: entry.status,
    retry_count: reserve.retryCount,
    reserved_at: new Date(reserve.timeMs).toISOString(),
  });
}

export interface Verification {
  readonly entries: number;
  readonly journalRecords: number;
  /** What does not agree, in words. Empty: every checksum and every total is right. */
  readonly problems: readonly string[];
}

/** Checks every record that lies in a journal, and every total against the sum of its entries. */
export async function verify(storagePath: string): Promise<Verification> {
  const problems: string[] = [];
  let journalRecords = 0;
  const running = isHeld(storagePath);
  for (const segment of listSegments(join(storagePath, 'journal'))) {
    const { records, fault } = readSegment(segment, { from: undefined, running });
    journalRecords += records.length;
    if (fault !== null) problems.push(fault);
  }
  const entries = await withSnapshot(storagePath, (snapshot) => compare(snapshot, problems));
  return { entries: entries ?? 0, journalRecords, problems };
}

function compare(snapshot: Snapshot, problems: string[]): number {
  const totals = new Map<string, Totals>();
  const utcTotals = new UtcBook(() => undefined);
  const settled = new Map<string, NanoUsd>();
  let count = 0;
  for (const entry of entriesOf(snapshot)) {
    count += 1;
    if (entry.kind !== 'adjust' && !isConsistent({ ...entry, kind: entry.kind })) {
      const id = requestIdText(entry.reserve.reservationId);
      problems.push(`request ${id} ended at a cost that its end does not allow`);
    }
    const key = totalsKey(entry.reserve).toString('latin1');
    let sum = totals.get(key);
    if (sum === undefined) totals.set(key, (sum = newTotals(entry.reserve)));
    addToTotals(sum, entry);
    utcTotals.add(entry);
    addSettled(settled, entry);
  }
  for (const found of totalsOf(snapshot, 0, DATE_MAX)) {
    const key = totalsKey(found).toString('latin1');
    if (JSON.stringify(found, plain) !== JSON.stringify(totals.get(key), plain)) {
      const { date, user, model } = found;
      problems.push(
        `totals of ${dayText(date)}, user ${user}, model ${model} are not their entries'`,
      );
    }
    totals.delete(key);
  }
  for (const { date, user, model } of totals.values()) {
    problems.push(`totals of ${dayText(date)}, user ${user}, model ${model} are missing`);
  }
  for (const found of utcTotalsOf(snapshot, 0, DATE_MAX)) {
    const key = utcName(found);
    const sum = utcTotals.rows.get(key);
    if (JSON.stringify(found, plain) === JSON.stringify(sum, plain)) utcTotals.rows.delete(key);
  }
  for (const { utcDate, provider, model } of utcTotals.rows.values()) {
    const whose = `provider ${provider}, model ${model}`;
    problems.push(`totals of ${dayText(utcDate)} in UTC, ${whose} are not their entries'`);
  }
  for (const [key, sum] of settled) {
    const bytes = Buffer.from(key, 'latin1');
    const found =
      snapshot.fold.settled.get(key)?.settled ?? snapshot.store.settledOf(bytes) ?? ZERO_USD;
    if (found !== sum) {
      const scope = bytes.subarray(7).toString();
      problems.push(
        `${scope} has ${usdText(found)} settled, its entries add up to ${usdText(sum)}`,
      );
    }
  }
  const stray = snapshot.store.strayEnds + snapshot.fold.strayEnds.length;
  if (stray > 0) problems.push(`${stray} ends of reservations that were not open`);
  return count;
}

function addSettled(settled: Map<string, NanoUsd>, { kind, reserve, cost }: Entry): void {
  const scopes = kind === 'adjust' ? [GLOBAL_SCOPE] : [userScope(reserve.user), GLOBAL_SCOPE];
  for (const scope of scopes) {
    for (const window of WINDOWS) {
      const number = windowNumber(window, reserve.date);
      const key = settledKey(window, number, scope).toString('latin1');
      settled.set(key, nano((settled.get(key) ?? ZERO_USD) + cost));
    }
  }
}

const plain = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;
