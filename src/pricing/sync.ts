// `sync-pricing`: fetch, read, judge, store. Prices that are refused leave the old ones in force;
// nothing is stored that was not judged.

import type { Config, ProviderConfig } from '../config/config.js';
import { TokenPakError } from '../kernel/errors.js';
import { BUNDLED_SHEET, shelfOf } from './catalogue.js';
import { hashOf, readPrices, type StoredPrices, writePrices } from './prices-file.js';
import type { Sheet } from './sheet.js';
import { judge, type Verdict } from './sync-check.js';
import { fetchList } from './sync-fetch.js';
import { sheetOf, type SourceSheet } from './sync-sheet.js';
import { readSource, SOURCE_URLS } from './sync-sources.js';

export interface SyncRequest {
  readonly config: Config;
  /** A name of SOURCE_URLS, a URL or a file. */
  readonly source: string;
  /** Only this one: a name under `providers`, or a provider's own name. */
  readonly provider?: string | undefined;
  /** Takes prices that were refused. */
  readonly force: boolean;
  readonly dryRun: boolean;
  readonly now: () => number;
}

export interface SyncResult extends Verdict {
  readonly source: string;
  /** The list’s shape; `null` when it was not sent again. */
  readonly shape: string | null;
  /** What the prices are called in the ledger; as before when nothing has changed. */
  readonly version: string;
  readonly providers: readonly string[];
  readonly models: number;
  /** What the source says of them. */
  readonly sheet: Sheet;
  readonly stored: boolean;
}

/** What a source by hand is, when the configuration keeps to the bundled prices. */
export const DEFAULT_SOURCE = 'models.dev';

export async function syncPrices(request: SyncRequest): Promise<SyncResult> {
  const { config, source, now } = request;
  const old = storedBefore(config.storage.path);
  const address = SOURCE_URLS[source] ?? source;
  const partial = request.provider !== undefined;
  const etag = old !== null && !partial && old.source === source ? old.etag : null;
  const fetched = await fetchList(address, etag);
  const nowMs = now();
  if (fetched === null) return unchanged(request, old as StoredPrices, nowMs);
  const { shape, scale, models } = readSource(fetched.text);
  const found = inScope(sheetOf({ shape, scale, models }, BUNDLED_SHEET), request);
  const inForce = { ...BUNDLED_SHEET, ...old?.providers };
  const verdict = judge(
    found,
    inForce,
    old?.source === source ? sameShelves(old.providers, found.sheet) : {},
  );
  const providers = partial ? { ...old?.providers, ...found.sheet } : found.sheet;
  const same = old !== null && hashOf(old.providers) === hashOf(providers);
  const fetchedAtMs = same ? old.fetchedAtMs : nowMs;
  const version = same ? old.version : versionOf(source, nowMs, providers);
  const stored = !request.dryRun && (verdict.problems.length === 0 || request.force);
  if (stored) {
    const tag = partial ? null : fetched.etag;
    const prices = { source, version, fetchedAtMs, checkedAtMs: nowMs, etag: tag, providers };
    writePrices(config.storage.path, prices);
  }
  const names = Object.keys(found.sheet);
  return {
    ...verdict,
    source,
    shape,
    version,
    providers: names,
    models: countOf(found.sheet),
    sheet: found.sheet,
    stored,
  };
}

/** A damaged file is about to be replaced: the new prices are held against the bundled ones. */
function storedBefore(storagePath: string): StoredPrices | null {
  try {
    return readPrices(storagePath);
  } catch (error) {
    if (error instanceof TokenPakError && error.code === 'prices_damaged') return null;
    throw error;
  }
}

function unchanged(request: SyncRequest, old: StoredPrices, nowMs: number): SyncResult {
  const { config, source, dryRun } = request;
  if (!dryRun) writePrices(config.storage.path, { ...old, checkedAtMs: nowMs });
  return {
    changes: [],
    problems: [],
    source,
    shape: null,
    version: old.version,
    providers: Object.keys(old.providers),
    models: countOf(old.providers),
    sheet: old.providers,
    stored: !dryRun,
  };
}

const countOf = (sheet: Sheet): number =>
  Object.values(sheet).reduce((sum, { models }) => sum + Object.keys(models).length, 0);

/** The earlier prices of the providers that the new ones are for. */
const sameShelves = (old: Sheet, found: Sheet): Sheet =>
  Object.fromEntries(Object.entries(old).filter(([name]) => Object.hasOwn(found, name)));

/** The part of a price list that the configured providers, or the one asked for, can use. */
function inScope({ sheet, unpriced }: SourceSheet, request: SyncRequest): SourceSheet {
  const wanted = wantedShelves(sheet, request);
  if (wanted === null) return { sheet, unpriced };
  return {
    sheet: Object.fromEntries(Object.entries(sheet).filter(([name]) => wanted.has(name))),
    unpriced,
  };
}

/** `null`: all, since a provider whose host nobody knows may be priced by any of them. */
function wantedShelves(sheet: Sheet, { config, provider }: SyncRequest): Set<string> | null {
  if (provider !== undefined) {
    const configured = Object.hasOwn(config.providers, provider)
      ? shelfOf(config.providers[provider] as ProviderConfig, sheet)
      : null;
    const name = configured ?? provider;
    if (Object.hasOwn(sheet, name)) return new Set([name]);
    const known = Object.keys(sheet).slice(0, 20).join(', ');
    throw new TokenPakError(
      'bad_usage',
      `--provider ${provider}: the source has no prices of it (it has: ${known || 'none'})`,
    );
  }
  const shelves = Object.values(config.providers).map((each) => shelfOf(each, sheet));
  return shelves.includes(null) || shelves.length === 0 ? null : new Set(shelves as string[]);
}

/** `models.dev@2026-11-25T13:05Z#1a2b3c4d` */
function versionOf(source: string, timeMs: number, providers: Sheet): string {
  const label = URL.canParse(source) ? new URL(source).host : (source.split('/').at(-1) ?? source);
  const plain = label.replaceAll(/[^\x21-\x7e]/g, '_').slice(0, 48);
  const minute = new Date(timeMs).toISOString().slice(0, 16);
  return `${plain}@${minute}Z#${hashOf(providers).slice(0, 8)}`;
}
