// Threads that race each other for scopes: each admits a cent at a time until a limit refuses it,
// settles or releases at random, and reports what it did.

import { once } from 'node:events';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { Accounts } from '../../src/budget/account.js';
import { admit } from '../../src/budget/admit.js';
import { Counters } from '../../src/budget/counters.js';
import type { BudgetConfig } from '../../src/config/config.js';
import { nano } from '../../src/kernel/money.js';

export const HAMMER_DATE = 20260325;

export interface HammerStart {
  readonly buffer: SharedArrayBuffer;
  readonly budget: BudgetConfig;
  /** Each thread passes them all, from a place of its own on. */
  readonly users: number;
  readonly rounds: number;
  readonly seed: number;
}

export interface HammerReport {
  readonly settled: bigint;
  readonly refused: number;
  /** Admissions that have passed a limit. */
  readonly overshoots: number;
}

export const userOf = (index: number): string => `user-${index}`;

/** So many threads at once; what each did. */
export const hammer = (
  threads: number,
  start: Omit<HammerStart, 'seed'>,
): Promise<HammerReport[]> =>
  Promise.all(
    Array.from({ length: threads }, async (_, seed) => {
      const worker = new Worker(new URL(import.meta.url), {
        workerData: { ...start, seed },
        execArgv: [],
      });
      const [report] = (await once(worker, 'message')) as [HammerReport];
      await once(worker, 'exit');
      return report;
    }),
  );

function strike({ buffer, budget, users, rounds, seed }: HammerStart): HammerReport {
  const counters = new Counters(buffer);
  const accounts = new Accounts(counters, budget, 'salt');
  const stride = Math.floor(users / 16) * seed;
  let random = seed;
  let settled = 0n;
  let refused = 0;
  let overshoots = 0;
  for (let round = 0; round < rounds; round++) {
    random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
    const account = accounts.of(userOf((stride + round) % users), HAMMER_DATE);
    if (account === null) throw new Error('the counters are full');
    const outcome = admit(counters, account, nano(10_000_000n), true);
    if ('reason' in outcome) {
      refused++;
      continue;
    }
    for (const { bank, limit } of account.budgets) {
      if (limit !== null && counters.admitted(bank) > limit) overshoots++;
    }
    if ((random >>> 16) % 4 === 0) outcome.release();
    else {
      outcome.settle(nano(7_000_000n));
      settled += 7_000_000n;
    }
  }
  return { settled, refused, overshoots };
}

if (!isMainThread && (workerData as HammerStart | null)?.buffer !== undefined) {
  parentPort?.postMessage(strike(workerData as HammerStart));
}
