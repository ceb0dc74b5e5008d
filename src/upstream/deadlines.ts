// The hard deadline of every request from one coarse timer: all requests get the same time, so they
// fall due in the order they came and only the head of the queue is looked at.

const TICK_MS = 250;

export interface Deadline {
  readonly dueMs: number;
  readonly expire: () => void;
}

export class Deadlines {
  readonly timeoutMs: number;
  readonly #now: () => number;
  readonly #pending = new Set<Deadline>();
  #timer: NodeJS.Timeout | null = null;

  constructor(timeoutMs: number, now: () => number) {
    this.timeoutMs = timeoutMs;
    this.#now = now;
  }

  get size(): number {
    return this.#pending.size;
  }

  add(expire: () => void): Deadline {
    const deadline = { dueMs: this.#now() + this.timeoutMs, expire };
    this.#pending.add(deadline);
    this.#timer ??= setInterval(() => this.#tick(), Math.min(TICK_MS, this.timeoutMs));
    return deadline;
  }

  remove(deadline: Deadline): void {
    this.#pending.delete(deadline);
  }

  #tick(): void {
    const now = this.#now();
    for (const deadline of this.#pending) {
      if (deadline.dueMs > now) break;
      this.#pending.delete(deadline);
      deadline.expire();
    }
    if (this.#pending.size === 0 && this.#timer !== null) {
      clearInterval(this.#timer);
      this.#timer = null;
    }
  }
}
