// Admission and settlement over all four budgets of a user, and the refusal that a spent one gives.

import { Accounts } from '../../src/budget/account.js';
import { admit, Reservation } from '../../src/budget/admit.js';
import { Counters, countersBytes } from '../../src/budget/counters.js';
import type { Limits } from '../../src/config/config.js';
import { nano } from '../../src/kernel/money.js';
import { budgetConfig } from '../../test/budget/fixture.js';
import type { MicroCase } from './case.js';

const SLOTS = 1024;
const TODAY = 20260325;
const LIMITS: Limits = { daily: nano(10n ** 18n), monthly: nano(5n * 10n ** 18n) };

const BUDGET = budgetConfig(LIMITS, { bench: LIMITS, spent: { daily: nano(0n) } });

export function admission(): readonly MicroCase[] {
  const counters = new Counters(new SharedArrayBuffer(countersBytes(SLOTS)));
  const accounts = new Accounts(counters, BUDGET, 'bench');
  const amount = nano(24_360_000n);
  const accountOf = (user: string) => {
    const account = accounts.of(user, TODAY);
    if (account === null) throw new Error('the counters are full');
    return account;
  };
  return [
    {
      name: 'admission + settlement, four budgets',
      run(iterations) {
        const account = accountOf('bench');
        let tally = 0n;
        for (let i = 0; i < iterations; i++) {
          const admitted = admit(counters, account, amount, true);
          if (admitted instanceof Reservation) tally = admitted.settle(nano(4_710_000n));
        }
        return tally;
      },
    },
    {
      name: 'admission refused',
      run(iterations) {
        const account = accountOf('spent');
        let refused = 0;
        for (let i = 0; i < iterations; i++) {
          if (!(admit(counters, account, amount, true) instanceof Reservation)) refused += 1;
        }
        return refused;
      },
    },
  ];
}
