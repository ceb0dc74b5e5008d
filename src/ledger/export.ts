// The ledger's entries as NDJSON, in the order in which they were booked.

import { usdText } from '../kernel/money.js';
import { requestIdText } from '../kernel/record.js';
import type { Entry } from './entry.js';
import { type Snapshot, withSnapshot } from './snapshot.js';
import { dayText } from './spend.js';

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

export function* entriesOf({ store, fold }: Snapshot): Iterable<Entry> {
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
