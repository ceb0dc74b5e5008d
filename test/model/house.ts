// A simulated proxy to be driven by hand: one worker, a clock that is set, and a disk and books
// that outlive it.

import type { BudgetConfig } from '../../src/config/config.js';
import type { Refusal } from '../../src/budget/admit.js';
import { admission, isAdmitted } from '../../src/proxy/admission.js';
import { Call } from '../../src/proxy/call.js';
import { WindowClock } from '../../src/kernel/calendar.js';
import { LearnedOutput } from '../../src/proxy/learned.js';
import { Store } from '../../src/ledger/store.js';
import { Doom } from './doom.js';
import { Life, type SimWorker, STORAGE } from './life.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryEnvironment } from './memory-environment.js';
import { EXCHANGE, quoteOf } from './provider.js';

export class House {
  nowMs: number;
  readonly #budget: BudgetConfig;
  readonly #disk = new MemoryDisk(() => 0);
  readonly #memory = new MemoryEnvironment();
  #life!: Life;

  private constructor(budget: BudgetConfig, nowMs: number) {
    this.#budget = budget;
    this.nowMs = nowMs;
  }

  static async open(budget: BudgetConfig, nowMs: number): Promise<House> {
    const house = new House(budget, nowMs);
    await house.killAndRestart();
    return house;
  }

  /** Whatever was not written by now is gone. */
  async killAndRestart(): Promise<void> {
    this.#life?.doom.kill();
    this.#life = await Life.start({
      budget: this.#budget,
      disk: (doom) => this.#disk.session(doom),
      environment: (doom) => this.#memory.session(doom),
      workers: 1,
      segmentBytes: 16_384,
      durability: 'process',
      now: () => this.nowMs,
      calendar: new WindowClock(this.#budget.timezone),
      learned: () => new LearnedOutput(),
    });
  }

  get worker(): SimWorker {
    return this.#life.workers[0] as SimWorker;
  }

  /** A request for so much output: a reservation that is written, or a refusal. */
  request(user: string, outputTokens: number, inputTokens = 0): Call | Refusal | 'refused' {
    const { proxy, turn } = this.worker;
    const account = proxy.accounts.of(user, proxy.calendar.dateAt(this.nowMs));
    if (account === null) return 'refused';
    const quote = quoteOf(account, { inputTokens, outputTokens, fallback: false });
    let found: Call | Refusal | undefined;
    admission(proxy, EXCHANGE, quote, (outcome, decided) => {
      found = isAdmitted(outcome) ? new Call(proxy, decided, outcome, EXCHANGE) : outcome;
    });
    turn.flush();
    return found as Call | Refusal;
  }

  /** What goes on beside requests. False once the product would end. */
  look(): boolean {
    this.#life.fold();
    return !this.#life.failed;
  }

  /** A worker dies; who takes its place. */
  async replaceWorker(): Promise<void> {
    await this.#life.replace(0);
  }

  /** The books as another process reads them, all of it booked. */
  books(): Store {
    this.worker.turn.flush();
    this.#life.bookAll();
    const doom = new Doom();
    return new Store(STORAGE, 'read', {
      disk: this.#disk.session(doom),
      openEnvironment: () => this.#memory.session(doom),
    });
  }
}
