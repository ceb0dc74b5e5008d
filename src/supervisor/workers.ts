// The HTTP worker threads: started, watched, started again when one dies, drained at the end. What
// a dead worker had reserved is charged in full before its successor starts.

import { setTimeout as wait } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { Worker, MessageChannel } from 'node:worker_threads';
import type { BudgetConfig, Config } from '../config/config.js';
import { type FromWorker, type ToWorker, type WorkerStart } from '../http/thread.js';
import { type Deferred, deferred } from '../kernel/deferred.js';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import type { TokenPool } from '../tokens/pool.js';

// Of a proxy that is asked twenty times a second V8 would have most code interpreted for minutes.
// So it is compiled when it first runs, and optimised after fewer rounds than usual: what begins a
// stream takes a third less time then. Under load the other choice of what to inline saves 8 %, and
// to inline more of it 2 %.
setFlagsFromString('--always-sparkplug');
setFlagsFromString('--max-inlined-bytecode-size=1000');
setFlagsFromString('--max-inlined-bytecode-size-cumulative=2000');
// Later versions know it no more.
if (Number.parseInt(process.versions.v8, 10) < 12) setFlagsFromString('--interrupt-budget=20000');

/** A worker that lives shorter than this counts as a failed start. */
const SHORT_LIFE_MS = 2_000;
/** So many short lives in a row, and the supervisor gives up instead of spinning. */
const SHORT_LIVES_MAX = 5;

/** How often it is looked whether what kept a worker from being started has passed. */
const VACANT_MS = 1_000;

/** A worker that is not gone so long after its grace hangs. */
const HANG_MS = 5_000;

export interface WorkersOptions {
  readonly count: number;
  /** What a worker that starts now is given. */
  readonly start: () => Omit<WorkerStart, 'index' | 'journalId' | 'tokens'>;
  readonly pool: TokenPool;
  readonly nextJournalId: () => Promise<number>;
  /** Charges what a dead worker left open. */
  readonly recover: (journalId: number) => Promise<void>;
  /** Why none could be started now. Asked again until it has passed; `fill` is sooner. */
  readonly startFault: () => string | null;
  readonly onLedgerFailed: (message: string) => void;
  readonly onGaveUp: (message: string) => void;
  readonly log: (line: string) => void;
  readonly now: () => number;
}

export class Workers {
  readonly #options: WorkersOptions;
  readonly #threads = new Map<number, Worker>();
  /** How often each worker has died soon after it listened, in a row. */
  readonly #shortLives = new Map<number, number>();
  /** Those that have died and cannot be started for now. */
  readonly #vacant = new Set<number>();
  #vacancies: NodeJS.Timeout | undefined;
  #configurations = 0;
  #stopping = false;

  constructor(options: WorkersOptions) {
    this.#options = options;
  }

  get count(): number {
    return this.#threads.size;
  }

  /** Resolves when all listen; throws `cannot_start` when one cannot. */
  async start(): Promise<void> {
    const { count } = this.#options;
    await Promise.all(Array.from({ length: count }, (_, index) => this.#startOne(index)));
  }

  /** Said to every worker that there is. */
  tell(message: ToWorker): void {
    for (const worker of this.#threads.values()) worker.postMessage(message);
  }

  /** Resolves when every worker that there is works by it. One that starts now does anyway. */
  async configure(config: Config, budget: BudgetConfig): Promise<void> {
    const id = ++this.#configurations;
    await Promise.all(
      [...this.#threads.values()].map((worker) => {
        const { promise, resolve } = deferred<void>();
        const hear = (message: FromWorker): void => {
          if (message.type === 'configured' && message.id === id) resolve();
        };
        worker.on('message', hear).once('exit', resolve);
        worker.postMessage({ type: 'config', id, config, budget } satisfies ToWorker);
        return promise.finally(() => worker.off('message', hear).off('exit', resolve));
      }),
    );
  }

  async #startOne(index: number): Promise<void> {
    const { start, pool, nextJournalId, now } = this.#options;
    const journalId = await nextJournalId();
    const { port1, port2 } = new MessageChannel();
    pool.serve(port1);
    const worker = new Worker(new URL('../http/worker.js', import.meta.url), {
      name: `http-${index}`,
      workerData: { ...start(), index, journalId, tokens: port2 } satisfies WorkerStart,
      transferList: [port2],
    });
    this.#threads.set(index, worker);
    let listeningSince: number | null = null;
    const started = deferred<void>();
    worker.on('message', (message: FromWorker) => this.#hear(index, message, started));
    worker.on('error', (error) => {
      if (listeningSince !== null) this.#options.log(`worker ${index} failed: ${error.message}`);
      started.reject(new TokenPakError('cannot_start', startFailure(error)));
    });
    worker.on('exit', () => {
      port1.close();
      this.#threads.delete(index);
      started.reject(new TokenPakError('cannot_start', `worker ${index} ended before it listened`));
      if (listeningSince === null || this.#stopping) return;
      void this.#replace(index, journalId, now() - listeningSince);
    });
    await started.promise;
    listeningSince = now();
  }

  #hear(index: number, message: FromWorker, started: Deferred<void>): void {
    switch (message.type) {
      case 'listening':
        started.resolve();
        break;
      case 'configured':
        // Heard by who asked.
        break;
      case 'cannot_start':
        started.reject(new TokenPakError('cannot_start', message.message));
        break;
      case 'ledger_failed':
        this.#options.onLedgerFailed(message.message);
        break;
      case 'defect':
        this.#options.log(`worker ${index} stops on a defect: ${message.message}`);
        break;
    }
  }

  async #replace(index: number, journalId: number, livedMs: number): Promise<void> {
    const { recover, startFault, log, onGaveUp } = this.#options;
    const shortLives = livedMs < SHORT_LIFE_MS ? (this.#shortLives.get(index) ?? 0) + 1 : 0;
    this.#shortLives.set(index, shortLives);
    if (shortLives >= SHORT_LIVES_MAX) {
      return onGaveUp(`worker ${index} died ${SHORT_LIVES_MAX} times right after its start`);
    }
    try {
      await recover(journalId);
    } catch (error) {
      return this.#giveUp(index, error);
    }
    const fault = startFault();
    if (fault !== null && this.#threads.size > 0) {
      // The others serve: to end with it would cost everyone what costs a share now.
      this.#vacant.add(index);
      this.#vacancies ??= setInterval(() => this.#fillIfSound(), VACANT_MS).unref();
      return log(`✗ worker ${index} is not started again for now: ${fault}`);
    }
    await this.#startAgain(index);
  }

  async #startAgain(index: number): Promise<void> {
    try {
      await this.#startOne(index);
      this.#options.log(`worker ${index} was started again`);
    } catch (error) {
      this.#giveUp(index, error);
    }
  }

  #giveUp(index: number, error: unknown): void {
    this.#options.onGaveUp(`worker ${index} cannot be started again: ${messageOf(error)}`);
  }

  /** What kept workers from being started has passed. */
  fill(): void {
    for (const index of this.#vacant) void this.#startAgain(index);
    this.#vacant.clear();
    clearInterval(this.#vacancies);
    this.#vacancies = undefined;
  }

  /** It may pass without a change that anyone sees: a file that was away is there again. */
  #fillIfSound(): void {
    if (!this.#stopping && this.#options.startFault() === null) this.fill();
  }

  /**
   * Stops listening, lets requests end for the time given, then waits for the threads to be gone,
   * but for no thread that hangs.
   */
  async drain(graceMs: number): Promise<void> {
    this.#stopping = true;
    await Promise.all(
      [...this.#threads.values()].map(async (worker) => {
        const gone = new Promise((resolve) => worker.once('exit', () => resolve('gone')));
        worker.postMessage({ type: 'drain', graceMs } satisfies ToWorker);
        const hangs = wait(graceMs + HANG_MS, 'hangs', { ref: false });
        if ((await Promise.race([gone, hangs])) === 'gone') return;
        this.#options.log('✗ a worker hangs and is left: the next start charges what it had open');
      }),
    );
  }
}

function startFailure(error: Error): string {
  if (!/uWebSockets|uws_|\.node\b/i.test(error.message)) return error.message;
  return (
    `the native uWebSockets.js binary does not load on Node ${process.version} ` +
    `(${process.platform} ${process.arch}). Use Node 20 or 22, or install the official build: ` +
    'npm install uWebSockets.js@github:uNetworking/uWebSockets.js#v20.67.0'
  );
}
