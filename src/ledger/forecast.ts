// Where spending leads: whether a budget is used up before its window ends, when it goes on as in
// two stretches of the recent past, a long one and a short one. Both must say so: the long one lets
// no burst count, the short one nothing that is over.
//
//   daily    the last two hours (at least one is known) · the last ten to twenty minutes
//   monthly  the last seven days, today included · yesterday and today
//
// Told once per budget and window, and once more when it no longer holds by a tenth of the limit.
// Whoever has reached the limit is told by the thresholds instead.

import type { BudgetConfig } from '../config/config.js';
import type { AlertEvent } from '../kernel/alert.js';
import { localDate, windowBounds } from '../kernel/calendar.js';
import { nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import { type LocalDate, type Scope, type WindowKind, windowNumber } from '../kernel/scope.js';
import { type Entry, settledKey } from './entry.js';
import { WINDOWS } from './layout.js';
import { eventIdOf, eventOf, limitOf, type Occasion } from './occasion.js';
import type { Outbox } from './outbox.js';
import { Pace, type Stretch } from './pace.js';

const KNOWN_MS_MIN = 3_600_000;
const LONG_DAYS = 7;
const SHORT_DAYS = 2;
/** Between two looks at the months. */
const MONTHLY_LOOK_MS = 600_000;
/** Rows that are looked through at a start for forecasts that still stand. */
const ROWS_MAX = 10_000;
/** Entries that a start learns the pace from. */
const ENTRIES_MAX = 20_000;

/** What the books say, and what was told before. */
export interface Books {
  readonly outbox: Pick<Outbox, 'isOwed' | 'list'>;
  readonly entrySequence: number;
  entries(fromSequence: number): Iterable<Entry>;
  settledOf(key: Buffer): NanoUsd | undefined;
}

interface Subject {
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly date: LocalDate;
}

/** What is the same for every budget at one look. */
interface Moment {
  readonly budget: BudgetConfig;
  readonly nowMs: number;
  readonly date: LocalDate;
  readonly endMs: Readonly<Record<WindowKind, number>>;
  /** Today and the days before it. */
  readonly days: readonly { readonly date: LocalDate; readonly startMs: number }[];
}

function momentOf(budget: BudgetConfig, nowMs: number): Moment {
  const { timezone } = budget;
  const date = localDate(nowMs, timezone);
  const days = [{ date, startMs: windowBounds('daily', date, timezone).startMs }];
  while (days.length < LONG_DAYS) {
    const before = localDate((days.at(-1)?.startMs ?? nowMs) - 1, timezone);
    days.push({ date: before, startMs: windowBounds('daily', before, timezone).startMs });
  }
  const endMs = {
    daily: windowBounds('daily', date, timezone).endMs,
    monthly: windowBounds('monthly', date, timezone).endMs,
  };
  return { budget, nowMs, date, endMs, days };
}

/** When spending goes on as in a stretch: what it comes to, and when the limit is reached. */
function lead(stretch: Stretch, spent: NanoUsd, limit: NanoUsd, leftMs: number) {
  const ms = BigInt(Math.max(1, stretch.ms));
  const projected = spent + (stretch.spent * BigInt(leftMs)) / ms;
  const inMs = stretch.spent === 0n ? null : ((limit - spent) * ms) / stretch.spent;
  return { projected, inMs };
}

export class Forecasts {
  readonly #books: Books;
  readonly #pace: Pace;
  /** Told, and not taken back: by the id of their event. */
  readonly #standing = new Map<string, Subject>();
  #monthlyLookMs = 0;

  constructor(books: Books, budget: BudgetConfig, nowMs: number) {
    this.#books = books;
    const first = Math.max(0, books.entrySequence - ENTRIES_MAX);
    const entries = [...books.entries(first)];
    const earliestMs = nowMs - Pace.memoryMs;
    const knownMs = first === 0 ? earliestMs : (entries[0]?.timeMs ?? nowMs);
    this.#pace = new Pace(Math.max(earliestMs, knownMs));
    this.add(entries);
    this.#recall(budget, nowMs);
  }

  add(entries: readonly Entry[]): void {
    for (const entry of entries) this.#pace.add(entry);
  }

  /** What is to be told now. */
  look(budget: BudgetConfig, nowMs: number): AlertEvent[] {
    this.#pace.forget(nowMs);
    const moment = momentOf(budget, nowMs);
    const { date } = moment;
    const occasions: Occasion[] = [];
    const windows = this.#windows(nowMs);
    for (const scope of this.#pace.scopes()) {
      for (const window of windows) {
        const occasion = this.#raised({ scope, window, date }, moment);
        if (occasion !== null) occasions.push(occasion);
      }
    }
    for (const [id, subject] of this.#standing) {
      const occasion = this.#cleared(subject, moment);
      if (occasion === 'stands') continue;
      this.#standing.delete(id);
      if (occasion !== 'over') occasions.push(occasion);
    }
    for (const occasion of occasions) {
      if (occasion.details?.['state'] === 'raised') {
        this.#standing.set(eventIdOf(occasion), occasion);
      }
    }
    return occasions.map((occasion) => eventOf(occasion, budget.timezone));
  }

  /** A month's pace takes days to change, and seven times the reading. */
  #windows(nowMs: number): readonly WindowKind[] {
    if (nowMs - this.#monthlyLookMs < MONTHLY_LOOK_MS) return ['daily'];
    this.#monthlyLookMs = nowMs;
    return WINDOWS;
  }

  #raised(subject: Subject, moment: Moment): Occasion | null {
    const { nowMs } = moment;
    const limit = limitOf(moment.budget, subject.scope, subject.window);
    if (limit === null || limit === 0n) return null;
    const spent = this.#settled(subject);
    const leads = spent >= limit ? null : this.#leads(subject, moment, { spent, limit });
    if (leads === null || leads.projected < limit || leads.inMs === null) return null;
    const reached = new Date(nowMs + Number(leads.inMs)).toISOString();
    const details = {
      state: 'raised',
      projected_usd: usdText(leads.projected),
      reached_at: reached.replace(/\.\d+/, ''),
    };
    const occasion = occasionOf(subject, { spent, limit, timeMs: nowMs }, details);
    return this.#books.outbox.isOwed(eventIdOf(occasion)) ? null : occasion;
  }

  #cleared(subject: Subject, moment: Moment): Occasion | 'stands' | 'over' {
    const { scope, window, date } = subject;
    const limit = limitOf(moment.budget, scope, window);
    const spent = this.#settled(subject);
    const ended = windowNumber(window, date) !== windowNumber(window, moment.date);
    if (ended || limit === null || spent >= limit) return 'over';
    const leads = this.#leads(subject, moment, { spent, limit });
    if (leads === null || leads.projected * 10n >= limit * 9n) return 'stands';
    const details = { state: 'cleared', projected_usd: usdText(leads.projected) };
    return occasionOf(subject, { spent, limit, timeMs: moment.nowMs }, details);
  }

  /** The lesser of the two leads; `null` while too little is known. */
  #leads(
    { scope, window }: Subject,
    moment: Moment,
    { spent, limit }: { spent: NanoUsd; limit: NanoUsd },
  ): { projected: NanoUsd; inMs: bigint | null } | null {
    const { nowMs } = moment;
    const { long, short } =
      window === 'daily' ? this.#pace.recent(scope, nowMs) : this.#days(scope, moment);
    if (long.ms < KNOWN_MS_MIN) return null;
    const leftMs = moment.endMs[window] - nowMs;
    const [a, b] = [lead(long, spent, limit, leftMs), lead(short, spent, limit, leftMs)];
    const lesser = a.projected < b.projected ? a : b;
    return { projected: nano(lesser.projected), inMs: lesser.inMs };
  }

  #days(scope: Scope, { days, nowMs }: Moment): { long: Stretch; short: Stretch } {
    const spends = days.map(({ date }) => this.#settled({ scope, window: 'daily', date }));
    const stretch = (count: number): Stretch => ({
      spent: nano(spends.slice(0, count).reduce((sum, spent) => sum + spent, 0n)),
      ms: nowMs - (days[count - 1]?.startMs ?? nowMs),
    });
    return { long: stretch(LONG_DAYS), short: stretch(SHORT_DAYS) };
  }

  #settled({ scope, window, date }: Subject): NanoUsd {
    const key = settledKey(window, windowNumber(window, date), scope);
    return this.#books.settledOf(key) ?? ZERO_USD;
  }

  /** The forecasts that an earlier process has told and not taken back. */
  #recall({ timezone }: BudgetConfig, nowMs: number): void {
    const takenBack = new Set<string>();
    let rows = 0;
    for (const { event } of this.#books.outbox.list()) {
      if ((rows += 1) > ROWS_MAX) break;
      const { budget, details, eventId } = event;
      if (event.event !== 'budget_forecast' || budget === null) continue;
      const { scope, window, windowStartMs, windowEndMs } = budget;
      if (windowEndMs <= nowMs) continue;
      const subject = { scope, window, date: localDate(windowStartMs, timezone) };
      if (details['state'] === 'cleared') takenBack.add(raisedId(subject));
      else this.#standing.set(eventId, subject);
    }
    for (const id of takenBack) this.#standing.delete(id);
  }
}

type Sums = Pick<Occasion, 'spent' | 'limit' | 'timeMs'>;

const occasionOf = (
  { scope, window, date }: Subject,
  sums: Sums,
  details: NonNullable<Occasion['details']>,
): Occasion => ({
  event: 'budget_forecast',
  scope,
  window,
  date,
  thresholdPct: null,
  ...sums,
  details,
});

const raisedId = (subject: Subject): string => {
  const sums = { spent: ZERO_USD, limit: null, timeMs: 0 };
  return eventIdOf(occasionOf(subject, sums, { state: 'raised' }));
};
