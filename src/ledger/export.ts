// The ledger's entries, one by one in the order in which they were booked, as other programs are to
// read them.

import { usdText } from '../kernel/money.js';
import { requestIdText } from '../kernel/record.js';
import type { LocalDate } from '../kernel/scope.js';
import type { Entry } from './entry.js';
import { type Snapshot, withSnapshot } from './snapshot.js';
import { dayText } from './spend.js';

export interface ExportOptions {
  /** First and last day, both included, in which the requests count; all when not given. */
  readonly from?: LocalDate;
  readonly to?: LocalDate;
  /** Entries that were looked at, and that there are. */
  readonly onProgress?: (done: number, all: number) => void;
}

const PROGRESS_ENTRIES = 10_000;
const DATE_MAX = 99_991_231;

/** Every ended request, handed to `write` one by one. Returns how many there were. */
export async function exportEntries(
  storagePath: string,
  write: (entry: Entry) => void,
  { from = 0, to = DATE_MAX, onProgress = () => undefined }: ExportOptions = {},
): Promise<number> {
  const written = await withSnapshot(storagePath, (snapshot) => {
    const all = snapshot.fold.entrySequence - snapshot.store.retiredEntries;
    let seen = 0;
    let count = 0;
    for (const entry of entriesOf(snapshot)) {
      seen += 1;
      if (seen % PROGRESS_ENTRIES === 0) onProgress(seen, all);
      const { date } = entry.reserve;
      if (date < from || date > to) continue;
      write(entry);
      count += 1;
    }
    return count;
  });
  return written ?? 0;
}

function* entriesOf({ store, fold }: Snapshot): Iterable<Entry> {
  yield* store.entries();
  yield* fold.entries;
}

/** What an export says of a request. Money in USD, exact; token classes are disjoint. */
const COLUMNS: Readonly<Record<string, (entry: Entry) => string | number | boolean | null>> = {
  sequence: (entry) => entry.sequence,
  time: (entry) => new Date(entry.timeMs).toISOString(),
  kind: (entry) => entry.kind,
  request_id: (entry) => requestIdText(entry.reserve.reservationId),
  date: (entry) => dayText(entry.reserve.date),
  // An invoice knows neither user nor model.
  user: (entry) => entry.reserve.user || null,
  model: (entry) => entry.reserve.model || null,
  requested_model: (entry) => entry.reserve.requestedModel || null,
  provider: (entry) => entry.reserve.provider,
  cost_usd: (entry) => usdText(entry.cost),
  reserved_usd: (entry) => usdText(entry.reserve.amount),
  price_version: (entry) => (entry.priceVersion === '' ? null : entry.priceVersion),
  input_tokens: (entry) => entry.usage.inputTokens,
  cached_input_tokens: (entry) => entry.usage.cachedInputTokens,
  cache_write_tokens: (entry) => entry.usage.cacheWriteTokens,
  cache_write_1h_tokens: (entry) => entry.usage.cacheWrite1hTokens,
  output_tokens: (entry) => entry.usage.outputTokens,
  reasoning_tokens: (entry) => entry.usage.reasoningTokens,
  audio_input_tokens: (entry) => entry.usage.audioInputTokens,
  audio_output_tokens: (entry) => entry.usage.audioOutputTokens,
  web_searches: (entry) => entry.usage.webSearches,
  file_searches: (entry) => entry.usage.fileSearches,
  service_tier: (entry) => entry.usage.serviceTier,
  source: (entry) => entry.source,
  overrun: (entry) => entry.overrun,
  status: (entry) => entry.status,
  retry_count: (entry) => entry.reserve.retryCount,
  reserved_at: (entry) => new Date(entry.reserve.timeMs).toISOString(),
};

export const COLUMN_NAMES = Object.keys(COLUMNS);

export type ExportedEntry = Record<string, string | number | boolean | null>;

export function exportedEntry(entry: Entry): ExportedEntry {
  const exported: ExportedEntry = {};
  for (const name in COLUMNS) exported[name] = COLUMNS[name]?.(entry) ?? null;
  return exported;
}
