// The main thread of `tokenpak proxy`: owns configuration, lifecycle and alerts, and never touches
// a request. It opens the ledger, seeds the counters from it, starts the workers, and takes all
// down in the reverse order.

import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import type { Running } from '../admin/running.js';
import { hostInUrl } from '../config/address.js';
import type { BudgetConfig, Config } from '../config/config.js';
import { GATE, type Gate } from '../http/thread.js';
import { localDate } from '../kernel/calendar.js';
import { deferred } from '../kernel/deferred.js';
import { messageOf } from '../kernel/errors.js';
import { Ledger } from '../ledger/client.js';
import { shareOf } from '../ledger/segment.js';
import { syncedTable } from '../pricing/table.js';
import { tallyBytes, TallyReader } from '../proxy/tally.js';
import { TokenPool } from '../tokens/pool.js';
import { Alerts } from './alerts.js';
import { Balances } from './balances.js';
import { Control, VERSION } from './control.js';
import { Prices, pricesInForce } from './prices.js';
import { Reconciler } from './reconciler.js';
import { freePort, type Mocks, startMocks } from './listen.js';
import { Raises } from './raises.js';
import { Workers } from './workers.js';

const WORKERS_MAX_DEFAULT = 8;
/** uWebSockets takes 4 KiB of headers unless told otherwise before it loads. */
const HEADER_BYTES_MAX = '32768';
const STATES = {
  [GATE.open]: 'ready',
  [GATE.draining]: 'draining',
  [GATE.failed]: 'ledger_unavailable',
} as const;

export interface SupervisorOptions {
  readonly config: Config;
  readonly log: (line: string) => void;
}

export class Supervisor {
  readonly address: string;
  readonly workers: number;
  readonly #config: Config;
  readonly #log: (line: string) => void;
  readonly #gate = new SharedArrayBuffer(4);
  readonly #tally: SharedArrayBuffer;
  readonly #balances: Balances;
  readonly #pool = new TokenPool();
  readonly #mocks: Mocks;
  readonly #alerts: Alerts;
  readonly #port: number;
  readonly #ended = deferred<number>();
  #ledger: Ledger | null = null;
  #threads: Workers | null = null;
  #prices: Prices | null = null;
  #reconciler: Reconciler | null = null;
  #control: Control | null = null;
  readonly #raises: Raises;
  #stopping = false;

  private constructor(options: SupervisorOptions, port: number, mocks: Mocks) {
    const { config } = options;
    const { host } = config.server;
    this.#config = { ...config, providers: mocks.providers };
    this.#log = options.log;
    this.#port = port;
    this.#mocks = mocks;
    this.#balances = new Balances(config.budget);
    this.#raises = new Raises({
      budget: () => this.#config.budget,
      apply: (budget) => this.#limit(budget),
      now: () => Date.now(),
    });
    this.#alerts = new Alerts({ config, tell: (message) => this.#log(`⚠ ${message}`) });
    this.address = `http://${hostInUrl(host)}:${port}`;
    this.workers = config.server.workers ?? Math.min(availableParallelism(), WORKERS_MAX_DEFAULT);
    this.#tally = new SharedArrayBuffer(tallyBytes(this.workers));
  }

  /** Resolves when requests are let in. Throws, leaving nothing behind, when that cannot be. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= HEADER_BYTES_MAX;
    const { host, port } = options.config.server;
    const free = await freePort(host, port);
    const supervisor = new Supervisor(options, free, await startMocks(options.config));
    try {
      await supervisor.#start();
    } catch (error) {
      await supervisor.#end();
      throw error;
    }
    return supervisor;
  }

  /** Resolves with the exit code once everything is down. */
  get ended(): Promise<number> {
    return this.#ended.promise;
  }

  /** Ends in order: no new requests, those under way finish, the books are closed. */
  stop(exitCode: number): void {
    if (this.#stopping) return;
    this.#stopping = true;
    this.#end().then(
      () => this.#ended.resolve(exitCode),
      (error: unknown) => {
        this.#log(`✗ ${messageOf(error)}`);
        this.#ended.resolve(1);
      },
    );
  }

  async #start(): Promise<void> {
    const { budget, storage } = this.#config;
    this.#prices = this.#pricesOf();
    // Beside all the rest, since it takes as long. A pool that fails counts nothing: bounds stand.
    const warm = this.#pool.warm(encodingsOf(this.#config)).catch(() => undefined);
    const ledger = await Ledger.open({
      storagePath: storage.path,
      budget,
      channels: this.#alerts.plans,
      retentionDays: storage.retentionDays,
      archiveBytesMax: storage.maxJournalBytes / 2,
      now: () => Date.now(),
      onAlerts: () => this.#alerts.wake(),
      onFailure: (error) => this.#ledgerFailed(`The ledger failed: ${messageOf(error)}`),
    });
    this.#ledger = ledger;
    this.#alerts.start(ledger);
    await this.#raises.start(ledger);
    this.#limit(this.#raises.budget);
    await this.#balances.seed(ledger, localDate(Date.now(), budget.timezone));
    const threads = this.#workersWith(ledger);
    this.#threads = threads;
    this.#control = await Control.start(this.#runningWith(ledger, threads));
    await Promise.all([threads.start(), warm]);
    this.#control.announce();
    this.#reconciler = new Reconciler({
      config: this.#config,
      ledger,
      log: this.#log,
      now: () => Date.now(),
    });
  }

  #runningWith(ledger: Ledger, threads: Workers): Running {
    const fileConfig = this.#config;
    const raises = this.#raises;
    return {
      get config() {
        return { ...fileConfig, budget: raises.budget };
      },
      raises,
      address: this.address,
      version: VERSION,
      pid: process.pid,
      startedAtMs: Date.now(),
      now: () => Date.now(),
      ledger,
      adjust: (wanted) => this.#balances.adjust(ledger, wanted),
      books: (date) => this.#balances.status(ledger, date),
      prices: () => pricesInForce(this.#prices?.current ?? null),
      priceTable: () => syncedTable(fileConfig),
      tally: new TallyReader(this.#tally),
      workers: () => threads.count,
      state: () => STATES[Atomics.load(new Int32Array(this.#gate), 0) as Gate],
      holding: (user, window, date) => this.#balances.holding(user, window, date),
    };
  }

  /** Other limits, where they are checked and where crossings are found. */
  #limit(budget: BudgetConfig): void {
    this.#threads?.tell({ type: 'limits', budget });
    this.#ledger?.reconfigure(budget, this.#alerts.plans).catch((error: unknown) => {
      if (!this.#stopping) this.#log(`⚠ alerts go by the old limits: ${messageOf(error)}`);
    });
  }

  #pricesOf(): Prices {
    return new Prices({
      config: this.#config,
      onPrices: (prices) => this.#threads?.tell({ type: 'prices', prices }),
      raise: (notice) => this.#alerts.raise(notice),
      log: this.#log,
      now: () => Date.now(),
    });
  }

  #workersWith(ledger: Ledger): Workers {
    const { storage } = this.#config;
    return new Workers({
      count: this.workers,
      start: {
        config: this.#config,
        port: this.#port,
        counters: this.#balances.buffer,
        gate: this.#gate,
        tally: this.#tally,
        salt: this.#balances.salt,
        journal: {
          directory: join(storage.path, 'journal'),
          durability: storage.durability,
          ...shareOf(storage.maxJournalBytes / 2, this.workers),
        },
      },
      prices: () => this.#prices?.current ?? null,
      budget: () => this.#raises.budget,
      pool: this.#pool,
      nextJournalId: () => ledger.nextJournalId(),
      recover: (journalId) => this.#balances.recover(ledger, journalId),
      onLedgerFailed: (message) => this.#ledgerFailed(`The journal failed: ${message}`),
      onGaveUp: (message) => this.#fail(message),
      log: this.#log,
      now: () => Date.now(),
    });
  }

  #ledgerFailed(what: string): void {
    if (!this.#stopping) this.#alerts.ledgerFailed(what);
    this.#fail(what);
  }

  /** In doubt nothing is admitted, and the process ends with 1. */
  #fail(what: string): void {
    if (this.#stopping) return;
    Atomics.store(new Int32Array(this.#gate), 0, GATE.failed);
    this.#log(`✗ ${what}. Nothing is admitted any more; ending.`);
    this.stop(1);
  }

  async #end(): Promise<void> {
    Atomics.compareExchange(new Int32Array(this.#gate), 0, GATE.open, GATE.draining);
    this.#prices?.close();
    this.#reconciler?.close();
    this.#raises.close();
    await this.#threads?.drain(this.#config.server.shutdownGraceMs);
    await this.#control?.close();
    if (this.#ledger !== null) {
      await this.#ledger.drained().catch((error: unknown) => this.#log(`✗ ${messageOf(error)}`));
      await this.#alerts.end();
      await this.#ledger.close();
    }
    await this.#pool.close();
    await Promise.all(this.#mocks.running.map((mock) => mock.close()));
  }
}

/** The encodings that the configured models are counted with. */
function encodingsOf(config: Config) {
  const prices = syncedTable(config);
  const encodings = prices.names().flatMap((name) => {
    const model = prices.find(name);
    return typeof model === 'object' && model.encoding !== null ? [model.encoding] : [];
  });
  return [...new Set(encodings)];
}
