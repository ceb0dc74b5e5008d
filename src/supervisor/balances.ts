// Where ledger and hot counters meet: the ledger's balances go into the counters before the first
// request, and what a dead worker left open is charged there for good.

import { randomBytes } from 'node:crypto';
import { Accounts } from '../budget/account.js';
import { Counters, countersBytes, SLOTS_DEFAULT } from '../budget/counters.js';
import type { BudgetConfig } from '../config/config.js';
import { TokenPakError } from '../kernel/errors.js';
import type { LocalDate } from '../kernel/scope.js';
import type { Ledger } from '../ledger/client.js';

export class Balances {
  readonly buffer = new SharedArrayBuffer(countersBytes(SLOTS_DEFAULT));
  readonly salt = randomBytes(16).toString('hex');
  readonly #counters = new Counters(this.buffer);
  readonly #accounts: Accounts;

  constructor(budget: BudgetConfig) {
    this.#accounts = new Accounts(this.#counters, budget, this.salt);
  }

  /** Books what was settled in the present windows before this process started. */
  async seed(ledger: Ledger, date: LocalDate): Promise<void> {
    for (const { scope, window, settled } of await ledger.balances(date)) {
      const budget = this.#accounts.budget(scope, window, date, null);
      if (budget === null) {
        throw new TokenPakError('ledger_unavailable', 'more scopes have spent than counters fit');
      }
      this.#counters.seed(budget.bank, settled);
    }
  }

  /** The counters hold a dead worker's open reservations already: from now on as settled. */
  async recover(ledger: Ledger, journalId: number): Promise<void> {
    for (const { user, date, amount } of await ledger.recover(journalId)) {
      for (const budget of this.#accounts.of(user, date)?.budgets ?? []) {
        this.#counters.settle(budget.bank, amount, amount);
      }
    }
  }
}
