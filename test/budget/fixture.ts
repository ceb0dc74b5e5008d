// A budget configuration for tests, and counters of a size that a test can fill.

import { Accounts } from '../../src/budget/account.js';
import { Counters, countersBytes } from '../../src/budget/counters.js';
import type { BudgetConfig, Limits } from '../../src/config/config.js';
import { nano } from '../../src/kernel/money.js';

export const cents = (amount: number) => nano(BigInt(amount) * 10_000_000n);

export function budgetConfig(
  global: Partial<Limits>,
  users: Record<string, Partial<Limits>> = {},
): BudgetConfig {
  const limits = (given: Partial<Limits>): Limits => ({ daily: null, monthly: null, ...given });
  return {
    enabled: true,
    maxConcurrentPerUser: Infinity,
    timezone: 'UTC',
    mode: 'enforce',
    rejectOnExceed: true,
    rejectionStatus: 402,
    reserve: 'worst_case',
    clampOutput: true,
    clampMinTokens: 256,
    fallbackModel: null,
    global: limits(global),
    perUser: {
      defaults: limits({}),
      unlistedUsers: 'allow',
      users: Object.fromEntries(
        Object.entries(users).map(([user, given]) => [user, limits(given)]),
      ),
    },
    alertThresholdsPct: [80],
    alertWebhooks: [],
  };
}

export function newCounters(slots = 1024): { buffer: SharedArrayBuffer; counters: Counters } {
  const buffer = new SharedArrayBuffer(countersBytes(slots));
  return { buffer, counters: new Counters(buffer) };
}

export const newAccounts = (counters: Counters, config: BudgetConfig): Accounts =>
  new Accounts(counters, config, 'salt');
