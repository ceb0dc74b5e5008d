// One channel's own way through the outbox: takes what is due, page by page, delivers it and books
// what came of it. A channel that fails holds up no other, and is left alone while it does.

import type { AlertEvent, Attempt, DuePage } from '../kernel/alert.js';
import { messageOf } from '../kernel/errors.js';
import type { Channel } from './channel.js';
import { Circuit, nextTry } from './retry.js';

/** The ledger's end of the outbox. */
export interface AlertOutbox {
  dueAlerts(channel: string, nowMs: number, limit: number): Promise<DuePage>;
  attempted(channel: string, attempts: readonly Attempt[]): Promise<void>;
  hurryAlerts(channel: string, nowMs: number): Promise<void>;
}

export interface Clock {
  now(): number;
  /** From 0 to 1. */
  random(): number;
  /** Calls back after the delay, unless the function it returns is called before. */
  schedule(run: () => void, delayMs: number): () => void;
}

export interface CourierOptions {
  readonly channel: Channel;
  readonly outbox: AlertOutbox;
  readonly clock: Clock;
  /** Told in one sentence, without secrets, when the channel begins to fail and when it is well. */
  readonly tell: (message: string) => void;
}

/** Results are booked at least so often: what is booked is not sent again after a crash. */
const BOOK_MS = 1_000;
/** When the ledger does not answer. */
const LEDGER_PAUSE_MS = 30_000;
/** A clock that is set is noticed within so long. */
const SLEEP_MS_MAX = 3_600_000;

type Due = DuePage['alerts'][number];

export class Courier {
  readonly #options: CourierOptions;
  readonly #name: string;
  readonly #circuit = new Circuit();
  readonly #closing = new AbortController();
  #running: Promise<void> | null = null;
  #again = false;
  #cancelSleep: () => void = () => undefined;

  constructor(options: CourierOptions) {
    this.#options = options;
    this.#name = options.channel.plan.name;
  }

  /** Something may be due. Resolves when all that is due has been tried. Never rejects. */
  wake(): Promise<void> {
    if (this.#closing.signal.aborted) return Promise.resolve();
    this.#again = true;
    this.#running ??= this.#run().finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  /** Ends attempts under way: they are made again at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#cancelSleep();
    await this.#running;
    this.#options.channel.close();
  }

  async #run(): Promise<void> {
    const { outbox, clock, channel, tell } = this.#options;
    this.#cancelSleep();
    try {
      while (!this.#closing.signal.aborted) {
        this.#again = false;
        const nowMs = clock.now();
        if (this.#circuit.pausedUntilMs > nowMs) return this.#sleep(this.#circuit.pausedUntilMs);
        const limit = this.#circuit.open ? 1 : channel.page;
        const page = await outbox.dueAlerts(this.#name, nowMs, limit);
        if (page.alerts.length > 0) await this.#deliver(page.alerts);
        else if (!this.#again) {
          if (page.nextDueMs !== null) this.#sleep(page.nextDueMs);
          return;
        }
      }
    } catch (error) {
      if (this.#closing.signal.aborted) return;
      tell(`alerts to ${channel.label} wait: ${messageOf(error)}`);
      this.#sleep(clock.now() + LEDGER_PAUSE_MS);
    }
  }

  #sleep(untilMs: number): void {
    if (this.#closing.signal.aborted) return;
    const { clock } = this.#options;
    const delayMs = Math.min(Math.max(untilMs - clock.now(), 0), SLEEP_MS_MAX);
    this.#cancelSleep = clock.schedule(() => void this.wake(), delayMs);
  }

  async #deliver(alerts: readonly Due[]): Promise<void> {
    const { channel, clock, outbox } = this.#options;
    const doubted = this.#circuit.open;
    const done: Attempt[] = [];
    let bookedMs = clock.now();
    const book = async (): Promise<void> => {
      bookedMs = clock.now();
      if (done.length > 0) await outbox.attempted(this.#name, done.splice(0));
    };
    const lanes = lanesOf(alerts, channel.lanes).map(async (lane) => {
      for (const due of lane) {
        if (this.#closing.signal.aborted || (this.#circuit.open && !doubted)) return;
        const attempt = await this.#attempt(due);
        if (attempt !== null) done.push(attempt);
        if (clock.now() - bookedMs >= BOOK_MS) await book();
      }
    });
    await Promise.all(lanes);
    await book();
    if (doubted && !this.#circuit.open) await outbox.hurryAlerts(this.#name, clock.now());
  }

  /** `null` when it was cut short. */
  async #attempt({ event, attempts }: Due): Promise<Attempt | null> {
    const { channel, clock, tell } = this.#options;
    const { signal } = this.#closing;
    const delivery = await channel.send(event, { nowMs: clock.now(), signal });
    const { eventId } = event;
    if (delivery.ok) {
      if (this.#circuit.failures > 0) tell(`alerts to ${channel.label} arrive again`);
      this.#circuit.succeed();
      return { eventId, error: null, nextTryMs: null };
    }
    if (signal.aborted) return null;
    const { error, retryAfterMs } = delivery;
    const chance = { nowMs: clock.now(), random: clock.random() };
    const nextTryMs = nextTry(attempts + 1, chance, retryAfterMs);
    if (this.#circuit.failures === 0) tell(`alerts to ${channel.label} do not arrive: ${error}`);
    if (nextTryMs === null) tell(`alert ${eventId} to ${channel.label} is given up: ${error}`);
    this.#circuit.fail(chance, retryAfterMs);
    return { eventId, error, nextTryMs };
  }
}

/** Alerts of one budget stay in one lane, in their order. */
function lanesOf(alerts: readonly Due[], count: number): Due[][] {
  const lanes = Array.from({ length: count }, (): Due[] => []);
  for (const due of alerts) lanes[laneOf(due.event) % count]?.push(due);
  return lanes;
}

function laneOf({ budget }: AlertEvent): number {
  let sum = 0;
  for (const byte of Buffer.from(budget?.scope ?? '')) sum = (sum * 31 + byte) % 65_521;
  return sum;
}
