// `npm run torture -- --minutes 10`: seeds of the simulator on every core and, in turn beside them,
// the whole product killed under load, threads that race for budgets, and requests that a seed
// breaks, until the time is up. `--seeds 1000000`: that many seeds and nothing else, however long
// it takes. Prints what was seen; 1 if anything was wrong.

import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import { setTimeout as wait } from 'node:timers/promises';
import { Worker } from 'node:worker_threads';
import { nano, usdText } from '../../src/kernel/money.js';
import { type Reserve, RESERVES, type SeedsReport, type SeedsStart } from './seeds-protocol.js';
import { fuzz, kills, races, type Torment } from './torments.js';

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
  },
});

function numberOf(name: 'minutes' | 'seed' | 'seeds'): number {
  const number = Number(values[name]);
  if (!(number > 0)) throw new Error(`--${name} takes a number`);
  return number;
}

const seedsOnly = values.seeds === undefined ? null : numberOf('seeds');
const startedMs = Date.now();
const untilMs = seedsOnly === null ? startedMs + numberOf('minutes') * 60_000 : Infinity;

/** Half of the seeds that are wanted, on half of the cores. */
async function play(reserve: Reserve): Promise<SeedsReport> {
  const threads = Math.max(1, Math.floor(availableParallelism() / RESERVES.length));
  const seedsMax = Math.ceil((seedsOnly ?? Infinity) / RESERVES.length / threads);
  const reports = Array.from({ length: threads }, async (_, index) => {
    const firstSeed = numberOf('seed') + index;
    const workerData: SeedsStart = { firstSeed, step: threads, seedsMax, reserve, untilMs };
    const worker = new Worker(new URL('./seeds.js', import.meta.url), { workerData });
    const [report] = (await once(worker, 'message')) as [SeedsReport];
    return report;
  });
  return (await Promise.all(reports)).reduce((a, b) => ({
    seeds: a.seeds + b.seeds,
    deaths: a.deaths + b.deaths,
    admitted: a.admitted + b.admitted,
    overshoot: a.overshoot > b.overshoot ? a.overshoot : b.overshoot,
    violations: [...a.violations, ...b.violations],
  }));
}

type Lines = (readonly string[])[];
const count = (value: number): string => Math.round(value).toLocaleString('en-US');

const faults: string[] = [];
const wrong = (times: number, what: string): void => {
  if (times > 0) faults.push(`${times} times ${what}`);
};

async function playSeeds(): Promise<Lines> {
  const reports = await Promise.all(RESERVES.map(play));
  const seconds = (Date.now() - startedMs) / 1000;
  const each = (cell: (report: SeedsReport) => string): string[] => reports.map(cell);
  for (const { violations } of reports) faults.push(...violations);
  if (reports[0]?.overshoot !== 0n) faults.push('a limit was passed though worst cases are held');
  return [
    ['reserve', ...RESERVES],
    ['simulated lives: seeds', ...each((one) => count(one.seeds))],
    ['  seeds a second', ...each((one) => count(one.seeds / seconds))],
    ['  requests admitted', ...each((one) => count(one.admitted))],
    ['  deaths survived', ...each((one) => count(one.deaths))],
    ['  passed a limit by, at most', ...each((one) => `$${usdText(nano(one.overshoot))}`)],
    ['  beyond what is allowed', ...each((one) => count(one.violations.length))],
  ];
}

/** Most of the machine is the seeds': after a turn, as long a rest. */
async function takeTurns(torments: readonly Torment<unknown>[]): Promise<void> {
  do {
    const roundMs = Date.now();
    for (const torment of torments) await torment.round();
    const tookMs = Date.now() - roundMs;
    await wait(Math.min(tookMs, Math.max(0, untilMs - Date.now())));
  } while (Date.now() < untilMs);
  for (const torment of torments) await torment.end();
}

async function torment(): Promise<Lines> {
  const killing = await kills();
  const racing = races();
  const fuzzing = await fuzz(numberOf('seed'));
  await takeTurns([killing, racing, fuzzing]);
  const killed = RESERVES.map((reserve) => killing.sums[reserve]);
  for (const { lost, double } of killed) {
    wrong(lost, 'something was lost by a kill');
    wrong(double, 'something was booked twice after a kill');
  }
  wrong(racing.sums.wrong, 'a race ended wrong');
  faults.push(...fuzzing.sums.faults);
  return [
    ['kill -9 of the product: survived', ...killed.map(({ rounds }) => count(rounds))],
    ['  answers received', ...killed.map(({ answered }) => count(answered))],
    ['  lost', ...killed.map(({ lost }) => count(lost))],
    ['  booked twice', ...killed.map(({ double }) => count(double))],
    ['16 threads racing: admissions', count(racing.sums.admissions), ''],
    ['  rounds, wrong', `${count(racing.sums.rounds)}, ${count(racing.sums.wrong)}`, ''],
    ['broken requests: sent', count(fuzzing.sums.requests), ''],
    ['  answered 5xx, crashed, left held', count(fuzzing.sums.faults.length), ''],
  ];
}

const parts = await Promise.all(seedsOnly === null ? [playSeeds(), torment()] : [playSeeds()]);
for (const cells of parts.flat()) {
  const padded = cells.map((cell, index) => (index === 0 ? cell.padEnd(34) : cell.padStart(16)));
  process.stdout.write(`${padded.join('')}\n`);
}
for (const fault of faults) process.stdout.write(`✗ ${fault}\n`);
process.exitCode = faults.length === 0 ? 0 : 1;
