// One journal write for each turn of the event loop: records gather while the turn's callbacks run,
// are written together, and only then does what waited for them go out.

import type { Journal } from '../ledger/journal.js';

type Waiter = (written: boolean) => void;

export class Turn {
  readonly #journal: Journal;
  readonly #onFailure: (error: unknown) => void;
  readonly #durable: boolean;
  readonly #atTurnEnd: (run: () => void) => void;
  #waiters: Waiter[] = [];

  constructor(
    journal: Journal,
    options: {
      durability: 'process' | 'power';
      onFailure: (error: unknown) => void;
      atTurnEnd?: (run: () => void) => void;
    },
  ) {
    this.#journal = journal;
    this.#durable = options.durability === 'power';
    this.#onFailure = options.onFailure;
    this.#atTurnEnd = options.atTurnEnd ?? setImmediate;
  }

  /**
   * Calls back once everything appended so far is in the journal, or with `false` if it cannot be.
   */
  after(waiter: Waiter): void {
    if (this.#waiters.push(waiter) === 1) this.#atTurnEnd(() => this.flush());
  }

  /** Ends the turn now. Safe to call when nothing waits. */
  flush(): void {
    const waiters = this.#waiters;
    this.#waiters = [];
    try {
      this.#journal.flush();
    } catch (error) {
      this.#onFailure(error);
      return settleAll(waiters, false);
    }
    if (!this.#durable) return settleAll(waiters, true);
    this.#journal.sync().then(
      () => settleAll(waiters, true),
      (error: unknown) => {
        this.#onFailure(error);
        settleAll(waiters, false);
      },
    );
  }
}

function settleAll(waiters: readonly Waiter[], written: boolean): void {
  for (const waiter of waiters) waiter(written);
}
