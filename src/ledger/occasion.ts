// Which alert a booking raises. Its id is the hash of its budget, window and occasion: it exists
// once, however often the booking is replayed. Pure.

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

export function eventIdOf({ event, scope, window, date, ...rest }: Occasion): string {
  const occasion = rest.thresholdPct ?? event;
  // A forecast that is taken back is told as well.
  const again = rest.details?.['state'] === 'cleared' ? '|cleared' : '';
  return alertId(`${scope}|${window}|${windowNumber(window, date)}|${occasion}${again}`);
}

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
