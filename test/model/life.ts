// One life of a simulated proxy: the product's own bookkeeper, balances, counters, journals, turns
// and admission, without threads and sockets, on a clock, a disk and an environment that are given.

import { Accounts } from '../../src/budget/account.js';
import { Counters } from '../../src/budget/counters.js';
import type { BudgetConfig, Config } from '../../src/config/config.js';
import { LOG_CHANNEL } from '../../src/kernel/alert.js';
import type { WindowClock } from '../../src/kernel/calendar.js';
import type { LocalDate } from '../../src/kernel/scope.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import type { Charged } from '../../src/ledger/protocol.js';
import type { Disk } from '../../src/ledger/disk.js';
import type { Environment } from '../../src/ledger/environment.js';
import { Journal } from '../../src/ledger/journal.js';
import type { LearnedOutput } from '../../src/proxy/learned.js';
import type { Proxy } from '../../src/proxy/proxy.js';
import { Tally, tallyBytes } from '../../src/proxy/tally.js';
import { Turn } from '../../src/proxy/turn.js';
import { Balances } from '../../src/supervisor/balances.js';
import { Deadline } from '../../src/upstream/deadlines.js';
import { Doom } from './doom.js';

export const STORAGE = '/sim';
const SLOTS = 64;
/** Nobody reads it. */
const TALLY = new Tally(new SharedArrayBuffer(tallyBytes(1)), 0);

export interface LifeOptions {
  readonly budget: BudgetConfig;
  readonly disk: (doom: Doom) => Disk;
  readonly environment: (doom: Doom) => Environment;
  readonly workers: number;
  readonly segmentBytes: number;
  readonly durability: 'process' | 'power';
  readonly now: () => number;
  /** Of the budget's zone; days are the same whoever asks. */
  readonly calendar: WindowClock;
  readonly learned: () => LearnedOutput;
}

export interface SimWorker {
  readonly journalId: number;
  readonly journal: Journal;
  readonly turn: Turn;
  readonly proxy: Proxy;
  /** What the turn has to do at its end, and when a deadline passes. */
  turnEnd: (() => void) | null;
  deadline: Deadline | null;
  /** How long its loop has slept. */
  idleMs: number;
}

export class Life {
  readonly doom = new Doom();
  readonly workers: SimWorker[] = [];
  readonly #options: LifeOptions;
  readonly #disk: Disk;
  readonly #bookkeeper: Bookkeeper;
  readonly #balances: Balances;
  /** A journal or the books have failed: the product stops admitting and ends. */
  failed = false;

  private constructor(options: LifeOptions) {
    this.#options = options;
    const { budget, now } = options;
    const environment = options.environment(this.doom);
    this.#disk = options.disk(this.doom);
    this.#bookkeeper = new Bookkeeper({
      storagePath: STORAGE,
      budget,
      channels: [{ name: LOG_CHANNEL, standbyMs: null }],
      onAlerts: () => undefined,
      disk: this.#disk,
      openEnvironment: () => environment,
    });
    this.#bookkeeper.start(now());
    this.#balances = new Balances(budget, SLOTS);
  }

  static async start(options: LifeOptions): Promise<Life> {
    const life = new Life(options);
    const { now, workers } = options;
    await life.#balances.seed(
      { balances: async (date) => life.#bookkeeper.balances(date) },
      options.calendar.dateAt(now()),
    );
    for (let index = 0; index < workers; index++) life.workers.push(life.#newWorker());
    return life;
  }

  get counters(): Counters {
    return (this.workers[0] as SimWorker).proxy.counters;
  }

  /** What goes on beside requests: a batch is booked, and windows are looked after. */
  fold(): void {
    const { now } = this.#options;
    this.#bookkeeper.tick(now());
    if (!this.#balances.keepUp(this.#options.calendar.dateAt(now()))) this.failed = true;
  }

  bookAll(): void {
    this.#bookkeeper.drained(this.#options.now());
  }

  drift(date: LocalDate): Promise<bigint> {
    const status = async (of: LocalDate) => this.#bookkeeper.status(of, this.#options.now());
    return this.#balances.status({ status }, date).then((books) => books.drift);
  }

  /** A worker dies as a defect ends it: what it gathered is written, the rest is charged. */
  async replace(index: number): Promise<Charged[]> {
    const { journal, journalId, turn } = this.workers[index] as SimWorker;
    turn.flush();
    journal.close();
    let charged: Charged[] = [];
    const recover = async (id: number) => {
      charged = this.#bookkeeper.recover(id, this.#options.now());
      return charged;
    };
    await this.#balances.recover({ recover }, journalId);
    this.workers[index] = this.#newWorker();
    return charged;
  }

  /** Ends in order: everything written and booked. */
  end(): void {
    for (const { turn, journal } of this.workers) {
      turn.flush();
      journal.close();
    }
    this.bookAll();
  }

  #newWorker(): SimWorker {
    const { budget, segmentBytes, durability, now } = this.#options;
    const journalId = this.#bookkeeper.nextJournalId();
    const journal = new Journal({
      directory: `${STORAGE}/journal`,
      journalId,
      segmentBytes,
      durability,
      disk: this.#disk,
    });
    const turn = new Turn(journal, {
      durability,
      onFailure: () => {
        this.failed = true;
      },
      atTurnEnd: (run) => {
        worker.turnEnd = run;
      },
      idleMs: () => worker.idleMs,
    });
    const counters = new Counters(this.#balances.buffer);
    const deadlines = {
      timeoutMs: 600_000,
      add(expire: () => void) {
        worker.deadline = new Deadline(now() + 600_000, expire);
        return worker.deadline;
      },
      remove: () => undefined,
    };
    // What serving needs beyond these, nobody asks for here: models without a tokenizer are counted
    // by the byte, and the simulation is the provider.
    const proxy = {
      config: { budget, server: { responseFields: true } } as Config,
      counters,
      accounts: new Accounts(counters, budget, this.#balances.salt),
      calendar: this.#options.calendar,
      journal,
      turn,
      deadlines,
      now,
      learned: this.#options.learned(),
      tally: TALLY,
      reported: new Set<string>(),
    } as unknown as Proxy;
    const worker: SimWorker = {
      journalId,
      journal,
      turn,
      proxy,
      turnEnd: null,
      deadline: null,
      idleMs: 0,
    };
    return worker;
  }
}
