import type { AlertEvent } from '../../src/kernel/alert.js';
import { nano } from '../../src/kernel/money.js';

/** The recipe's alert. */
export const RECIPE_ALERT: AlertEvent = {
  eventId: 'evt_1',
  event: 'budget_threshold_exceeded',
  scope: 'user:user-a',
  window: 'daily',
  windowStartMs: Date.UTC(2026, 2, 25),
  windowEndMs: Date.UTC(2026, 2, 26),
  thresholdPct: 80,
  spent: nano(9_000_000_000n),
  limit: nano(3_000_000_000n),
  occurredAtMs: Date.UTC(2026, 2, 25, 9, 45, 0, 999),
};
