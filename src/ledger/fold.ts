// Books journal records: a reservation and its end become one entry, entries add up to totals, and
// totals that pass a threshold owe an alert. Reads what was booked before through `Booked`, keeps
// what changes to itself, and writes nothing: one transaction stores it, or a report just looks at
// it.

import type { BudgetConfig } from '../config/config.js';
import type { AlertEvent } from '../kernel/alert.js';
import { nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import type {
  AdjustRecord,
  AlertRecord,
  JournalRecord,
  ReserveRecord,
  SettleRecord,
  VoidRecord,
} from '../kernel/record.js';
import {
  GLOBAL_SCOPE,
  type LocalDate,
  type Scope,
  userScope,
  type WindowKind,
  windowNumber,
} from '../kernel/scope.js';
import { NO_USAGE } from '../kernel/usage.js';
import {
  addToTotals,
  adjustment,
  type Ending,
  type Entry,
  newTotals,
  settledKey,
  type Totals,
  totalsKey,
  unpriced,
} from './entry.js';
import { WINDOWS } from './layout.js';
import { crossed, eventIdOf, eventOf, limitOf, nextCrossing, type Occasion } from './occasion.js';
import { UtcBook, type UtcTotals, utcTotalsKey } from './utc-totals.js';

/** What earlier transactions have booked. */
export interface Booked {
  readonly entrySequence: number;
  openOf(reservationId: bigint): ReserveRecord | undefined;
  totalsOf(key: Buffer): Totals | undefined;
  utcTotalsOf(key: Buffer): UtcTotals | undefined;
  settledOf(key: Buffer): NanoUsd | undefined;
  isOwed(eventId: string): boolean;
}

/** What a scope has settled in a window, this fold included. */
export interface Balance {
  readonly key: Buffer;
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly limit: NanoUsd | null;
  settled: NanoUsd;
  /** The least sum that passes a threshold which is not passed yet; `null` when none is left. */
  nextCrossing: NanoUsd | null;
}

/** What the requests of a user's day add to. */
interface UserDay {
  readonly date: LocalDate;
  /** Once something has cost. */
  balances: readonly Balance[] | null;
  /** By model; of several providers only when a model has changed its own. */
  readonly totals: Map<string, Totals[]>;
}

export class Fold {
  /** Reservations of these records that are still open. */
  readonly opened = new Map<bigint, ReserveRecord>();
  /** Reservations that were open before and have ended. */
  readonly ended = new Set<bigint>();
  readonly entries: Entry[] = [];
  readonly totals: Totals[] = [];
  /** By the bytes of their keys, as a latin1 text. */
  readonly settled = new Map<string, Balance>();
  readonly alerts = new Map<string, AlertEvent>();
  /** Ends of reservations that are not open: each is a defect, and booked by nobody. */
  readonly strayEnds: bigint[] = [];
  readonly #utc: UtcBook;
  readonly #userDays = new Map<string, UserDay[]>();
  readonly #booked: Booked;
  readonly #firstSequence: number;
  readonly #budget: BudgetConfig | null;

  /** Without a budget no alert is owed: a report. */
  constructor(booked: Booked, budget: BudgetConfig | null) {
    this.#booked = booked;
    this.#firstSequence = booked.entrySequence;
    this.#budget = budget;
    this.#utc = new UtcBook((name) => booked.utcTotalsOf(utcTotalsKey(name)));
  }

  /** By `utcName`. */
  get utcTotals(): ReadonlyMap<string, UtcTotals> {
    return this.#utc.rows;
  }

  get entrySequence(): number {
    return this.#firstSequence + this.entries.length;
  }

  apply(record: JournalRecord): void {
    if (record.kind === 'reserve') {
      this.opened.set(record.reservationId, record);
    } else if (record.kind === 'alert') {
      this.#told(record);
    } else if (record.kind === 'adjust') {
      this.#adjust(record);
    } else {
      const reserve = this.#end(record.reservationId);
      if (reserve === undefined) this.strayEnds.push(record.reservationId);
      else this.#book(endingOf(record, reserve));
    }
  }

  /**
   * Books a reservation whose end nobody saw, at all that it may have cost. False when it has
   * ended.
   */
  charge(reserve: ReserveRecord, timeMs: number): boolean {
    const open = this.#end(reserve.reservationId);
    if (open === undefined) return false;
    this.#book({
      sequence: 0,
      kind: 'settle',
      timeMs,
      reserve: open,
      cost: open.worst,
      usage: NO_USAGE,
      source: 'unsettled',
      status: 0,
      priceVersion: open.priceVersion,
      overrun: false,
    });
    return true;
  }

  #end(reservationId: bigint): ReserveRecord | undefined {
    const opened = this.opened.get(reservationId);
    if (opened !== undefined) {
      this.opened.delete(reservationId);
      return opened;
    }
    if (this.ended.has(reservationId)) return undefined;
    const before = this.#booked.openOf(reservationId);
    if (before !== undefined) this.ended.add(reservationId);
    return before;
  }

  #book(entry: Ending): void {
    entry.sequence = this.entrySequence;
    this.entries.push(entry);
    const { date, user } = entry.reserve;
    const day = this.#userDay(user, date);
    addToTotals(this.#totalsOf(day, entry.reserve), entry);
    this.#utc.add(entry);
    if (entry.kind === 'settle') {
      day.balances ??= this.#balancesOf(user, date);
      this.#settle(entry, day.balances);
    } else if (entry.kind === 'adjust') {
      this.#settle(entry, this.#globalBalances(date));
    }
    if (entry.overrun) this.#overrun(entry);
  }

  #userDay(user: string, date: LocalDate): UserDay {
    let days = this.#userDays.get(user);
    if (days === undefined) this.#userDays.set(user, (days = []));
    let day = days.find((one) => one.date === date);
    if (day === undefined) {
      day = { date, balances: null, totals: new Map() };
      days.push(day);
    }
    return day;
  }

  #totalsOf(day: UserDay, reserve: ReserveRecord): Totals {
    let ofModel = day.totals.get(reserve.model);
    if (ofModel === undefined) day.totals.set(reserve.model, (ofModel = []));
    let totals = ofModel.find(({ provider }) => provider === reserve.provider);
    if (totals === undefined) {
      totals = this.#booked.totalsOf(totalsKey(reserve)) ?? newTotals(reserve);
      ofModel.push(totals);
      this.totals.push(totals);
    }
    return totals;
  }

  /** Books what the correction adds to those of its provider and day before it. */
  #adjust(record: AdjustRecord): void {
    const before = this.#utc.rowOf({ ...record, model: '' }).cost;
    const delta = nano(record.amount - before);
    if (delta !== 0n) this.#book({ ...adjustment(record, delta), sequence: 0 });
  }

  #settle({ cost, reserve, timeMs }: Entry, balances: readonly Balance[]): void {
    const { date } = reserve;
    for (const balance of balances) {
      const before = balance.settled;
      const after = nano(before + cost);
      balance.settled = after;
      const { scope, window, limit } = balance;
      if (balance.nextCrossing === null || after < balance.nextCrossing) continue;
      if (this.#budget === null || limit === null || cost === 0n) continue;
      const event = 'budget_threshold_exceeded';
      const thresholdsPct = this.#budget.alertThresholdsPct;
      balance.nextCrossing = nextCrossing(thresholdsPct, limit, after);
      for (const thresholdPct of crossed(thresholdsPct, limit, { before, after })) {
        this.#owe({ event, scope, window, date, thresholdPct, spent: after, limit, timeMs });
      }
    }
  }

  /** The four sums that a user's request counts in: found once, then added to in place. */
  #balancesOf(user: string, date: LocalDate): readonly Balance[] {
    return [userScope(user), GLOBAL_SCOPE].flatMap((scope) =>
      WINDOWS.map((window) => this.#balanceOf(scope, window, date)),
    );
  }

  /** A correction is nobody's: it counts against everyone's budgets alone. */
  #globalBalances(date: LocalDate): readonly Balance[] {
    return WINDOWS.map((window) => this.#balanceOf(GLOBAL_SCOPE, window, date));
  }

  #balanceOf(scope: Scope, window: WindowKind, date: LocalDate): Balance {
    const key = settledKey(window, windowNumber(window, date), scope);
    const text = key.toString('latin1');
    let balance = this.settled.get(text);
    if (balance === undefined) {
      const budget = this.#budget;
      const limit = budget === null ? null : limitOf(budget, scope, window);
      const settled = this.#booked.settledOf(key) ?? ZERO_USD;
      const next =
        budget === null || limit === null
          ? null
          : nextCrossing(budget.alertThresholdsPct, limit, settled);
      balance = { key, scope, window, limit, settled, nextCrossing: next };
      this.settled.set(text, balance);
    }
    return balance;
  }

  #overrun({ reserve, cost, timeMs }: Entry): void {
    const { user, date, model, provider, amount } = reserve;
    const { scope, window, limit, settled } = this.#balanceOf(userScope(user), 'daily', date);
    const event = 'settlement_overrun';
    const details = { provider, model, reserved_usd: usdText(amount), billed_usd: usdText(cost) };
    const occasion = { event, scope, window, date, thresholdPct: null, limit, timeMs } as const;
    this.#owe({ ...occasion, spent: settled, details });
  }

  #told({ event, scope, window, date, spent, limit, timeMs, model }: AlertRecord): void {
    const mode = this.#budget?.mode ?? 'enforce';
    const details = {
      ...(model !== null && { model }),
      // Nobody was rejected: who reads it is to know.
      ...(event === 'budget_exceeded' && mode !== 'enforce' && { mode }),
    };
    const thresholdPct = null;
    this.#owe({ event, scope, window, date, thresholdPct, spent, limit, timeMs, details });
  }

  #owe(occasion: Occasion): void {
    if (this.#budget === null) return;
    const eventId = eventIdOf(occasion);
    if (this.alerts.has(eventId) || this.#booked.isOwed(eventId)) return;
    this.alerts.set(eventId, eventOf(occasion, this.#budget.timezone));
  }
}

function endingOf(record: SettleRecord | VoidRecord, reserve: ReserveRecord): Ending {
  const { timeMs, status } = record;
  if (record.kind === 'void') {
    return unpriced('void', timeMs, reserve, status);
  }
  // Member by member: a spread of the record costs more than all else that is done for it here.
  return {
    sequence: 0,
    kind: 'settle',
    timeMs,
    reserve,
    cost: record.cost,
    usage: record.usage,
    source: record.source,
    status,
    priceVersion: record.priceVersion,
    overrun: record.overrun,
  };
}
