// Where ledger and hot counters meet: the ledger's balances go into the counters before the first
// request, and what a dead worker left open is charged there for good.

import { randomBytes } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Books, Holding } from '../admin/running.js';
import { Accounts } from '../budget/account.js';
import { Counters, countersBytes, SLOTS_DEFAULT } from '../budget/counters.js';
import type { BudgetConfig } from '../config/config.js';
import { dayPlus } from '../kernel/calendar.js';
import { TokenPakError } from '../kernel/errors.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import {
  GLOBAL_SCOPE,
  type LocalDate,
  userScope,
  type WindowKind,
  windowNumber,
} from '../kernel/scope.js';
import type { Ledger } from '../ledger/client.js';
import type { Adjusted, Adjustment, GlobalWindow } from '../ledger/protocol.js';

const WINDOWS = ['daily', 'monthly'] as const;
/** A settlement moves the counters an instant before its record can be read. */
const DRIFT_LOOKS_MAX = 5;
const DRIFT_PAUSE_MS = 20;

export class Balances {
  readonly buffer: SharedArrayBuffer;
  readonly salt = randomBytes(16).toString('hex');
  readonly #counters: Counters;
  readonly #accounts: Accounts;

  constructor(budget: BudgetConfig, slots: number = SLOTS_DEFAULT) {
    this.buffer = new SharedArrayBuffer(countersBytes(slots));
    this.#counters = new Counters(this.buffer);
    this.#accounts = new Accounts(this.#counters, budget, this.salt);
  }

  /** What a window holds this instant. Of a scope that the counters do not hold: nothing. */
  holding(user: string | null, window: WindowKind, date: LocalDate): Holding {
    const scope = user === null ? GLOBAL_SCOPE : userScope(user);
    const budget = this.#accounts.budget(scope, window, date, null);
    if (budget === null) return { settled: ZERO_USD, reserved: ZERO_USD };
    // In this order: a request that settles in between shows as held a moment longer.
    const settled = this.#counters.settled(budget.bank);
    const reserved = this.#counters.admitted(budget.bank) - settled;
    return { settled, reserved: reserved < 0n ? ZERO_USD : nano(reserved) };
  }

  /**
   * Books what was settled in the present windows before this process started, and in those beside
   * them: a clock that is set back an hour at night is in yesterday again, or has been in tomorrow.
   */
  async seed(ledger: Pick<Ledger, 'balances'>, date: LocalDate): Promise<void> {
    for (const { scope, window, settled } of await ledger.balances(date)) {
      const budget = this.#accounts.budget(scope, window, date, null);
      if (budget === null) {
        throw new TokenPakError('ledger_unavailable', 'more scopes have spent than counters fit');
      }
      this.#counters.seed(budget.bank, settled);
    }
    // Tomorrow and yesterday share a bank: what tomorrow has taken, yesterday is refused.
    for (const beside of [dayPlus(date, 1), dayPlus(date, -1)]) {
      for (const { scope, window, settled } of await ledger.balances(beside)) {
        if (windowNumber(window, beside) === windowNumber(window, date)) continue;
        const budget = this.#accounts.budget(scope, window, beside, null);
        if (budget !== null) this.#counters.seed(budget.bank, settled);
      }
    }
  }

  /** The counters hold a dead worker's open reservations already: from now on as settled. */
  async recover(ledger: Pick<Ledger, 'recover'>, journalId: number): Promise<void> {
    for (const { user, date, amount, cost } of await ledger.recover(journalId)) {
      for (const scope of [userScope(user), GLOBAL_SCOPE]) {
        for (const window of WINDOWS) {
          // Of a day that is two days past the counters hold nothing, of its month perhaps still.
          const budget = this.#accounts.budget(scope, window, date, null);
          if (budget !== null) this.#counters.settle(budget.bank, amount, cost);
        }
      }
    }
  }

  /** Corrects the books by invoices, and everyone's budgets with them. */
  async adjust(ledger: Ledger, wanted: readonly Adjustment[]): Promise<Adjusted[]> {
    const adjusted = await ledger.adjust(wanted);
    for (const { date, added } of adjusted) {
      for (const window of WINDOWS) {
        // A window that the counters do not hold any more stands in the books alone.
        const budget = this.#accounts.budget(GLOBAL_SCOPE, window, date, null);
        if (budget !== null) this.#counters.seed(budget.bank, added);
      }
    }
    return adjusted;
  }

  /** The state of the books, and how far the counters are from them. */
  async status(ledger: Pick<Ledger, 'status'>, date: LocalDate): Promise<Books> {
    for (let look = 1; ; look++) {
      const before = WINDOWS.map((window) => this.#globalCells(window, date));
      const status = await ledger.status(date);
      const drift = status.globalWindows
        .map((books, index) =>
          driftOf(before[index] as Cells, books, this.#globalCells(books.window, date)),
        )
        .reduce((a, b) => (magnitude(b) > magnitude(a) ? b : a));
      if (drift === 0n || look === DRIFT_LOOKS_MAX) return { ...status, drift: nano(drift) };
      await wait(DRIFT_PAUSE_MS);
    }
  }

  #globalCells(window: WindowKind, date: LocalDate): Cells {
    const budget = this.#accounts.budget(GLOBAL_SCOPE, window, date, null);
    if (budget === null) throw new TokenPakError('ledger_unavailable', 'the clock has gone back');
    const { bank } = budget;
    return { settled: this.#counters.settled(bank), admitted: this.#counters.admitted(bank) };
  }
}

interface Cells {
  readonly settled: NanoUsd;
  readonly admitted: NanoUsd;
}

/**
 * The books were read between two looks at the counters. `settled` only grows, so what is booked
 * must lie between the two; what is held can be compared only while nothing moves.
 */
function driftOf(before: Cells, books: GlobalWindow, after: Cells): bigint {
  const { settled, reserved } = books;
  if (settled < before.settled) return before.settled - settled;
  if (settled > after.settled) return after.settled - settled;
  const still = before.settled === after.settled && before.admitted === after.admitted;
  return still ? after.admitted - settled - reserved : 0n;
}

const magnitude = (amount: bigint): bigint => (amount < 0n ? -amount : amount);
