// Books journal records: a reservation and its end become one entry, entries add up to totals, and
// totals that pass a threshold owe an alert. Reads what was booked before through `Booked`, keeps
// what changes to itself, and writes nothing: one transaction stores it, or a report just looks at
// it.

import type { BudgetConfig } from '../config/config.js';
import type { AlertEvent } from '../kernel/alert.js';
import { utcDate } from '../kernel/calendar.js';
import { nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import type { AdjustRecord, AlertRecord, JournalRecord, ReserveRecord } from '../kernel/record.js';
import {
  GLOBAL_SCOPE,
  type LocalDate,
  type Scope,
  userScope,
  type WindowKind,
  windowNumber,
} from '../kernel/scope.js';
import {
  addEntry,
  adjustment,
  type Entry,
  settledKey,
  type Totals,
  totalsKey,
  UNPRICED,
} from './entry.js';
import { WINDOWS } from './layout.js';
import { crossed, eventIdOf, eventOf, limitOf, type Occasion } from './outbox.js';
import { addUtcEntry, utcName, type UtcTotals, utcTotalsKey } from './utc-totals.js';

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
}

export class Fold {
  /** Reservations of these records that are still open. */
  readonly opened = new Map<bigint, ReserveRecord>();
  /** Reservations that were open before and have ended. */
  readonly ended = new Set<bigint>();
  readonly entries: Entry[] = [];
  readonly totals = new Map<string, Totals>();
  readonly utcTotals = new Map<string, UtcTotals>();
  /** By the bytes of their keys, as a latin1 text. */
  readonly settled = new Map<string, Balance>();
  readonly alerts = new Map<string, AlertEvent>();
  /** Ends of reservations that are not open: each is a defect, and booked by nobody. */
  readonly strayEnds: bigint[] = [];
  readonly #balances = new Map<string, readonly Balance[]>();
  readonly #booked: Booked;
  readonly #firstSequence: number;
  readonly #budget: BudgetConfig | null;

  /** Without a budget no alert is owed: a report. */
  constructor(booked: Booked, budget: BudgetConfig | null) {
    this.#booked = booked;
    this.#firstSequence = booked.entrySequence;
    this.#budget = budget;
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
      else if (record.kind === 'settle') this.#book({ ...record, reserve });
      else this.#book({ ...UNPRICED, ...record, reserve });
    }
  }

  /** Books a reservation whose end nobody saw, at all that it may have cost. */
  charge(reserve: ReserveRecord, timeMs: number): void {
    const open = this.#end(reserve.reservationId);
    if (open === undefined) return;
    const { amount: cost, priceVersion } = open;
    const ending = { kind: 'settle', source: 'unsettled', timeMs, cost, priceVersion } as const;
    this.#book({ ...UNPRICED, ...ending, reserve: open });
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

  #book(ending: Omit<Entry, 'sequence'>): void {
    const entry: Entry = { ...ending, sequence: this.entrySequence };
    this.entries.push(entry);
    const { date, user, model, provider } = entry.reserve;
    const name = `${date} ${user.length} ${model.length} ${user}${model}${provider}`;
    const before = this.totals.get(name) ?? this.#booked.totalsOf(totalsKey(entry.reserve));
    this.totals.set(name, addEntry(before, entry));
    this.#addUtc(entry);
    if (entry.kind === 'settle') this.#settle(entry, this.#balancesOf(user, date));
    else if (entry.kind === 'adjust') this.#settle(entry, this.#globalBalances(date));
    if (entry.overrun) this.#overrun(entry);
  }

  /** Books what the correction adds to those of its provider and day before it. */
  #adjust(record: AdjustRecord): void {
    const before = this.#utcTotalsOf({ ...record, model: '' })?.cost ?? ZERO_USD;
    const delta = nano(record.amount - before);
    if (delta !== 0n) this.#book(adjustment(record, delta));
  }

  #addUtc(entry: Entry): void {
    if (entry.kind === 'void') return;
    const { timeMs, provider, model } = entry.reserve;
    const row = { utcDate: utcDate(timeMs), provider, model };
    this.utcTotals.set(utcName(row), addUtcEntry(this.#utcTotalsOf(row), entry));
  }

  #utcTotalsOf(row: Pick<UtcTotals, 'utcDate' | 'provider' | 'model'>): UtcTotals | undefined {
    return this.utcTotals.get(utcName(row)) ?? this.#booked.utcTotalsOf(utcTotalsKey(row));
  }

  #settle({ cost, reserve, timeMs }: Entry, balances: readonly Balance[]): void {
    const { date } = reserve;
    for (const balance of balances) {
      const { scope, window, limit } = balance;
      const before = balance.settled;
      const after = nano(before + cost);
      balance.settled = after;
      if (this.#budget === null || limit === null || cost === 0n) continue;
      const event = 'budget_threshold_exceeded';
      for (const thresholdPct of crossed(this.#budget.alertThresholdsPct, limit, {
        before,
        after,
      })) {
        this.#owe({ event, scope, window, date, thresholdPct, spent: after, limit, timeMs });
      }
    }
  }

  /** The four sums that a user's request counts in: found once, then added to in place. */
  #balancesOf(user: string, date: LocalDate): readonly Balance[] {
    const name = `${date} ${user}`;
    let balances = this.#balances.get(name);
    if (balances === undefined) {
      balances = [userScope(user), GLOBAL_SCOPE].flatMap((scope) =>
        WINDOWS.map((window) => this.#balanceOf(scope, window, date)),
      );
      this.#balances.set(name, balances);
    }
    return balances;
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
      const limit = this.#budget === null ? null : limitOf(this.#budget, scope, window);
      const settled = this.#booked.settledOf(key) ?? ZERO_USD;
      balance = { key, scope, window, limit, settled };
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
    const details = model === null ? {} : { model };
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
