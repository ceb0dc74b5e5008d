// Limits that are raised for a while: in the ledger first, then in force in every worker. What is
// over is taken out of force within a second.

import { raisedBudget } from '../config/raised.js';
import type { BudgetConfig } from '../config/config.js';
import { isInForce, type Raise } from '../kernel/raise.js';
import type { Ledger } from '../ledger/client.js';

const LOOK_MS = 1_000;

export interface RaisesOptions {
  /** As the file has it. */
  readonly budget: () => BudgetConfig;
  /** Puts limits in force wherever limits are kept. */
  readonly apply: (budget: BudgetConfig) => void;
  readonly now: () => number;
}

export class Raises {
  readonly #options: RaisesOptions;
  readonly #timer: NodeJS.Timeout;
  #ledger: Ledger | null = null;
  #all: Raise[] = [];
  #inForce: readonly Raise[] = [];
  #raised: { file: BudgetConfig; raises: readonly Raise[]; budget: BudgetConfig } | null = null;

  constructor(options: RaisesOptions) {
    this.#options = options;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  /** Takes up what was granted before this process started; applies nothing yet. */
  async start(ledger: Ledger): Promise<void> {
    this.#ledger = ledger;
    this.#all = await ledger.raises();
    this.#inForce = this.#active();
  }

  /** The limits in force: the same object while nothing changes. */
  get budget(): BudgetConfig {
    const file = this.#options.budget();
    if (this.#raised?.file !== file || this.#raised.raises !== this.#inForce) {
      const budget = raisedBudget(file, this.#inForce);
      this.#raised = { file, raises: this.#inForce, budget };
    }
    return this.#raised.budget;
  }

  get all(): readonly Raise[] {
    return this.#all;
  }

  /** Granted, or ended before its time: stored, then in force. */
  async put(raise: Raise): Promise<void> {
    await this.#ledger?.putRaise(raise);
    this.#all = [...this.#all.filter(({ id }) => id !== raise.id), raise];
    this.look();
  }

  /** Applies what has begun or is over since the last look. */
  look(): void {
    const active = this.#active();
    const ids = (raises: readonly Raise[]): string => raises.map(({ id }) => id).join();
    if (ids(active) === ids(this.#inForce)) return;
    this.#inForce = active;
    this.#options.apply(this.budget);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #active(): Raise[] {
    return this.#all.filter((raise) => isInForce(raise, this.#options.now()));
  }
}
