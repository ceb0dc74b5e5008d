// Admission and its end, over all budgets of an account or none of them. No I/O, no clock: the
// caller passes what a request may cost at most, and later what it did cost.

import { assert } from '../kernel/assert.js';
import { nano, type NanoUsd } from '../kernel/money.js';
import {
  type ReservationEvent,
  type ReservationState,
  TRANSITIONS,
} from '../kernel/reservation.js';
import type { Account, Budget } from './account.js';
import type { Counters } from './counters.js';

/**
 * Why a request was not admitted. `in_flight`: the money is held by requests that have not ended.
 */
export interface Refusal {
  readonly reason: 'exceeded' | 'in_flight';
  readonly budget: Budget;
  readonly limit: NanoUsd;
  readonly settled: NanoUsd;
}

/** What a request holds of its account's budgets. It ends exactly once. */
export class Reservation {
  readonly account: Account;
  readonly amount: NanoUsd;
  #counters: Counters;
  #state: ReservationState = 'reserved';

  constructor(counters: Counters, account: Account, amount: NanoUsd) {
    this.#counters = counters;
    this.account = account;
    this.amount = amount;
  }

  get state(): ReservationState {
    return this.#state;
  }

  /** Books the cost, whatever was reserved; returns the user's tally for the day. */
  settle(cost: NanoUsd, event: 'settle' | 'settle_over' | 'expire' = 'settle'): NanoUsd {
    assert(cost >= 0n, 'a cost is not negative');
    this.#end(event);
    let tally = cost;
    for (const [index, budget] of this.account.budgets.entries()) {
      // A bank that was turned over since belongs to a later window; the ledger still has this one.
      if (!this.#counters.holds(budget.bank, budget.ordinal)) continue;
      const settled = this.#counters.settle(budget.bank, this.amount, cost);
      if (index === 0) tally = settled;
    }
    return tally;
  }

  /** Nothing was sent, or the provider refused it unbilled: the money is free again. */
  release(): void {
    this.#end('void');
    for (const budget of this.account.budgets) {
      if (this.#counters.holds(budget.bank, budget.ordinal)) {
        this.#counters.release(budget.bank, this.amount);
      }
    }
  }

  #end(event: ReservationEvent): void {
    const end = TRANSITIONS[this.#state][event];
    assert(end !== null, `a reservation ends once: ${event} after ${this.#state}`);
    this.#state = end;
  }
}

/** Reserves the amount in every budget of the account, or in none. */
export function admit(
  counters: Counters,
  account: Account,
  amount: NanoUsd,
  enforce: boolean,
): Reservation | Refusal {
  assert(amount >= 0n, 'a reservation is not negative');
  const { budgets } = account;
  for (let taken = 0; taken < budgets.length; taken++) {
    const budget = budgets[taken] as Budget;
    if (counters.tryAdmit(budget.bank, amount, enforce ? budget.limit : null)) continue;
    for (let back = 0; back < taken; back++) {
      counters.release((budgets[back] as Budget).bank, amount);
    }
    return refusal(counters, budget, amount);
  }
  return new Reservation(counters, account, amount);
}

function refusal(counters: Counters, budget: Budget, amount: NanoUsd): Refusal {
  assert(budget.limit !== null, 'only a limit refuses');
  const settled = counters.settled(budget.bank);
  const exceeded = settled + amount > budget.limit;
  return { reason: exceeded ? 'exceeded' : 'in_flight', budget, limit: budget.limit, settled };
}

/** The least that any limited budget of the account has left, `null` when none is limited. */
export function headroom(counters: Counters, account: Account): NanoUsd | null {
  let least: bigint | null = null;
  for (const { bank, limit } of account.budgets) {
    if (limit === null) continue;
    const left = limit - counters.admitted(bank);
    if (least === null || left < least) least = left;
  }
  return least === null ? null : nano(least < 0n ? 0n : least);
}

/**
 * True when an upper bound on the input will not do: it would leave less than a tenth of some limit
 * free, or its input part alone is over 1/4096 of a limit, so that fifty such requests in flight at
 * once would hold back more than one per cent of the limit for tokens that nobody sent.
 */
export function isTight(
  counters: Counters,
  account: Account,
  bound: { readonly total: NanoUsd; readonly input: NanoUsd },
): boolean {
  for (const { bank, limit } of account.budgets) {
    if (limit === null) continue;
    const left = limit - counters.admitted(bank) - bound.total;
    if (left * 10n < limit || bound.input * 4096n > limit) return true;
  }
  return false;
}

/**
 * True when the budget that refuses an amount has so much settled that it refuses the least of it
 * as well: counting the prompt could change neither the refusal nor the budget it names.
 */
export function refusesAnyway(
  counters: Counters,
  account: Account,
  amount: NanoUsd,
  least: NanoUsd,
): boolean {
  for (const { bank, limit } of account.budgets) {
    if (limit === null || counters.admitted(bank) + amount <= limit) continue;
    return counters.settled(bank) + least > limit;
  }
  return false;
}
