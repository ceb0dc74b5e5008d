// Alerts that are owed to people: which event a booking raises, and the outbox rows that hold it
// until every channel has had it. The id of a row is its budget, window and occasion: it exists
// once, however often the booking is replayed.

import type { BudgetConfig } from '../config/config.js';
import { limitsOf } from '../config/limits.js';
import {
  type AlertDetails,
  type AlertEvent,
  alertId,
  type BudgetEventName,
} from '../kernel/alert.js';
import { windowBounds } from '../kernel/calendar.js';
import { nano, type NanoUsd } from '../kernel/money.js';
import {
  type LocalDate,
  type Scope,
  scopeUser,
  type WindowKind,
  windowNumber,
} from '../kernel/scope.js';

/** An alert and the channels it is for. */
export interface OutboxRow {
  readonly event: AlertEvent;
  readonly channels: readonly string[];
  readonly delivered: readonly string[];
}

export interface Occasion {
  readonly event: BudgetEventName;
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly date: LocalDate;
  readonly thresholdPct: number | null;
  readonly spent: NanoUsd;
  readonly limit: NanoUsd | null;
  readonly timeMs: number;
  readonly details?: AlertDetails;
}

export const eventIdOf = ({ event, scope, window, date, thresholdPct }: Occasion): string =>
  alertId(`${scope}|${window}|${windowNumber(window, date)}|${thresholdPct ?? event}`);

export function eventOf(occasion: Occasion, timezone: string): AlertEvent {
  const { event, scope, window, date, thresholdPct, spent, limit, timeMs } = occasion;
  const bounds = windowBounds(window, date, timezone);
  return {
    eventId: eventIdOf(occasion),
    event,
    occurredAtMs: timeMs,
    budget: {
      scope,
      window,
      windowStartMs: bounds.startMs,
      windowEndMs: bounds.endMs,
      thresholdPct,
      spent,
      limit,
    },
    details: occasion.details ?? {},
  };
}

export const limitOf = (budget: BudgetConfig, scope: Scope, window: WindowKind): NanoUsd | null =>
  limitsOf(budget, scopeUser(scope))[window];

/** Percents may be fractions: reckoned in millionths of a limit, so that no float meets money. */
const MILLION = 1_000_000n;
const millionths = (pct: number): bigint => BigInt(Math.round(pct * 10_000));

/** The thresholds, in percent, that spending passes on its way from `before` to `after`. */
export function crossed(
  thresholdsPct: readonly number[],
  limit: NanoUsd,
  { before, after }: { before: NanoUsd; after: NanoUsd },
): number[] {
  return thresholdsPct.filter((pct) => {
    const threshold = limit * millionths(pct);
    return before * MILLION < threshold && threshold <= after * MILLION;
  });
}

/** The least sum beyond `settled` that reaches a threshold; `null` when all are passed. */
export function nextCrossing(
  thresholdsPct: readonly number[],
  limit: NanoUsd,
  settled: NanoUsd,
): NanoUsd | null {
  let next: bigint | null = null;
  for (const pct of thresholdsPct) {
    const reached = (limit * millionths(pct) + MILLION - 1n) / MILLION;
    if (reached > settled && (next === null || reached < next)) next = reached;
  }
  return next === null ? null : nano(next);
}

/** JSON has no bigint: amounts of money are stored as their digits. */
const AMOUNTS = new Set(['spent', 'limit']);

export const packRow = (row: OutboxRow): Buffer =>
  Buffer.from(
    JSON.stringify(row, (_, value: unknown) =>
      typeof value === 'bigint' ? value.toString() : value,
    ),
  );

export const unpackRow = (bytes: Buffer): OutboxRow =>
  JSON.parse(bytes.toString(), (key, value: unknown) =>
    AMOUNTS.has(key) && typeof value === 'string' ? nano(BigInt(value)) : value,
  ) as OutboxRow;

export const isPending = ({ channels, delivered }: OutboxRow): boolean =>
  channels.some((channel) => !delivered.includes(channel));
