// Prices while the proxy runs: takes up what stands in the data directory within a second, and
// fetches anew when it is time. A failure leaves the old prices in force; three in a row are told.

import type { Config } from '../config/config.js';
import type { Notice } from '../kernel/alert.js';
import { messageOf } from '../kernel/errors.js';
import { BUNDLED, BUNDLED_MS } from '../pricing/catalogue.js';
import { readPrices, pricesStamp, type StoredPrices } from '../pricing/prices-file.js';
import { syncPrices, type SyncRequest, type SyncResult } from '../pricing/sync.js';
import { syncedTable } from '../pricing/table.js';

const LOOK_MS = 1_000;
const MINUTE_MS = 60_000;
/** So many failures in a row, and the prices are stale. */
const FAILURES_MAX = 3;

export interface PricesOptions {
  readonly config: Config;
  readonly onPrices: (prices: StoredPrices | null) => void;
  readonly raise: (notice: Notice) => void;
  readonly log: (line: string) => void;
  readonly now: () => number;
  readonly sync?: (request: SyncRequest) => Promise<SyncResult>;
}

/** What prices are called, and when they were last known to hold. */
export const pricesInForce = (stored: StoredPrices | null): { version: string; asOfMs: number } =>
  stored === null
    ? { version: BUNDLED.version, asOfMs: BUNDLED_MS }
    : { version: stored.version, asOfMs: stored.checkedAtMs };

export class Prices {
  readonly #options: PricesOptions;
  readonly #timer: NodeJS.Timeout;
  #stamp: string | null;
  #current: StoredPrices | null;
  #triedAtMs = 0;
  #failures = 0;
  #syncing: Promise<void> | null = null;

  /** Throws `prices_damaged` when what is stored cannot be believed. */
  constructor(options: PricesOptions) {
    this.#options = options;
    const { storage } = options.config;
    this.#stamp = pricesStamp(storage.path);
    this.#current = readPrices(storage.path);
    this.#timer = setInterval(() => void this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** `null`: the bundled ones. */
  get current(): StoredPrices | null {
    return this.#current;
  }

  /** Takes up a changed file, and fetches when it is time; what it began is returned. */
  look(): Promise<void> | null {
    this.#takeUp();
    if (this.#syncing === null && this.#isDue()) {
      this.#syncing = this.#sync().finally(() => {
        this.#syncing = null;
        this.#takeUp();
      });
    }
    return this.#syncing;
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #takeUp(): void {
    const { config, onPrices, log } = this.#options;
    const stamp = pricesStamp(config.storage.path);
    if (stamp === this.#stamp) return;
    this.#stamp = stamp;
    try {
      const prices = readPrices(config.storage.path);
      const isSame = prices?.version === this.#current?.version;
      this.#current = prices;
      if (isSame) return;
      onPrices(prices);
      log(`prices: ${prices?.version ?? 'the bundled ones'} are in force`);
    } catch (error) {
      log(`⚠ prices: the old ones stay in force: ${messageOf(error)}`);
    }
  }

  #isDue(): boolean {
    const { pricing } = this.#options.config;
    if (pricing.source === 'bundled' || pricing.syncIntervalMinutes === 0) return false;
    const isOurs = this.#current?.source === pricing.source;
    const last = Math.max(this.#triedAtMs, isOurs ? (this.#current?.checkedAtMs ?? 0) : 0);
    return this.#options.now() >= last + pricing.syncIntervalMinutes * MINUTE_MS;
  }

  async #sync(): Promise<void> {
    const { config, now, sync = syncPrices } = this.#options;
    this.#triedAtMs = now();
    try {
      const { source } = config.pricing;
      const { problems } = await sync({ config, source, force: false, dryRun: false, now });
      if (problems.length > 0) this.#failed(`they were refused: ${problems.join('; ')}`);
      else this.#failures = 0;
    } catch (error) {
      this.#failed(messageOf(error));
    }
  }

  #failed(reason: string): void {
    const { config, raise, log, now } = this.#options;
    this.#failures += 1;
    log(`⚠ prices: the old ones stay in force: ${reason}`);
    if (this.#failures < FAILURES_MAX) return;
    const { source } = config.pricing;
    const since =
      this.#current === null ? 'never' : new Date(this.#current.checkedAtMs).toISOString();
    raise({
      event: 'pricing_stale',
      key: `${source}|${since}`,
      occurredAtMs: now(),
      details: { source, since, reason },
    });
  }
}

/** The encodings that the configured models are counted with. */
export function encodingsOf(config: Config) {
  const prices = syncedTable(config);
  const encodings = prices.names().flatMap((name) => {
    const model = prices.find(name);
    return typeof model === 'object' && model.encoding !== null ? [model.encoding] : [];
  });
  return [...new Set(encodings)];
}
