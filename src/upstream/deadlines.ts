// The hard deadline of every request from one coarse timer: all requests get the same time, so they
// fall due in the order they came and only the head of the queue is looked at.
//
// A list whose links are cut when an entry leaves, and no `Set`: the tables that a busy one leaves
// behind point to each other, so once the collector has called one of them old, it keeps them all,
// and with them every request that they ever held, until it next collects everything.

import { assert } from '../kernel/assert.js';

const TICK_MS = 250;

export class Deadline {
  readonly dueMs: number;
  readonly expire: () => void;
  /** Its neighbours, `null` at an end and when it is in no list. */
  before: Deadline | null = null;
  after: Deadline | null = null;

  constructor(dueMs: number, expire: () => void) {
    this.dueMs = dueMs;
    this.expire = expire;
  }
}

export class Deadlines {
  readonly timeoutMs: number;
  readonly #now: () => number;
  #first: Deadline | null = null;
  #last: Deadline | null = null;
  #size = 0;
  #timer: NodeJS.Timeout | null = null;

  constructor(timeoutMs: number, now: () => number) {
    this.timeoutMs = timeoutMs;
    this.#now = now;
  }

  get size(): number {
    return this.#size;
  }

  add(expire: () => void): Deadline {
    const deadline = new Deadline(this.#now() + this.timeoutMs, expire);
    deadline.before = this.#last;
    if (this.#last === null) this.#first = deadline;
    else this.#last.after = deadline;
    this.#last = deadline;
    this.#size += 1;
    this.#timer ??= setInterval(() => this.#tick(), Math.min(TICK_MS, this.timeoutMs));
    return deadline;
  }

  /** Does nothing for one that has expired or was removed. */
  remove(deadline: Deadline): void {
    const { before, after } = deadline;
    if (before === null && this.#first !== deadline) return;
    if (before === null) this.#first = after;
    else before.after = after;
    if (after === null) this.#last = before;
    else after.before = before;
    deadline.before = null;
    deadline.after = null;
    this.#size -= 1;
    assert(this.#size >= 0, 'a deadline is removed from its own list');
  }

  #tick(): void {
    const now = this.#now();
    for (let next = this.#first; next !== null && next.dueMs <= now; next = this.#first) {
      this.remove(next);
      next.expire();
    }
    if (this.#first === null && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }
}
