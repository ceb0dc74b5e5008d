// Admission and its end, over all budgets of an account or none of them. No I/O, no clock: the
// caller passes what a request may cost at most, and later what it did cost.

import { assert } from '../kernel/assert.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import {
  type ReservationEvent,
  type ReservationState,
  TRANSITIONS,
} from '../kernel/reservation.js';
import type { Account, Budget } from './account.js';
import type { Counters } from './counters.js';

/**
 * Why a request was not admitted. `in_flight`: the money is held by requests that have not ended;
 * `crowded`: their number is as large as it may be.
 */
export interface Refusal {
  readonly reason: 'exceeded' | 'in_flight' | 'crowded';
  /** The one that refuses. A crowd is no budget's doing: the user's day, and no limit. */
  readonly budget: Budget;
  readonly limit: NanoUsd;
  readonly settled: NanoUsd;
  /** What would have been reserved. */
  readonly amount: NanoUsd;
}

/**
 * What a request holds: money of its account's budgets, and a place among its user's requests in
 * flight. It ends exactly once.
 */
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
    this.#counters.giveBack(this.account.places);
  }
}

/** Takes a place and reserves the amount in every budget of the account, or does neither. */
export function admit(
  counters: Counters,
  account: Account,
  amount: NanoUsd,
  enforce: boolean,
): Reservation | Refusal {
  assert(amount >= 0n, 'a reservation is not negative');
  const { budgets } = account;
  // The place first: who is refused for it has held nobody else's money meanwhile.
  if (!counters.tryTake(account.places, account.placesMax)) {
    const [budget] = budgets;
    const settled = counters.settled(budget.bank);
    return { reason: 'crowded', budget, limit: ZERO_USD, settled, amount };
  }
  for (let taken = 0; taken < budgets.length; taken++) {
    const budget = budgets[taken] as Budget;
    if (counters.tryAdmit(budget.bank, amount, enforce ? budget.limit : null)) continue;
    for (let back = 0; back < taken; back++) {
      counters.release((budgets[back] as Budget).bank, amount);
    }
    counters.giveBack(account.places);
    return refusal(counters, budget, amount);
  }
  return new Reservation(counters, account, amount);
}

function refusal(counters: Counters, budget: Budget, amount: NanoUsd): Refusal {
  assert(budget.limit !== null, 'only a limit refuses');
  const settled = counters.settled(budget.bank);
  const reason = settled + amount > budget.limit ? 'exceeded' : 'in_flight';
  return { reason, budget, limit: budget.limit, settled, amount };
}

/** True when the user has as many requests in flight as there may be. */
export const isCrowded = (counters: Counters, { places, placesMax }: Account): boolean =>
  counters.taken(places) >= placesMax;

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
  bound: { readonly total: NanoUsd; readonly input: () => NanoUsd },
): boolean {
  const { total } = bound;
  for (const { bank, limit, roomy, smallInput } of account.budgets) {
    if (limit === null) continue;
    if (counters.admitted(bank) + total > roomy) return true;
    // Its input is a part of it.
    if (total > smallInput && bound.input() > smallInput) return true;
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
