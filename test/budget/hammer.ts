// A thread of its own that races the others for one scope: admits one cent at a time until the
// limit refuses it, settles or releases at random, and reports what it did.

import { parentPort, workerData } from 'node:worker_threads';
import { Accounts } from '../../src/budget/account.js';
import { admit } from '../../src/budget/admit.js';
import { Counters } from '../../src/budget/counters.js';
import type { BudgetConfig } from '../../src/config/config.js';
import { nano } from '../../src/kernel/money.js';

export interface HammerStart {
  readonly buffer: SharedArrayBuffer;
  readonly budget: BudgetConfig;
  readonly user: string;
  readonly rounds: number;
  readonly seed: number;
}

const { buffer, budget, user, rounds, seed } = workerData as HammerStart;
const counters = new Counters(buffer);
const accounts = new Accounts(counters, budget, 'salt');
const account = accounts.of(user, 20260325);
if (account === null) throw new Error('the counters are full');
let random = seed;
let settled = 0n;
let refused = 0;
for (let round = 0; round < rounds; round++) {
  random = (Math.imul(random, 1_103_515_245) + 12_345) >>> 0;
  const outcome = admit(counters, account, nano(10_000_000n), true);
  if ('reason' in outcome) {
    refused++;
    continue;
  }
  for (const { bank, limit } of account.budgets) {
    if (limit !== null && counters.admitted(bank) > limit) throw new Error('over the limit');
  }
  if ((random >>> 16) % 4 === 0) outcome.release();
  else {
    outcome.settle(nano(7_000_000n));
    settled += 7_000_000n;
  }
}
parentPort?.postMessage({ settled, refused });
