// Who pays for a request: the four budgets it falls under, found once at admission and held until
// its end. A reservation belongs to the windows it was made in, whatever the clock says when it
// ends.

import { hash } from 'node:crypto';
import type { BudgetConfig } from '../config/config.js';
import { limitsOf } from '../config/limits.js';
import { windowOrdinal } from '../kernel/calendar.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import {
  GLOBAL_SCOPE,
  type LocalDate,
  type Scope,
  userScope,
  type WindowKind,
} from '../kernel/scope.js';
import type { Counters } from './counters.js';

/** One budget of an account in one window. */
export interface Budget {
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly ordinal: number;
  readonly bank: number;
  readonly limit: NanoUsd | null;
  /** Up to here, all that is admitted leaves a tenth of the limit free. */
  readonly roomy: NanoUsd;
  /** An input that costs no more is small beside the limit: 1/4096 of it. */
  readonly smallInput: NanoUsd;
}

/** The user's day first: its tally is what `cost_cents` shows. Small scopes before large ones. */
export interface Account {
  readonly user: string;
  readonly date: LocalDate;
  /** Where the user's requests in flight are counted, and how many there may be. */
  readonly places: number;
  readonly placesMax: number;
  readonly budgets: readonly [Budget, Budget, Budget, Budget];
}

/** Accounts kept per worker; beyond it the cache starts anew. */
const ACCOUNTS_MAX = 50_000;

export class Accounts {
  readonly #counters: Counters;
  #config: BudgetConfig;
  readonly #salt: string;
  #globalSlot = -1;
  #date: LocalDate = 0;
  #cache = new Map<string, Account>();

  /** The salt is drawn anew by each supervisor, so nobody can choose names that share a slot. */
  constructor(counters: Counters, config: BudgetConfig, salt: string) {
    this.#counters = counters;
    this.#config = config;
    this.#salt = salt;
  }

  /** Other limits from the next request on; what is spent and held stays. */
  reconfigure(config: BudgetConfig): void {
    this.#config = config;
    this.#cache = new Map();
  }

  /**
   * A user's account on a day; `null` when the counters cannot hold it: fail closed. One that is
   * remembered holds its windows only until a clock that was ahead, in another thread perhaps, has
   * turned one over: what is admitted then would be charged to another day.
   */
  of(user: string, date: LocalDate): Account | null {
    if (date !== this.#date || this.#cache.size >= ACCOUNTS_MAX) {
      this.#cache = new Map();
      this.#date = date;
    }
    const cached = this.#cache.get(user);
    if (cached !== undefined && this.#isHeld(cached)) return cached;
    const own = limitsOf(this.#config, user);
    const all = limitsOf(this.#config, null);
    const scope = userScope(user);
    const slot = this.#slotOf(scope);
    const budgets = [
      this.#budgetIn(slot, { scope, window: 'daily', limit: own.daily }, date),
      this.#budgetIn(slot, { scope, window: 'monthly', limit: own.monthly }, date),
      this.budget(GLOBAL_SCOPE, 'daily', date, all.daily),
      this.budget(GLOBAL_SCOPE, 'monthly', date, all.monthly),
    ] as const;
    if (slot < 0 || budgets.some((budget) => budget === null)) return null;
    const places = this.#counters.placesOf(slot);
    const { maxConcurrentPerUser: placesMax } = this.#config;
    const account = { user, date, places, placesMax, budgets: budgets as Account['budgets'] };
    this.#cache.set(user, account);
    return account;
  }

  /** The budget of a scope in the window that holds the date. */
  budget(scope: Scope, window: WindowKind, date: LocalDate, limit: NanoUsd | null): Budget | null {
    return this.#budgetIn(this.#slotOf(scope), { scope, window, limit }, date);
  }

  /** `null` when the counters cannot hold the user. */
  places(user: string): number | null {
    const slot = this.#slotOf(userScope(user));
    return slot < 0 ? null : this.#counters.placesOf(slot);
  }

  /** The bank of a window that somebody has touched; −1 otherwise. Takes no room for it. */
  bankHeld(scope: Scope, window: WindowKind, date: LocalDate): number {
    const slot = this.#counters.slotHeld(this.#keyOf(scope));
    return slot < 0 ? -1 : this.#counters.bankHeld(slot, window, windowOrdinal(window, date));
  }

  /** Books what the ledger says was settled in a window. False when the counters cannot hold it. */
  begin(scope: Scope, window: WindowKind, date: LocalDate, settled: NanoUsd): boolean {
    const slot = this.#slotOf(scope);
    return slot >= 0 && this.#counters.begin(slot, window, windowOrdinal(window, date), settled);
  }

  /** Nobody is admitted from the window that holds the date on, until it is begun. */
  keepFrom(window: WindowKind, date: LocalDate | null): void {
    const ordinal = date === null ? null : windowOrdinal(window, date);
    this.#counters.keepFrom(this.#slotOf(GLOBAL_SCOPE), window, ordinal);
  }

  #isHeld({ budgets }: Account): boolean {
    for (const { bank, ordinal } of budgets) if (!this.#counters.holds(bank, ordinal)) return false;
    return true;
  }

  #budgetIn(
    slot: number,
    named: Pick<Budget, 'scope' | 'window' | 'limit'>,
    date: LocalDate,
  ): Budget | null {
    if (slot < 0) return null;
    const { scope, window, limit } = named;
    const ordinal = windowOrdinal(window, date);
    const bank = this.#counters.bankOf(slot, window, ordinal);
    if (bank < 0) return null;
    const whole = limit ?? ZERO_USD;
    const roomy = nano(whole - (whole + 9n) / 10n);
    return { scope, window, ordinal, bank, limit, roomy, smallInput: nano(whole / 4096n) };
  }

  /** A key is entered once and for good, so everyone's slot is looked for once. */
  #slotOf(scope: Scope): number {
    if (scope === GLOBAL_SCOPE && this.#globalSlot >= 0) return this.#globalSlot;
    const slot = this.#counters.slotOf(this.#keyOf(scope));
    if (scope === GLOBAL_SCOPE) this.#globalSlot = slot;
    return slot;
  }

  #keyOf(scope: Scope): bigint {
    return hash('sha256', this.#salt + scope, 'buffer').readBigInt64LE();
  }
}
