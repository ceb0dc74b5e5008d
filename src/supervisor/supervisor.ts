// The main thread of `tokenpak proxy`: owns configuration, lifecycle and alerts, and never touches
// a request. It opens the ledger, seeds the counters from it, starts the workers, and takes all
// down in the reverse order.

import { availableParallelism, totalmem } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual } from 'node:util';
import type { ConfigState, Running } from '../admin/running.js';
import { hostInUrl } from '../config/address.js';
import type { BudgetConfig, Config } from '../config/config.js';
import { GATE, type Gate } from '../http/thread.js';
import { localDate } from '../kernel/calendar.js';
import { deferred } from '../kernel/deferred.js';
import { messageOf } from '../kernel/errors.js';
import { keyedBudget } from '../keys/key-limits.js';
import { Ledger } from '../ledger/client.js';
import { shareOf } from '../ledger/segment.js';
import { syncedTable } from '../pricing/table.js';
import { tallyBytes, TallyReader } from '../proxy/tally.js';
import { TokenPool } from '../tokens/pool.js';
import { Alerts } from './alerts.js';
import { Balances } from './balances.js';
import { certificateFault, watchCertificate } from './certificate.js';
import { Control, VERSION } from './control.js';
import { Keys } from './keys.js';
import { encodingsOf, Prices, pricesInForce } from './prices.js';
import { Reconciler } from './reconciler.js';
import { freePort, Mocks } from './listen.js';
import { reloaded } from './reload.js';
import { Raises } from './raises.js';
import { signalsOf, TelemetryFollower } from './telemetry.js';
import { WatchedFiles } from './watched-files.js';
import { Workers, type WorkersOptions } from './workers.js';

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
  /** The configuration as the file has it now. Throws `bad_config`. */
  readonly read: () => Config;
  /** The file: read again when it changes. */
  readonly file: string;
  readonly log: (line: string) => void;
}

export class Supervisor {
  readonly address: string;
  readonly workers: number;
  #config: Config;
  readonly #read: () => Config;
  readonly #file: string;
  readonly #log: (line: string) => void;
  readonly #gate = new SharedArrayBuffer(4);
  readonly #tally: SharedArrayBuffer;
  readonly #balances: Balances;
  readonly #pool = new TokenPool();
  readonly #mocks: Mocks;
  #alerts: Alerts;
  readonly #port: number;
  readonly #ended = deferred<number>();
  #ledger: Ledger | null = null;
  #threads: Workers | null = null;
  #prices: Prices | null = null;
  #reconciler: Reconciler | null = null;
  #telemetry: TelemetryFollower | null = null;
  #control: Control | null = null;
  /** `null`: callers go by their names. */
  #keys: Keys | null = null;
  readonly #raises: Raises;
  #configFile: WatchedFiles | null = null;
  #certificate: WatchedFiles | null = null;
  #configState: ConfigState = { loadedAtMs: Date.now(), problem: null };
  #reloading: Promise<void> = Promise.resolve();
  #stopping = false;
  /** Told of: that the end cannot book either is no news. */
  #booksFailed = false;

  private constructor(options: SupervisorOptions, port: number, mocks: Mocks) {
    const { config } = options;
    const { host, tls } = config.server;
    this.#config = config;
    this.#read = options.read;
    this.#file = options.file;
    this.#log = options.log;
    this.#port = port;
    this.#mocks = mocks;
    this.#balances = new Balances(config.budget);
    this.#raises = new Raises({
      budget: () => this.#baseBudget(),
      apply: (budget) => this.#limit(budget),
      now: () => Date.now(),
    });
    this.#alerts = this.#alertsOf();
    this.address = `${tls === null ? 'http' : 'https'}://${hostInUrl(host)}:${port}`;
    this.workers = config.server.workers ?? Math.min(availableParallelism(), WORKERS_MAX_DEFAULT);
    this.#tally = new SharedArrayBuffer(tallyBytes(this.workers));
  }

  /** Resolves when requests are let in. Throws, leaving nothing behind, when that cannot be. */
  static async start(options: SupervisorOptions): Promise<Supervisor> {
    process.env['UWS_HTTP_MAX_HEADERS_SIZE'] ??= HEADER_BYTES_MAX;
    const { host, port } = options.config.server;
    const free = await freePort(host, port);
    const mocks = new Mocks();
    const config = { ...options.config, providers: await mocks.resolve(options.config) };
    const supervisor = new Supervisor({ ...options, config }, free, mocks);
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

  /**
   * Reads the file again. What can change while requests are under way is in force in every worker
   * when it resolves; what cannot is named. Throws `bad_config`, and all stays as it was.
   */
  async reload(): Promise<readonly string[]> {
    const turn = this.#reloading.then(() => this.#reload());
    this.#reloading = turn.then(
      () => undefined,
      () => undefined,
    );
    return turn;
  }

  async #reload(): Promise<readonly string[]> {
    try {
      const kept = await this.#takeUp(this.#read());
      this.#configState = { loadedAtMs: Date.now(), problem: null };
      const more = kept.map((name) => `${name} changes with a restart`);
      this.#log(`configuration: read again, in force${['', ...more].join('; ')}`);
      return kept;
    } catch (error) {
      this.#configState = { ...this.#configState, problem: messageOf(error) };
      this.#log(`⚠ configuration: the old one stays in force:\n${messageOf(error)}`);
      throw error;
    }
  }

  async #takeUp(read: Config): Promise<readonly string[]> {
    const ledger = this.#ledger;
    if (ledger === null || this.#stopping) return [];
    const before = this.#config;
    const { config, kept } = reloaded(before, read);
    const next = { ...config, providers: await this.#mocks.resolve(config) };
    const prices = this.#pricesOf(next);
    this.#prices?.close();
    this.#prices = prices;
    this.#config = next;
    // They may have changed since the last look.
    this.#threads?.tell({ type: 'prices', prices: prices.current });
    await this.#threads?.configure(this.#config, this.#raises.budget);
    if (!isDeepStrictEqual(alertsIn(before), alertsIn(config))) await this.#replaceAlerts(ledger);
    await ledger.reconfigure(this.#raises.budget, this.#alerts.plans);
    this.#reconciler?.close();
    this.#reconciler = this.#reconcilerOf(ledger);
    return kept;
  }

  /** What is under way on the old channels comes to its end first. */
  async #replaceAlerts(ledger: Ledger): Promise<void> {
    const before = this.#alerts;
    this.#alerts = this.#alertsOf();
    await before.end();
    this.#alerts.start(ledger);
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
    const { budget, server, storage } = this.#config;
    this.#prices = this.#pricesOf(this.#config);
    if (this.#config.auth.mode === 'keys') this.#keys = this.#keysOf();
    // Beside all the rest, since it takes as long. A pool that fails counts nothing: bounds stand.
    const warm = this.#pool.warm(encodingsOf(this.#config)).catch(() => undefined);
    const signals = signalsOf(process.env);
    const ledger = await Ledger.open({
      storagePath: storage.path,
      budget,
      channels: this.#alerts.plans,
      retentionDays: storage.retentionDays,
      archiveBytesMax: storage.maxJournalBytes / 2,
      keepsRecent: signals !== null,
      now: () => Date.now(),
      onAlerts: () => this.#alerts.wake(),
      onFailure: (error) => {
        this.#booksFailed ||= !this.#stopping;
        this.#ledgerFailed(`The ledger failed: ${messageOf(error)}`);
      },
    });
    this.#ledger = ledger;
    this.#alerts.start(ledger);
    if (signals !== null) {
      const naming = (): Config => this.#config;
      this.#telemetry = await TelemetryFollower.start({ signals, ledger, naming, log: this.#log });
    }
    await this.#raises.start(ledger);
    this.#limit(this.#raises.budget);
    await this.#balances.seed(ledger, localDate(Date.now(), budget.timezone));
    this.#balances.watch(
      () => Date.now(),
      (problem) => this.#fail(problem),
    );
    const threads = this.#workersWith(ledger);
    this.#threads = threads;
    if (server.tls !== null) {
      // Before a worker reads it: what changes in between is not missed.
      const onRenewed = (): void => {
        threads.tell({ type: 'certificate' });
        threads.fill();
      };
      this.#certificate = watchCertificate(server.tls, { onRenewed, log: this.#log });
    }
    this.#control = await Control.start(this.#runningWith(ledger, threads));
    await Promise.all([threads.start(), warm]);
    this.#control.announce();
    this.#reconciler = this.#reconcilerOf(ledger);
    // What goes wrong is told where it happens.
    const reload = (): void => void this.reload().catch(() => undefined);
    this.#configFile = new WatchedFiles([this.#file], reload);
  }

  #alertsOf(): Alerts {
    return new Alerts({ config: this.#config, tell: (message) => this.#log(`⚠ ${message}`) });
  }

  #reconcilerOf(ledger: Ledger): Reconciler {
    const config = this.#config;
    return new Reconciler({ config, ledger, log: this.#log, now: () => Date.now() });
  }

  #runningWith(ledger: Ledger, threads: Workers): Running {
    const config = (): Config => ({ ...this.#config, budget: this.#raises.budget });
    return {
      get config() {
        return config();
      },
      raises: this.#raises,
      reload: () => this.reload(),
      configState: () => this.#configState,
      address: this.address,
      version: VERSION,
      pid: process.pid,
      startedAtMs: Date.now(),
      now: () => Date.now(),
      ledger,
      adjust: (wanted) => this.#balances.adjust(ledger, wanted),
      books: (date) => this.#balances.status(ledger, date),
      prices: () => pricesInForce(this.#prices?.current ?? null),
      priceTable: () => syncedTable(this.#config),
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

  /** The limits that are not raised: the file's, held down by keys. */
  #baseBudget(): BudgetConfig {
    const { budget } = this.#config;
    return this.#keys === null ? budget : keyedBudget(budget, this.#keys.current, Date.now());
  }

  #keysOf(): Keys {
    return new Keys({
      storagePath: this.#config.storage.path,
      onKeys: (keys) => {
        this.#threads?.tell({ type: 'keys', keys });
        this.#limit(this.#raises.budget);
      },
      log: this.#log,
      now: () => Date.now(),
    });
  }

  #pricesOf(config: Config): Prices {
    return new Prices({
      config,
      onPrices: (prices) => this.#threads?.tell({ type: 'prices', prices }),
      raise: (notice) => this.#alerts.raise(notice),
      log: this.#log,
      now: () => Date.now(),
    });
  }

  #workersWith(ledger: Ledger): Workers {
    return new Workers({
      count: this.workers,
      start: () => this.#workerStart(),
      pool: this.#pool,
      nextJournalId: () => ledger.nextJournalId(),
      recover: (journalId) => this.#balances.recover(ledger, journalId),
      startFault: () => certificateFault(this.#config.server.tls),
      onLedgerFailed: (message) => this.#ledgerFailed(`The journal failed: ${message}`),
      onGaveUp: (message) => this.#fail(message),
      log: this.#log,
      now: () => Date.now(),
    });
  }

  #workerStart(): ReturnType<WorkersOptions['start']> {
    const { server, storage } = this.#config;
    return {
      config: this.#config,
      budget: this.#raises.budget,
      port: this.#port,
      counters: this.#balances.buffer,
      gate: this.#gate,
      heldBytesMax: (server.maxHeldBytes ?? memoryBytes() / 4) / this.workers,
      tally: this.#tally,
      salt: this.#balances.salt,
      journal: {
        directory: join(storage.path, 'journal'),
        durability: storage.durability,
        ...shareOf(storage.maxJournalBytes / 2, this.workers),
      },
      prices: this.#prices?.current ?? null,
      keys: this.#keys?.current ?? null,
    };
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
    this.#balances.close();
    this.#configFile?.close();
    this.#certificate?.close();
    this.#prices?.close();
    this.#keys?.close();
    this.#reconciler?.close();
    this.#raises.close();
    await this.#threads?.drain(this.#config.server.shutdownGraceMs);
    await this.#control?.close();
    if (this.#ledger !== null) {
      await this.#ledger.drained().catch((error: unknown) => {
        if (!this.#booksFailed) this.#log(`✗ ${messageOf(error)}`);
      });
      await Promise.all([this.#alerts.end(), this.#telemetry?.end()]);
      await this.#ledger.close();
    }
    await this.#pool.close();
    await this.#mocks.close();
  }
}

/** Of this machine, or of the container that it runs in. */
const memoryBytes = (): number => Math.min(totalmem(), process.constrainedMemory() || Infinity);

/** What channels are made of. */
const alertsIn = ({ alerts, budget }: Config): unknown => [alerts, budget.alertWebhooks];
