// Where ledger and hot counters meet: the ledger's balances go into the counters before the first
// request, and what a dead worker left open is charged there for good.

import { randomUUID } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { Books, Holding } from '../admin/running.js';
import { Accounts } from '../budget/account.js';
import { Counters, countersBytes, SLOTS_DEFAULT } from '../budget/counters.js';
import type { BudgetConfig } from '../config/config.js';
import { dayPlus, localDate, windowBounds, windowOrdinal } from '../kernel/calendar.js';
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
import type { Adjusted, Adjustment, Balance, GlobalWindow } from '../ledger/protocol.js';

const WINDOWS = ['daily', 'monthly'] as const;

/** A day in a row's window. */
const dateIn = ({ window, windowNumber: number }: Balance): LocalDate =>
  window === 'daily' ? number : number * 100 + 1;

const WATCH_MS = 1_000;
const GONE_BACK =
  'The clock has gone back by more than a day, and what was spent then stands in the ledger alone';

/** A settlement moves the counters an instant before its record can be read. */
const DRIFT_LOOKS_MAX = 5;
const DRIFT_PAUSE_MS = 20;

export class Balances {
  readonly buffer: SharedArrayBuffer;
  readonly salt = randomUUID();
  readonly #counters: Counters;
  readonly #accounts: Accounts;
  readonly #timezone: string;
  /** Of windows beyond the present ones: a clock was ahead when it was spent. */
  #ahead: Balance[] = [];
  #watch: NodeJS.Timeout | null = null;

  constructor(budget: BudgetConfig, slots: number = SLOTS_DEFAULT) {
    this.buffer = new SharedArrayBuffer(countersBytes(slots));
    this.#counters = new Counters(this.buffer);
    this.#accounts = new Accounts(this.#counters, budget, this.salt);
    this.#timezone = budget.timezone;
  }

  /** What a window holds this instant. Of a scope that the counters do not hold: nothing. */
  holding(user: string | null, window: WindowKind, date: LocalDate): Holding {
    const scope = user === null ? GLOBAL_SCOPE : userScope(user);
    const bank = this.#accounts.bankHeld(scope, window, date);
    if (bank < 0) return { settled: ZERO_USD, reserved: ZERO_USD };
    // In this order: a request that settles in between shows as held a moment longer.
    const settled = this.#counters.settled(bank);
    const reserved = this.#counters.admitted(bank) - settled;
    return { settled, reserved: reserved < 0n ? ZERO_USD : nano(reserved) };
  }

  /**
   * Books what was settled in the present windows before this process started, and in those beside
   * them: a clock that is set back an hour at night is in yesterday again, or has been in tomorrow.
   * What a clock that was further ahead has spent waits for its day.
   */
  async seed(ledger: Pick<Ledger, 'balances'>, date: LocalDate): Promise<void> {
    const { startMs } = windowBounds('daily', date, this.#timezone);
    const yesterday = localDate(startMs - 1, this.#timezone);
    const rows = await ledger.balances(yesterday);
    const after = ({ window, windowNumber: number }: Balance): number =>
      number - windowNumber(window, date);
    for (const row of rows.filter((each) => after(each) === 0)) {
      if (!this.#begin(row)) {
        throw new TokenPakError('ledger_unavailable', 'more scopes have spent than counters fit');
      }
    }
    this.#ahead = rows.filter((row) => after(row) > 0);
    for (const window of WINDOWS) this.#beginUpTo(window, windowOrdinal(window, date) + 1);
    // Tomorrow and yesterday share a bank: what tomorrow has taken, yesterday is refused.
    for (const row of rows.filter((each) => after(each) < 0)) this.#begin(row);
    // With these begun nobody begins a day before them: what was spent then is not here.
    for (const day of [date, yesterday, dayPlus(date, -1)]) {
      this.#accounts.budget(GLOBAL_SCOPE, 'daily', day, null);
    }
  }

  /** Keeps up with the clock. Tells when it cannot, in words. */
  watch(now: () => number, onProblem: (problem: string) => void): void {
    this.#watch = setInterval(() => {
      if (!this.keepUp(localDate(now(), this.#timezone))) onProblem(GONE_BACK);
    }, WATCH_MS).unref();
  }

  close(): void {
    if (this.#watch !== null) clearInterval(this.#watch);
  }

  /**
   * Begins the present windows if they were spent in before their time; to be asked every second.
   * False when the clock has gone back to a window that the counters hold no more: nobody is
   * admitted then, until another start reads the books.
   */
  keepUp(date: LocalDate): boolean {
    return WINDOWS.every((window) => {
      if (this.#ahead.length > 0) this.#beginUpTo(window, windowOrdinal(window, date));
      return this.#accounts.budget(GLOBAL_SCOPE, window, date, null) !== null;
    });
  }

  /** Takes up what waits, up to a window. The ledger tells of windows in their order. */
  #beginUpTo(window: WindowKind, last: number): void {
    const isDue = (row: Balance): boolean =>
      row.window === window && windowOrdinal(window, dateIn(row)) <= last;
    const due = this.#ahead.filter(isDue);
    // Everyone's is begun last: till then it lets nobody in, and after it all of them are there.
    for (const row of due) if (row.scope !== GLOBAL_SCOPE) this.#begin(row);
    for (const row of due) if (row.scope === GLOBAL_SCOPE) this.#begin(row);
    this.#ahead = this.#ahead.filter((row) => !isDue(row));
    const next = this.#ahead.find((row) => row.window === window);
    this.#accounts.keepFrom(window, next === undefined ? null : dateIn(next));
  }

  #begin(row: Balance): boolean {
    return this.#accounts.begin(row.scope, row.window, dateIn(row), row.settled);
  }

  /**
   * The counters hold a dead worker's open reservations already: from now on as settled. Their
   * places are free again.
   */
  async recover(ledger: Pick<Ledger, 'recover'>, journalId: number): Promise<void> {
    for (const { user, date, amount, cost } of await ledger.recover(journalId)) {
      const places = this.#accounts.places(user);
      if (places !== null) this.#counters.giveBack(places);
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
