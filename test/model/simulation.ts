// A seed drives a few workers over the product's own admission, settlement, journals and books:
// requests, answers, folds, deaths at any step of I/O, full disks, clocks that jump. After each
// step the counters, and after each death the books, must say what the oracle says.

import type { BudgetConfig } from '../../src/config/config.js';
import { centsText, nano } from '../../src/kernel/money.js';
import type { Environment } from '../../src/ledger/environment.js';
import { Store } from '../../src/ledger/store.js';
import { admission, isAdmitted } from '../../src/proxy/admission.js';
import { Call } from '../../src/proxy/call.js';
import { worstOf } from '../../src/proxy/quote.js';
import { reportRejection } from '../../src/proxy/report.js';
import type { Deadline } from '../../src/upstream/deadlines.js';
import { seeded } from '../pricing/prices.js';
import { audit, must, Violation } from './audit.js';
import { Died, Doom } from './doom.js';
import { Life, type LifeOptions, type SimWorker, STORAGE } from './life.js';
import { MemoryDisk } from './memory-disk.js';
import { MemoryEnvironment } from './memory-environment.js';
import { Model } from './model.js';
import { type Books, booksOf, type History, readHistory } from './oracle.js';
import { EXCHANGE, type Plan, planFor, quoteOf } from './provider.js';
import { type Scene, sceneOf } from './scene.js';

export interface Options {
  readonly seed: number;
  readonly reserve: BudgetConfig['reserve'];
  /** LMDB itself, instead of its twin. */
  readonly environment?: (doom: Doom) => Environment;
}

export interface Outcome {
  readonly steps: number;
  readonly requests: number;
  readonly admitted: number;
  readonly deaths: number;
  /** By how much a budget was passed at most, and what the bound allowed. */
  readonly overshoot: bigint;
}

interface Flight {
  readonly call: Call;
  readonly plan: Plan;
  readonly deadline: Deadline | null;
}

export async function simulate(options: Options): Promise<Outcome> {
  const simulation = new Simulation(options);
  try {
    return await simulation.run();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    throw new Violation(
      `seed ${options.seed} (${options.reserve}), ${simulation.place}: ${error.message}`,
      {
        cause: error,
      },
    );
  }
}

class Simulation {
  readonly #random: () => number;
  readonly #scene: Scene;
  readonly #disk: MemoryDisk;
  readonly #memory = new MemoryEnvironment();
  readonly #environment: (doom: Doom) => Environment;
  /** What the provider has billed, by request: all of them were let through to it. */
  readonly #bill = new Map<bigint, bigint>();
  #life!: Life;
  #model!: Model;
  #flights: { worker: SimWorker; flight: Flight }[] = [];
  /** Admitted, and not yet known to be on disk. */
  readonly #unsent = new Map<Call, SimWorker>();
  #nowMs: number;
  readonly #sums = { requests: 0, admitted: 0, deaths: 0 };
  #steps = 0;
  #settled = 0;
  #doing = 'start';

  constructor({ seed, reserve, environment }: Options) {
    this.#random = seeded(seed);
    this.#scene = sceneOf(this.#random, reserve);
    this.#disk = new MemoryDisk(this.#random);
    this.#nowMs = this.#scene.startMs;
    this.#environment = environment ?? ((doom) => this.#memory.session(doom));
  }

  get place(): string {
    return `step ${this.#steps}, ${this.#doing}`;
  }

  async run(): Promise<Outcome> {
    await this.#begin();
    for (; this.#steps < this.#scene.steps; this.#steps++) {
      await this.#step();
      await this.#settleDown();
      if (this.#life.doom.dead) await this.#begin();
      else if (this.#life.failed) await this.#die();
      else this.#model.check(this.#life.counters);
    }
    await this.#die();
    this.#model.check(this.#life.counters);
    const date = this.#scene.calendar.dateAt(this.#nowMs);
    const drift = await this.#life.drift(date);
    must(drift === 0n, () => `counters and books are ${drift} apart`);
    const { overshoot } = this.#model;
    const { requests, admitted, deaths } = this.#sums;
    return { steps: this.#steps, requests, admitted, deaths, overshoot };
  }

  /** Whatever was begun beside the step is there before the next one. */
  async #settleDown(): Promise<void> {
    while (this.#settled < this.#disk.begun) {
      this.#settled = this.#disk.begun;
      for (let turn = 0; turn < 12; turn++) await Promise.resolve();
    }
  }

  /** A life begins: what was written is booked, what was open is charged, and all of it agrees. */
  async #begin(): Promise<void> {
    for (;;) {
      this.#flights = [];
      this.#unsent.clear();
      this.#disk.full = false;
      const earlier = readHistory(this.#disk.history());
      try {
        this.#life = await Life.start(this.#lifeOptions());
      } catch (error) {
        if (error instanceof Died) continue;
        throw error;
      }
      const books = this.#compareBooks(earlier, () => true);
      this.#model = new Model(this.#scene.budget, books.settled, this.#model);
      return;
    }
  }

  async #die(): Promise<void> {
    this.#sums.deaths += 1;
    this.#life.doom.kill();
    await this.#begin();
  }

  #lifeOptions(): LifeOptions {
    const { budget, calendar, workers, segmentBytes, durability } = this.#scene;
    return {
      budget,
      workers,
      segmentBytes,
      durability,
      disk: (doom) => this.#disk.session(doom),
      environment: this.#environment,
      now: () => this.#nowMs,
      calendar,
      learned: this.#scene.learned,
    };
  }

  async #step(): Promise<void> {
    const action = this.#scene.nextAction();
    this.#doing = action;
    try {
      await this.#act(action);
    } catch (error) {
      if (!this.#life.doom.dead) throw error;
      // The death may have passed through the product's own hands: what counts is that it came.
      this.#sums.deaths += 1;
    }
  }

  async #act(action: string): Promise<void> {
    const { workers } = this.#life;
    const worker = workers[Math.floor(this.#random() * workers.length)] as SimWorker;
    switch (action) {
      case 'request':
        return this.#request(worker);
      case 'answer':
        return this.#answer();
      case 'turn':
        return this.#endTurn(worker);
      case 'fold':
        return this.#fold(() => this.#life.fold());
      case 'audit':
        for (const each of workers) each.turn.flush();
        return this.#fold(() => {
          this.#life.bookAll();
          const alive = new Set(workers.map(({ journalId }) => journalId));
          const history = readHistory(this.#disk.history());
          const books = this.#compareBooks(history, (id) => !alive.has(id));
          if (!this.#life.failed) this.#model.agree(books.settled);
        });
      case 'clock':
        this.#nowMs = this.#scene.moveClock(this.#nowMs);
        return;
      case 'worker dies':
        this.#disk.full = false;
        return this.#replace(worker);
      case 'ends':
        this.#fold(() => this.#life.end());
        return this.#die();
      case 'killed':
        return this.#die();
      case 'doomed':
        this.#life.doom.after(Math.floor(this.#random() * 40));
        return;
      case 'disk':
        this.#disk.full = !this.#disk.full;
        return;
    }
  }

  /** Without room for a commit the books fail, and the product ends. */
  #fold(action: () => void): void {
    try {
      action();
    } catch (error) {
      if (!this.#disk.full || (error as { code?: string }).code !== 'ledger_unavailable')
        throw error;
      this.#life.failed = true;
    }
  }

  #request(worker: SimWorker): void {
    const { proxy } = worker;
    this.#sums.requests += 1;
    const { budget } = this.#scene;
    const date = proxy.calendar.dateAt(this.#nowMs);
    const account = proxy.accounts.of(this.#scene.nextUser(), date);
    // The clock has gone back by two windows: refused.
    if (account === null) return;
    const bounds = this.#scene.nextBounds();
    const quote = quoteOf(account, { ...bounds, fallback: budget.fallbackModel !== null });
    admission(proxy, EXCHANGE, quote, (outcome, decided) => {
      if (!isAdmitted(outcome)) {
        const worst = worstOf(quote.request, quote.candidates[0]!);
        this.#model.refused(account, outcome, worst);
        return reportRejection(proxy, outcome, date);
      }
      let call: Call;
      try {
        call = new Call(proxy, decided, outcome, EXCHANGE);
      } catch (error) {
        if (this.#life.doom.dead) throw error;
        // The journal has no room: refused, and nothing is held.
        return;
      }
      this.#sums.admitted += 1;
      this.#model.hold(call);
      const own = this.#life.workers.find(({ journalId }) => journalId === worker.journalId);
      this.#unsent.set(call, own as SimWorker);
      worker.turn.after((written) => {
        // Unless its worker has died meanwhile: nobody is left to send it.
        if (this.#unsent.delete(call)) this.#written(own as SimWorker, call, written);
      });
    });
  }

  #written(worker: SimWorker, call: Call, written: boolean): void {
    if (!written) {
      call.release(503);
      return this.#model.end(call, 0n);
    }
    const plan = planFor(call.candidate, this.#random);
    this.#bill.set(call.id, plan.billed);
    call.underway(() => undefined);
    this.#flights.push({ worker, flight: { call, plan, deadline: worker.deadline } });
  }

  #answer(): void {
    const index = Math.floor(this.#random() * this.#flights.length);
    const [found] = this.#flights.splice(index, 1);
    if (found === undefined) return;
    const { call, plan, deadline } = found.flight;
    if (plan.conduct === 'refuses') call.release(429);
    else {
      if (plan.conduct === 'stalls') deadline?.expire();
      const reported = plan.conduct === 'breaks' || plan.conduct === 'stalls' ? null : plan.usage;
      const { costCents } = call.settle(reported, { outputBytes: plan.outputBytes }, 200);
      must(costCents === centsText(nano(plan.booked)), () => `${costCents}¢ for ${plan.booked}`);
      const state = call.reservation.state;
      const expected = {
        answers: 'settled',
        breaks: 'settled',
        stalls: 'expired',
        cheats: 'settled_over',
      };
      must(state === expected[plan.conduct], () => `${plan.conduct} is ${state}`);
    }
    this.#model.end(call, plan.booked);
  }

  #endTurn(worker: SimWorker): void {
    const run = worker.turnEnd;
    worker.turnEnd = null;
    run?.();
    // The loop sleeps when nothing else has come meanwhile.
    if (this.#random() < 0.5) worker.idleMs += 1;
  }

  async #replace(worker: SimWorker): Promise<void> {
    const index = this.#life.workers.indexOf(worker);
    const charged = await this.#life.replace(index);
    const left = this.#flights.filter((one) => one.worker === worker);
    this.#flights = this.#flights.filter((one) => one.worker !== worker);
    const unsent = [...this.#unsent].filter(([, its]) => its === worker).map(([call]) => call);
    for (const call of unsent) this.#unsent.delete(call);
    const calls = [...left.map(({ flight }) => flight.call), ...unsent];
    must(charged.length === calls.length, () => `${charged.length} of ${calls.length} are charged`);
    for (const call of calls) this.#model.end(call, call.worst);
  }

  /** The books, when all is booked, against what the bytes say. */
  #compareBooks(history: History, isDead: (journalId: number) => boolean): Books {
    const { budget, limitOf } = this.#scene;
    const thresholdsPct = budget.alertThresholdsPct;
    const expected = booksOf(history, { isDead, limitOf, thresholdsPct });
    const doom = new Doom();
    const environment = this.#environment(doom);
    const ground = { disk: this.#disk.session(doom), openEnvironment: () => environment };
    const store = new Store(STORAGE, 'read', ground);
    audit(store, { history, expected, bill: this.#bill, timezone: budget.timezone });
    return expected;
  }
}
