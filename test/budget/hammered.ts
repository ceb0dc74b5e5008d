// What is left after a round of hammering: whether sums agree and limits held.

import { Accounts } from '../../src/budget/account.js';
import { Counters, countersBytes } from '../../src/budget/counters.js';
import type { BudgetConfig } from '../../src/config/config.js';
import { HAMMER_DATE, hammer, userOf } from './hammer.js';

export interface Hammered {
  readonly settled: bigint;
  readonly refused: number;
  /** Admissions that passed a limit, and scopes that stand above theirs at the end. */
  readonly overshoots: number;
  readonly over: number;
  /** One for each user, and one for all: no scope has two, whoever meets it first. */
  readonly slots: number;
  /** What scopes hold beyond what the threads have settled. */
  readonly drift: bigint;
}

export async function hammered(options: {
  readonly threads: number;
  readonly users: number;
  readonly rounds: number;
  readonly budget: BudgetConfig;
}): Promise<Hammered> {
  const { threads, users, rounds, budget } = options;
  // Half full at most.
  const buffer = new SharedArrayBuffer(countersBytes(1 << (33 - Math.clz32(users))));
  const reports = await hammer(threads, { buffer, budget, users, rounds });
  const counters = new Counters(buffer);
  const accounts = new Accounts(counters, budget, 'salt');
  const settled = reports.reduce((sum, report) => sum + report.settled, 0n);
  let held = 0n;
  let over = 0;
  let drift = 0n;
  for (let index = 0; index < users; index++) {
    const account = accounts.of(userOf(index), HAMMER_DATE);
    if (account === null) throw new Error('the counters are full');
    for (const { bank, limit } of account.budgets) {
      const admitted = counters.admitted(bank);
      if (admitted !== counters.settled(bank)) drift += admitted - counters.settled(bank);
      if (limit !== null && admitted > limit) over += 1;
    }
    held += counters.settled(account.budgets[0].bank);
    if (index === 0) drift += counters.settled(account.budgets[2].bank) - settled;
  }
  drift += held - settled;
  return {
    settled,
    refused: reports.reduce((sum, report) => sum + report.refused, 0),
    overshoots: reports.reduce((sum, report) => sum + report.overshoots, 0),
    over,
    slots: new BigInt64Array(buffer).filter((key, cell) => cell % 16 === 0 && key !== 0n).length,
    drift,
  };
}
