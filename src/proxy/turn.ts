// What waits for its record goes out with what others wait for: records gather while the callbacks
// of the event loop's turn run. A crowd is served faster so, each step for many at once, and needs
// few writes and syncs where there are any. What may be alone is not gathered: while nothing else
// is open, the first record after the loop has slept, and where turns bring one each.

import { performance } from 'node:perf_hooks';
import type { Journal } from '../ledger/journal.js';

type Waiter = (written: boolean) => void;
type Written = Pick<Journal, 'flush' | 'sync' | 'hasUnwritten' | 'openReservations'>;

export class Turn {
  readonly #journal: Written;
  readonly #onFailure: (error: unknown) => void;
  readonly #durable: boolean;
  readonly #atTurnEnd: (run: () => void) => void;
  readonly #idleMs: () => number;
  #waiters: Waiter[] = [];
  /** How long the loop had slept when a record last came. */
  #sleptMs = 0;
  /** Those of this turn whose end is asked for, and whether such a turn had several before. */
  #count = 0;
  #isCrowded = false;

  constructor(
    journal: Written,
    options: {
      durability: 'process' | 'power';
      onFailure: (error: unknown) => void;
      atTurnEnd?: (run: () => void) => void;
      /** How long the loop has slept in all; the time of this thread's loop when not given. */
      idleMs?: () => number;
    },
  ) {
    this.#journal = journal;
    this.#durable = options.durability === 'power';
    this.#onFailure = options.onFailure;
    this.#atTurnEnd = options.atTurnEnd ?? setImmediate;
    const { nodeTiming } = performance;
    this.#idleMs = options.idleMs ?? (() => nodeTiming.idleTime);
  }

  /**
   * Calls back once everything appended so far is in the journal, or with `false` if it cannot be.
   */
  after(waiter: Waiter): void {
    this.#waiters.push(waiter);
    if (this.#count > 0) {
      this.#count += 1;
      return;
    }
    // The first of its turn, and there may be no other: to be told of its end would cost more than
    // to be gathered gains. A sync costs more than both.
    if (!this.#durable && this.#mayBeAlone()) return this.flush();
    this.#count = 1;
    this.#atTurnEnd(this.#end);
    if (!this.#isCrowded) this.flush();
  }

  #mayBeAlone(): boolean {
    // To ask how long the loop has slept takes longer than to know that nobody else is there.
    if (this.#journal.openReservations <= 1) return true;
    const idleMs = this.#idleMs();
    if (idleMs === this.#sleptMs) return false;
    this.#sleptMs = idleMs;
    return true;
  }

  readonly #end = (): void => {
    this.#isCrowded = this.#count > 1;
    this.#count = 0;
    // What was written at once is not written, nor synced, again.
    if (this.#waiters.length > 0 || this.#journal.hasUnwritten) this.flush();
  };

  /** Ends the turn now. Safe to call when nothing waits. */
  flush(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    try {
      this.#journal.flush();
    } catch (error) {
      this.#onFailure(error);
      return this.#tell(waiters, false);
    }
    if (!this.#durable) return this.#tell(waiters, true);
    this.#journal.sync().then(
      () => this.#tell(waiters, true),
      (error: unknown) => {
        this.#onFailure(error);
        this.#tell(waiters, false);
      },
    );
  }

  #tell(waiters: readonly Waiter[], written: boolean): void {
    for (const waiter of waiters) waiter(written);
    // What one of them has ended on the spot is not left to whoever comes next.
    if (written && this.#journal.hasUnwritten) this.#atTurnEnd(this.#flushRest);
  }

  readonly #flushRest = (): void => {
    if (this.#journal.hasUnwritten) this.flush();
  };
}
