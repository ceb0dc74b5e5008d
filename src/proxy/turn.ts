// One journal write for each turn of the event loop: records gather while the turn's callbacks
// run, are written together, and only then does what waited for them go out. Where turns bring one
// record each, there is nothing to gather: it is written at once.

import type { Journal } from '../ledger/journal.js';

type Waiter = (written: boolean) => void;

export class Turn {
  readonly #journal: Pick<Journal, 'flush' | 'sync' | 'hasUnwritten'>;
  readonly #onFailure: (error: unknown) => void;
  readonly #durable: boolean;
  readonly #atTurnEnd: (run: () => void) => void;
  #waiters: Waiter[] = [];
  /** Those of this turn so far, and whether the turn before had several. */
  #count = 0;
  #isCrowded = false;

  constructor(
    journal: Pick<Journal, 'flush' | 'sync' | 'hasUnwritten'>,
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
    this.#waiters.push(waiter);
    this.#count += 1;
    if (this.#count > 1) return;
    this.#atTurnEnd(this.#end);
    if (!this.#isCrowded) this.flush();
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
