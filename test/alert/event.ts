import type { AlertEvent, BudgetState } from '../../src/kernel/alert.js';
import { nano } from '../../src/kernel/money.js';

const BUDGET: BudgetState = {
  scope: 'user:user-a',
  window: 'daily',
  windowStartMs: Date.UTC(2026, 2, 25),
  windowEndMs: Date.UTC(2026, 2, 26),
  thresholdPct: 80,
  spent: nano(9_000_000_000n),
  limit: nano(3_000_000_000n),
};

/** The recipe's alert. */
export const RECIPE_ALERT: AlertEvent = {
  eventId: 'evt_1',
  event: 'budget_threshold_exceeded',
  occurredAtMs: Date.UTC(2026, 2, 25, 9, 45, 0, 999),
  budget: BUDGET,
  details: {},
};

/** The recipe's alert, of another budget. */
export const alertOf = (budget: Partial<BudgetState>): AlertEvent => ({
  ...RECIPE_ALERT,
  budget: { ...BUDGET, ...budget },
});

/** What the proxy as a whole has to tell. */
export const NOTICE: AlertEvent = {
  ...RECIPE_ALERT,
  eventId: 'evt_2',
  event: 'pricing_stale',
  budget: null,
  details: { source: 'models.dev', since: 'never', reason: 'HTTP 500' },
};
