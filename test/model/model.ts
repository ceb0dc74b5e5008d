// What the counters must hold, kept by hand beside them: for each budget what is settled and what
// requests in flight hold, and how far a limit may be passed at most.

import type { Account, Budget } from '../../src/budget/account.js';
import type { Refusal } from '../../src/budget/admit.js';
import type { Counters } from '../../src/budget/counters.js';
import type { BudgetConfig } from '../../src/config/config.js';
import type { Call } from '../../src/proxy/call.js';
import { budgetKey, type Line } from './oracle.js';

interface Sum {
  settled: bigint;
  held: bigint;
  /** Of what is held: worst cases over what was reserved for them. */
  excess: bigint;
  /** What settlements may have taken beyond the limit. */
  bound: bigint;
}

/** A budget as the counters hold it, and what it must hold. */
interface Watched {
  readonly key: string;
  readonly budget: Budget;
  readonly sum: Sum;
}

export class Model {
  readonly #reserve: BudgetConfig['reserve'];
  readonly #sums = new Map<string, Sum>();
  readonly #budgets = new Map<string, Watched>();
  readonly #ofAccount = new Map<Account, readonly Watched[]>();
  /** The furthest that any limit was passed, but for what a provider billed beyond its maximum. */
  overshoot = 0n;

  constructor(
    { reserve }: BudgetConfig,
    settled: ReadonlyMap<string, Line>,
    before: Model | undefined,
  ) {
    this.#reserve = reserve;
    this.overshoot = before?.overshoot ?? 0n;
    for (const [key, { sum }] of settled) {
      // What the last life left open was charged at its worst, and what was passed stays passed.
      const bound = before?.boundAfterDeath(key) ?? 0n;
      this.#sums.set(key, { settled: sum, held: 0n, excess: 0n, bound });
    }
  }

  hold(call: Call): void {
    const { amount, account } = call.reservation;
    for (const watched of this.#watchedOf(account)) {
      const { key, budget, sum } = watched;
      this.#budgets.set(key, watched);
      sum.held += amount;
      sum.excess += call.worst - amount;
      const { limit } = budget;
      if (limit === null) continue;
      must(sum.settled + sum.held <= limit, () => `${key} is admitted beyond its limit`);
      if (sum.excess > sum.bound) sum.bound = sum.excess;
    }
    must(amount <= call.worst, () => 'more is held than the worst case');
    if (this.#reserve === 'worst_case')
      must(amount === call.worst, () => 'less is held than the worst');
  }

  end(call: Call, cost: bigint): void {
    const { amount, account } = call.reservation;
    for (const { sum } of this.#watchedOf(account)) {
      sum.settled += cost;
      sum.held -= amount;
      sum.excess -= call.worst - amount;
      // A provider that bills more than its own limits allow is booked in full.
      if (cost > call.worst) sum.bound += cost - call.worst;
    }
  }

  /** A refusal is due only where the request as asked does not fit. */
  refused(account: Account, { budget, limit, settled, reason }: Refusal, worst: bigint): void {
    const key = budgetKey(budget.scope, budget.window, account.date);
    const sum = this.#sumOf(key);
    must(sum.settled === settled, () => `${key} refuses at ${settled}, settled are ${sum.settled}`);
    must(limit === budget.limit, () => 'the limit is the budget’s');
    if (this.#reserve === 'worst_case') {
      must(sum.settled + sum.held + worst > limit, () => `${key} refuses what fits`);
      must(sum.settled + worst > limit === (reason === 'exceeded'), () => `${key} is ${reason}`);
    }
  }

  boundAfterDeath(key: string): bigint {
    return this.#sums.get(key)?.bound ?? 0n;
  }

  /** With everything written and booked, the books hold what the counters do: no end is missing. */
  agree(settled: ReadonlyMap<string, Line>): void {
    for (const [key, { sum }] of settled) {
      const counted = this.#sumOf(key).settled;
      must(sum === counted, () => `${key} is booked at ${sum}, and counted at ${counted}`);
    }
  }

  check(counters: Counters): void {
    for (const { key, budget, sum } of this.#budgets.values()) {
      const { bank, ordinal, limit } = budget;
      const { settled, held, bound } = sum;
      if (limit !== null && settled > limit) {
        const over = settled - limit;
        must(over <= bound, () => `${key} is ${over} over its limit, ${bound} are allowed`);
        if (this.#reserve === 'expected' && over > this.overshoot) this.overshoot = over;
      }
      if (!counters.holds(bank, ordinal)) continue;
      const found = { settled: counters.settled(bank), admitted: counters.admitted(bank) };
      must(
        found.settled === settled,
        () => `${key} counts ${found.settled} settled, not ${settled}`,
      );
      const admitted = settled + held;
      must(found.admitted === admitted, () => `${key} counts ${found.admitted}, not ${admitted}`);
    }
  }

  #watchedOf(account: Account): readonly Watched[] {
    let watched = this.#ofAccount.get(account);
    if (watched === undefined) {
      watched = account.budgets.map((budget) => {
        const key = budgetKey(budget.scope, budget.window, account.date);
        return { key, budget, sum: this.#sumOf(key) };
      });
      this.#ofAccount.set(account, watched);
    }
    return watched;
  }

  #sumOf(key: string): Sum {
    let sum = this.#sums.get(key);
    if (sum === undefined) {
      sum = { settled: 0n, held: 0n, excess: 0n, bound: 0n };
      this.#sums.set(key, sum);
    }
    return sum;
  }
}

function must(holds: boolean, what: () => string): void {
  if (!holds) throw new Error(what());
}
