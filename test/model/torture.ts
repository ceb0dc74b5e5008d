// `npm run torture -- --minutes 10`: seeds of the simulator, threads that race for budgets, the
// whole product killed under load, and requests that a seed breaks, until the time is up. Prints
// what was seen; 1 if anything was wrong.

import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { nano, usdText } from '../../src/kernel/money.js';
import { startMock } from '../../src/mock/provider.js';
import { hammered } from '../budget/hammered.js';
import { budgetConfig, cents } from '../budget/fixture.js';
import { afterwards, AT_ONCE, hostileRound, numbers, startTarget } from '../edge/hostile.js';
import { COST_NANO, killConfig, killRound, MOCK_BILLS, readBooks } from '../crash/kill.js';
import { startProxy } from '../flow/harness.js';
import type { SeedsReport, SeedsStart } from './seeds.js';

const { values } = parseArgs({
  options: { minutes: { type: 'string', default: '10' }, seed: { type: 'string', default: '1' } },
});
const untilMs = Date.now() + Number(values.minutes) * 60_000;
if (!Number.isFinite(untilMs)) throw new Error('--minutes takes a number');

type Reserve = SeedsStart['reserve'];
const RESERVES: readonly Reserve[] = ['worst_case', 'expected'];

async function seeds(reserve: Reserve): Promise<SeedsReport> {
  const workerData: SeedsStart = { firstSeed: Number(values.seed), reserve, untilMs };
  const worker = new Worker(new URL('./seeds.js', import.meta.url), { workerData });
  const [report] = (await once(worker, 'message')) as [SeedsReport];
  return report;
}

interface Kills {
  rounds: number;
  answered: number;
  lost: number;
  double: number;
}

/** Load, kill -9, and the books against the provider's bill, which outlives the proxy. */
async function kills(): Promise<Record<Reserve, Kills>> {
  const folder = mkdtempSync(join(tmpdir(), 'tokenpak-torture-'));
  const sums = {} as Record<Reserve, Kills>;
  const mocks = await Promise.all(RESERVES.map(() => startMock({ behaviour: MOCK_BILLS })));
  const ends: (() => unknown)[] = [];
  const t = { teardown: (end: () => unknown) => void ends.push(end) };
  for (const reserve of RESERVES) {
    mkdirSync(join(folder, reserve));
    sums[reserve] = { rounds: 0, answered: 0, lost: 0, double: 0 };
  }
  for (let round = 0; round < 2 || Date.now() < untilMs; round++) {
    const index = round % 2;
    const reserve = RESERVES[index] as Reserve;
    const mock = mocks[index]!;
    const sum = sums[reserve];
    const own = join(folder, reserve);
    const config = killConfig(own, mock, reserve);
    const afterMs = 20 + Math.floor(Math.random() * 1_000);
    const proxy = await startProxy(t, { folder: own, config, workers: 1 + (round % 3) });
    sum.answered += await killRound(proxy, afterMs);
    sum.rounds += 1;
    const billed = BigInt(mock.bill().requests) * COST_NANO;
    const { totalNano, bySource } = await readBooks(own);
    const { entries, costNano } = bySource['provider'] ?? { entries: 0, costNano: 0n };
    if (totalNano < billed || entries < sum.answered) sum.lost += 1;
    if (costNano > billed || costNano !== BigInt(entries) * COST_NANO) sum.double += 1;
  }
  for (const end of ends) await end();
  await Promise.all(mocks.map((mock) => mock.close()));
  rmSync(folder, { recursive: true, force: true });
  return sums;
}

async function races(): Promise<{ rounds: number; admissions: number; wrong: number }> {
  const sum = { rounds: 0, admissions: 0, wrong: 0 };
  const budget = budgetConfig({ daily: cents(20_000) });
  const perUser = { ...budget.perUser!, defaults: { daily: cents(2), monthly: null } };
  do {
    const startedMs = Date.now();
    const users = sum.rounds % 2 === 0 ? 1 : 100_000;
    const rounds = users === 1 ? 20_000 : 25_000;
    const limits = users === 1 ? budget : { ...budget, perUser };
    const found = await hammered({ threads: 16, users, rounds, budget: limits });
    if (found.overshoots + found.over > 0 || found.drift !== 0n || found.slots !== users + 1) {
      sum.wrong += 1;
    }
    sum.rounds += 1;
    sum.admissions += 16 * rounds;
    // Sixteen threads would leave the others little of a machine: a fifth of the time is theirs.
    await wait(Math.min(4 * (Date.now() - startedMs), Math.max(0, untilMs - Date.now())));
  } while (Date.now() < untilMs);
  return sum;
}

/** Broken requests at both listeners of a proxy that has to go on, and to hold nothing for them. */
async function fuzz(): Promise<{ requests: number; faults: string[] }> {
  const ends: (() => unknown)[] = [];
  const target = await startTarget({ teardown: (end) => void ends.unshift(end) });
  const below = numbers(Number(values.seed));
  const faults: string[] = [];
  let requests = 0;
  do {
    const startedMs = Date.now();
    faults.push(...(await hostileRound(target, below)));
    requests += AT_ONCE;
    await wait(Math.min(Date.now() - startedMs, Math.max(0, untilMs - Date.now())));
  } while (Date.now() < untilMs);
  faults.push(...(await afterwards(target)));
  for (const end of ends) await end();
  return { requests, faults };
}

const count = (value: number): string => value.toLocaleString('en-US');
const row = (cells: readonly string[]): string =>
  cells.map((cell, index) => (index === 0 ? cell.padEnd(34) : cell.padStart(16))).join('');

const [worst, expected, killed, raced, fuzzed] = await Promise.all([
  seeds('worst_case'),
  seeds('expected'),
  kills(),
  races(),
  fuzz(),
]);
const reports = [worst, expected];
const violations = reports.flatMap((report) => report.violations);
const each = (cell: (report: SeedsReport, kill: Kills) => string): string[] =>
  reports.map((report, index) => cell(report, killed[RESERVES[index] as Reserve]));
const lines: readonly (readonly string[])[] = [
  ['reserve', ...RESERVES],
  ['simulated lives: seeds', ...each((one) => count(one.seeds))],
  ['  requests admitted', ...each((one) => count(one.admitted))],
  ['  deaths survived', ...each((one) => count(one.deaths))],
  ['  passed a limit by, at most', ...each((one) => `$${usdText(nano(one.overshoot))}`)],
  ['  beyond what is allowed', ...each((one) => count(one.violations.length))],
  ['kill -9 of the product: survived', ...each((_, kill) => count(kill.rounds))],
  ['  answers received', ...each((_, kill) => count(kill.answered))],
  ['  lost', ...each((_, kill) => count(kill.lost))],
  ['  booked twice', ...each((_, kill) => count(kill.double))],
  ['16 threads racing: admissions', count(raced.admissions), ''],
  ['  rounds, wrong', `${count(raced.rounds)}, ${count(raced.wrong)}`, ''],
  ['broken requests: sent', count(fuzzed.requests), ''],
  ['  answered 5xx, crashed, left held', count(fuzzed.faults.length), ''],
];
process.stdout.write(`${lines.map(row).join('\n')}\n`);
for (const violation of [...violations, ...fuzzed.faults]) process.stdout.write(`✗ ${violation}\n`);
const faults =
  violations.length +
  raced.wrong +
  fuzzed.faults.length +
  RESERVES.reduce((sum, reserve) => sum + killed[reserve].lost + killed[reserve].double, 0);
process.exitCode = faults === 0 && worst.overshoot === 0n ? 0 : 1;
