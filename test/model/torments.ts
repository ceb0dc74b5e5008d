// What goes on beside the seeds of the torture, in rounds: the whole product killed under load,
// threads that race for budgets, and requests that a seed breaks. Each keeps what it has seen.

import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { startMock } from '../../src/mock/provider.js';
import { hammered } from '../budget/hammered.js';
import { budgetConfig, cents } from '../budget/fixture.js';
import { afterwards, AT_ONCE, hostileRound, numbers, startTarget } from '../edge/hostile.js';
import { COST_NANO, killConfig, killRound, MOCK_BILLS, readBooks } from '../crash/kill.js';
import { startProxy } from '../flow/harness.js';
import { type Reserve, RESERVES } from './seeds-protocol.js';

/** Of broken requests; one takes milliseconds. */
const FUZZ_ROUNDS = 100;

/** Something that goes on beside the seeds, a round at a time. */
export interface Torment<Sums> {
  readonly sums: Sums;
  round(): Promise<void>;
  end(): Promise<void>;
}

export interface Kills {
  rounds: number;
  answered: number;
  lost: number;
  double: number;
}

/** Load, kill -9, and the books against the provider's bill, which outlives the proxy. */
export async function kills(): Promise<Torment<Record<Reserve, Kills>>> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenpak-torture-'));
  const sums = {} as Record<Reserve, Kills>;
  const mocks = await Promise.all(RESERVES.map(() => startMock({ behaviour: MOCK_BILLS })));
  const ends: (() => unknown)[] = [];
  const t = { teardown: (end: () => unknown) => void ends.push(end) };
  let rounds = 0;
  for (const reserve of RESERVES) {
    mkdirSync(join(folder, reserve));
    sums[reserve] = { rounds: 0, answered: 0, lost: 0, double: 0 };
  }
  const round = async (index: number): Promise<void> => {
    const reserve = RESERVES[index] as Reserve;
    const mock = mocks[index]!;
    const sum = sums[reserve];
    const own = join(folder, reserve);
    const config = killConfig(own, mock, reserve);
    const afterMs = 20 + Math.floor(Math.random() * 1_000);
    const proxy = await startProxy(t, { folder: own, config, workers: 1 + (rounds++ % 3) });
    sum.answered += await killRound(proxy, afterMs);
    sum.rounds += 1;
    const billed = BigInt(mock.bill().requests) * COST_NANO;
    const { totalNano, bySource } = await readBooks(own);
    const { entries, costNano } = bySource['provider'] ?? { entries: 0, costNano: 0n };
    if (totalNano < billed || entries < sum.answered) sum.lost += 1;
    if (costNano > billed || costNano !== BigInt(entries) * COST_NANO) sum.double += 1;
  };
  return {
    sums,
    async round() {
      for (const index of [0, 1, 0, 1]) await round(index);
    },
    async end() {
      for (const end of ends) await end();
      await Promise.all(mocks.map((mock) => mock.close()));
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function races(): Torment<{ rounds: number; admissions: number; wrong: number }> {
  const sums = { rounds: 0, admissions: 0, wrong: 0 };
  const budget = budgetConfig({ daily: cents(20_000) });
  const perUser = { ...budget.perUser!, defaults: { daily: cents(2), monthly: null } };
  return {
    sums,
    async round() {
      const users = sums.rounds % 2 === 0 ? 1 : 100_000;
      const rounds = users === 1 ? 20_000 : 25_000;
      const limits = users === 1 ? budget : { ...budget, perUser };
      const found = await hammered({ threads: 16, users, rounds, budget: limits });
      if (found.overshoots + found.over > 0 || found.drift !== 0n || found.slots !== users + 1) {
        sums.wrong += 1;
      }
      sums.rounds += 1;
      sums.admissions += 16 * rounds;
    },
    end: () => Promise.resolve(),
  };
}

/** Broken requests at both listeners of a proxy that has to go on, and to hold nothing for them. */
export async function fuzz(seed: number): Promise<Torment<{ requests: number; faults: string[] }>> {
  const ends: (() => unknown)[] = [];
  const target = await startTarget({ teardown: (end) => void ends.unshift(end) });
  const below = numbers(seed);
  const sums = { requests: 0, faults: [] as string[] };
  return {
    sums,
    async round() {
      for (let round = 0; round < FUZZ_ROUNDS; round += 1) {
        sums.faults.push(...(await hostileRound(target, below)));
        sums.requests += AT_ONCE;
      }
    },
    async end() {
      sums.faults.push(...(await afterwards(target)));
      for (const end of ends) await end();
    },
  };
}
