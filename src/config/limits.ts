// Which limits bind whom: the user's own line, else the default of `per_user_limits`, else none.

import type { BudgetConfig, Limits } from './config.js';

const NO_LIMITS: Limits = { daily: null, monthly: null };

/** The limits of a user, or of everyone together for `null`. */
export function limitsOf(budget: BudgetConfig, user: string | null): Limits {
  if (!budget.enabled) return NO_LIMITS;
  if (user === null) return budget.global;
  if (budget.perUser === null) return NO_LIMITS;
  return Object.hasOwn(budget.perUser.users, user)
    ? (budget.perUser.users[user] ?? NO_LIMITS)
    : budget.perUser.defaults;
}

/** `unlisted_users: reject` keeps out whom the config does not name. */
export function userAllowed(budget: BudgetConfig, user: string): boolean {
  const perUser = budget.perUser;
  if (!budget.enabled || perUser === null || perUser.unlistedUsers === 'allow') return true;
  return Object.hasOwn(perUser.users, user);
}
