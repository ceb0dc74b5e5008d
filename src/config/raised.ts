// The limits in force while some are raised. Pure: who raises and until when is decided elsewhere.

import { nano } from '../kernel/money.js';
import type { Raise } from '../kernel/raise.js';
import type { BudgetConfig, Limits } from './config.js';
import { limitsOf } from './limits.js';

/** The file's budget with the raises on top. A limit that the file does not set stays unset. */
export function raisedBudget(budget: BudgetConfig, raises: readonly Raise[]): BudgetConfig {
  let raised = budget;
  for (const raise of raises) raised = withRaise(raised, raise);
  return raised;
}

function withRaise(budget: BudgetConfig, { user, window, amount }: Raise): BudgetConfig {
  const limits = limitsOf(budget, user);
  const limit = limits[window];
  if (limit === null) return budget;
  const higher: Limits = { ...limits, [window]: nano(limit + amount) };
  if (user === null) return { ...budget, global: higher };
  if (budget.perUser === null) return budget;
  const users = { ...budget.perUser.users, [user]: higher };
  return { ...budget, perUser: { ...budget.perUser, users } };
}
