// What keys say of their users' limits: a user is held to the least of the file's limit and those
// of the keys that are still good for it.

import type { BudgetConfig, Limits } from '../config/config.js';
import { limitsOf } from '../config/limits.js';
import type { NanoUsd } from '../kernel/money.js';
import { stateOf, type VirtualKey } from './key.js';

/** The file's budget, held down by keys. Pure. */
export function keyedBudget(
  budget: BudgetConfig,
  keys: readonly VirtualKey[],
  nowMs: number,
): BudgetConfig {
  if (!budget.enabled) return budget;
  const users = new Map<string, Limits>();
  for (const key of keys) {
    if (key.dailyLimit === null && key.monthlyLimit === null) continue;
    if (stateOf(key, nowMs) !== 'active') continue;
    const before = users.get(key.user) ?? limitsOf(budget, key.user);
    users.set(key.user, {
      daily: least(before.daily, key.dailyLimit),
      monthly: least(before.monthly, key.monthlyLimit),
    });
  }
  if (users.size === 0) return budget;
  const perUser = budget.perUser ?? {
    defaults: { daily: null, monthly: null },
    unlistedUsers: 'allow',
    users: {},
  };
  // Neither step assigns: a user may be called `__proto__`.
  const all = { ...perUser.users, ...Object.fromEntries(users) };
  return { ...budget, perUser: { ...perUser, users: all } };
}

function least(a: NanoUsd | null, b: NanoUsd | null): NanoUsd | null {
  if (a === null || b === null) return a ?? b;
  return a < b ? a : b;
}
