// The connections to one provider from one worker: the idle ones, latest first, so that the oldest
// run out; those being made; and who waits for one.

import { Connection, type Keeper, type Origin } from './connection.js';
import { type Deadline, Deadlines } from './deadlines.js';

export interface Waiter {
  /** A connection is there. False when it had broken: another is looked for. */
  ready(connection: Connection): boolean;
  /** None could be made; `isLate` when it took too long. */
  failed(error: Error, isLate: boolean): void;
}

export interface PoolLimits {
  readonly connectTimeoutMs: number;
  /** Connections at once; beyond them requests wait. */
  readonly connectionsMax: number;
  /** How long an idle connection is trusted, unless the provider says less. */
  readonly idleMs: number;
}

/** A connection about to be closed by the provider is not used any more. */
const MARGIN_MS = 1000;
const CLOSING = new Error('the proxy is closing its connections');
const SWEEP_MS = 1000;

interface Opening {
  waiter: Waiter | null;
  readonly deadline: Deadline;
  isLate: boolean;
}

export class Pool implements Keeper {
  readonly #origin: Origin;
  readonly #limits: PoolLimits;
  readonly #now: () => number;
  readonly #connects: Deadlines;
  readonly #all = new Set<Connection>();
  readonly #opening = new Map<Connection, Opening>();
  #idle: Connection[] = [];
  #waiting: Waiter[] = [];
  #sweep: NodeJS.Timeout | null = null;
  /** Connections end with what they carry. */
  #isClosing = false;
  #isClosed = false;
  #onEmpty: () => void = () => undefined;

  constructor(origin: Origin, limits: PoolLimits, now: () => number) {
    this.#origin = origin;
    this.#limits = limits;
    this.#now = now;
    this.#connects = new Deadlines(limits.connectTimeoutMs, now);
  }

  /** Calls back with a connection, at once when one is idle. */
  acquire(waiter: Waiter): void {
    if (this.#isClosed) return waiter.failed(CLOSING, false);
    for (;;) {
      const connection = this.#idle.pop();
      if (connection === undefined) break;
      if (this.#isExpired(connection)) connection.close(new Error('it was idle for too long'));
      else if (waiter.ready(connection)) return;
    }
    if (this.#all.size < this.#limits.connectionsMax) this.#connect(waiter);
    else this.#waiting.push(waiter);
  }

  /** Who waits no longer. What is being made for it is kept for another. */
  cancel(waiter: Waiter): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiter);
    for (const opening of this.#opening.values()) {
      if (opening.waiter === waiter) opening.waiter = null;
    }
  }

  /** Ends every connection, and with it what is in flight; whoever waits for one is told. */
  close(): void {
    this.#isClosing = true;
    this.#isClosed = true;
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const connection of this.#all) connection.close(CLOSING);
    for (const waiter of waiting) waiter.failed(CLOSING, false);
    this.#stopSweep();
  }

  /** Nobody new will come: connections end with what they carry. Calls back once all are gone. */
  retire(onEmpty: () => void): void {
    this.#isClosing = true;
    this.#onEmpty = onEmpty;
    for (const connection of this.#idle.splice(0)) connection.close(CLOSING);
    this.#stopSweep();
    if (this.#all.size === 0) onEmpty();
  }

  open(connection: Connection): void {
    const opening = this.#opening.get(connection);
    this.#opening.delete(connection);
    if (opening === undefined) return;
    this.#connects.remove(opening.deadline);
    if (opening.waiter === null) this.free(connection);
    else if (!opening.waiter.ready(connection)) this.acquire(opening.waiter);
  }

  free(connection: Connection): void {
    const next = this.#waiting.shift();
    if (next !== undefined) {
      if (!next.ready(connection)) this.acquire(next);
      return;
    }
    if (this.#isClosing) return connection.close(CLOSING);
    connection.idleSinceMs = this.#now();
    this.#idle.push(connection);
    this.#sweep ??= setInterval(() => this.#closeExpired(), SWEEP_MS).unref();
  }

  gone(connection: Connection, error: Error): void {
    this.#all.delete(connection);
    const opening = this.#opening.get(connection);
    this.#opening.delete(connection);
    const at = this.#idle.lastIndexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
    const next = this.#waiting.shift();
    if (next !== undefined) this.#connect(next);
    if (opening !== undefined) {
      this.#connects.remove(opening.deadline);
      opening.waiter?.failed(error, opening.isLate);
    }
    if (this.#all.size === 0) this.#onEmpty();
  }

  #connect(waiter: Waiter): void {
    const connection = new Connection(this.#origin, this);
    const deadline = this.#connects.add(() => {
      opening.isLate = true;
      connection.close(new Error('it accepts no connection'));
    });
    const opening: Opening = { waiter, deadline, isLate: false };
    this.#all.add(connection);
    this.#opening.set(connection, opening);
  }

  #isExpired({ idleSinceMs, keepAliveMs }: Connection): boolean {
    const promisedMs = (keepAliveMs ?? Infinity) - MARGIN_MS;
    return this.#now() - idleSinceMs >= Math.min(this.#limits.idleMs, promisedMs);
  }

  #closeExpired(): void {
    for (const connection of this.#idle.filter((each) => this.#isExpired(each))) {
      connection.close(new Error('it was idle for too long'));
    }
    if (this.#idle.length === 0) this.#stopSweep();
  }

  #stopSweep(): void {
    if (this.#sweep !== null) clearInterval(this.#sweep);
    this.#sweep = null;
  }
}
