// What the dashboard shows, in two parts: `live` is cheap and told every second, `books` asks the
// ledger and is told less often. Money is exact decimal text here as everywhere.

import { sentence } from '../alert/sentence.js';
import { limitsOf } from '../config/limits.js';
import type { OwedAlert } from '../kernel/alert.js';
import { localDate, windowBounds } from '../kernel/calendar.js';
import { nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import { dayText, type SpendBy, type SpendRow } from '../ledger/spend.js';
import type { Readings } from '../proxy/tally.js';
import type { History } from './history.js';
import { type Running, today } from './running.js';
import { type BudgetStatus, budgetStatus } from './status.js';

const HOUR_MS = 3_600_000n;
const DAY_MS = 86_400_000;
const TOP_ROWS = 10;
const DAYS = 30;
const ALERTS = 8;

export interface Forecast {
  /** At the present pace, when the window ends; `null` while there is none. */
  readonly forecast_usd: string | null;
  /** When the cap is reached at that pace, if it is before the end. */
  readonly cap_reached_at: string | null;
}

export function liveView(running: Running, history: History, readings: Readings) {
  const date = today(running);
  const burn = history.burnPerHour();
  const { counts, gauges } = readings;
  const rejected = Object.entries(readings.rejected).filter(([, count]) => count > 0);
  return {
    state: running.state(),
    version: running.version,
    address: running.address,
    uptime_seconds: Math.floor((running.now() - running.startedAtMs) / 1000),
    burn_usd_per_hour: burn === null ? null : usdText(burn),
    budgets: (['daily', 'monthly'] as const).map((window) => {
      const status = budgetStatus(running, window, date);
      const { settled } = running.holding(null, window, date);
      const limit = limitsOf(running.config.budget, null)[window];
      const nowMs = running.now();
      const pace = window === 'daily' ? burn : meanPace(running, settled, date);
      return { ...status, ...forecast(status, { settled, limit, pace, nowMs }) };
    }),
    requests: {
      admitted: counts.admitted,
      rejected: Object.fromEntries(rejected),
      fallbacks: counts.fallbacks,
      clamps: counts.clamps,
      active: gauges.reduce((sum, { active }) => sum + active, 0),
      per_second: history.rates(),
      overhead_us: history.overheadUs(),
    },
    workers: gauges.map((gauge) => ({ active: gauge.active, lag_us: gauge.lag_p99_us })),
    point: history.newestPoint(),
  };
}

export type Live = ReturnType<typeof liveView>;

/** A quarter of an hour says little about a month: its own mean does. */
function meanPace({ config, now }: Running, settled: NanoUsd, date: LocalDate): NanoUsd | null {
  const elapsedMs = now() - windowBounds('monthly', date, config.budget.timezone).startMs;
  return elapsedMs < Number(HOUR_MS) ? null : nano((settled * HOUR_MS) / BigInt(elapsedMs));
}

/** Where the window will end if spending goes on at that pace, an hour. */
export function forecast(
  { resets_at }: Pick<BudgetStatus, 'resets_at'>,
  spending: { settled: NanoUsd; limit: NanoUsd | null; pace: NanoUsd | null; nowMs: number },
): Forecast {
  const { settled, limit, pace, nowMs } = spending;
  if (pace === null) return { forecast_usd: null, cap_reached_at: null };
  const leftMs = BigInt(Math.max(0, Date.parse(resets_at) - nowMs));
  const forecast_usd = usdText(nano(settled + (pace * leftMs) / HOUR_MS));
  const untilMs = limit === null || pace <= 0n ? null : ((limit - settled) * HOUR_MS) / pace;
  if (untilMs === null || untilMs < 0n || untilMs >= leftMs) {
    return { forecast_usd, cap_reached_at: null };
  }
  return { forecast_usd, cap_reached_at: new Date(nowMs + Number(untilMs)).toISOString() };
}

/** As the dashboard and `GET /admin/alerts` tell it. */
export function alertView({ event, channels }: OwedAlert) {
  const states = Object.values(channels).map(({ state }) => state);
  const dead = states.filter((state) => state === 'dead').length;
  const waiting = states.filter((state) => state === 'pending').length;
  return {
    id: event.eventId,
    event: event.event,
    at: new Date(event.occurredAtMs).toISOString(),
    text: sentence(event),
    delivery: dead > 0 ? 'given up' : waiting > 0 ? 'under way' : 'delivered',
  };
}

export async function booksView(running: Running) {
  const date = today(running);
  // Asked for at once and answered in this order: the books are brought up to date by the first.
  const [books, [users = [], models = []], alerts] = await Promise.all([
    running.books(date),
    top(running, ['user', 'model'], date),
    running.ledger.recentAlerts(ALERTS),
  ]);
  const { version, asOfMs } = running.prices();
  return {
    books: {
      lag_records: books.lagRecords,
      open_reservations: books.openReservations,
      overdue_reservations: books.overdueReservations,
      stray_ends: books.strayEnds,
      entries: books.entries,
      drift_usd: usdText(books.drift),
    },
    users: users.map((row) => {
      const limit = limitsOf(running.config.budget, row.name).daily;
      return { ...rowView(row), limit_usd: limit === null ? null : usdText(limit) };
    }),
    models: models.map(rowView),
    alerts: alerts.map(alertView),
    outbox: { pending: books.alertsPending, dead: books.alertsDead },
    prices: { version, age_seconds: Math.max(0, Math.floor((running.now() - asOfMs) / 1000)) },
  };
}

async function top({ ledger }: Running, each: readonly SpendBy[], date: LocalDate) {
  const queries = each.map((by) => ({ by, from: date, to: date }));
  return (await ledger.bookedSpends(queries, TOP_ROWS)).map(({ rows }) => rows);
}

const rowView = ({ name, requests, cost }: SpendRow) => ({
  name,
  requests,
  cost_usd: usdText(cost),
});

/** Spend of the last thirty days, today last; days without any are zero. */
export async function daysView({ config, ledger, now }: Running) {
  const { timezone } = config.budget;
  const dates = Array.from({ length: DAYS }, (_, index) =>
    localDate(now() - (DAYS - 1 - index) * DAY_MS, timezone),
  );
  const [from, to] = [dates[0] as LocalDate, dates.at(-1) as LocalDate];
  const { rows } = await ledger.spend({ by: 'day', from, to });
  const costs = new Map(rows.map(({ name, cost }) => [name, cost]));
  // A day of 25 hours is met twice, and one of 23 may be passed over at its edge: each once.
  const days = [...new Set(dates)].map(dayText);
  const limit = limitsOf(config.budget, null).daily;
  return {
    days: days.map((day) => ({ day, cost_usd: usdText(costs.get(day) ?? ZERO_USD) })),
    limit_usd: limit === null ? null : usdText(limit),
  };
}
