// A thread of the torture: one seed after the other until it is told to stop, by name of the first
// that fails.

import { parentPort, workerData } from 'node:worker_threads';
import type { Violation } from './audit.js';
import { simulate } from './simulation.js';

export interface SeedsStart {
  readonly firstSeed: number;
  readonly reserve: 'worst_case' | 'expected';
  readonly untilMs: number;
}

export interface SeedsReport {
  readonly seeds: number;
  readonly deaths: number;
  readonly admitted: number;
  readonly overshoot: bigint;
  readonly violations: readonly string[];
}

/** More say nothing new. */
const VIOLATIONS_MAX = 5;

// Of dying processes: each request that cannot be written warns.
process.removeAllListeners('warning');

const { firstSeed, reserve, untilMs } = workerData as SeedsStart;
const sums = { seeds: 0, deaths: 0, admitted: 0, overshoot: 0n };
const violations: string[] = [];
do {
  try {
    const outcome = await simulate({ seed: firstSeed + sums.seeds, reserve });
    sums.deaths += outcome.deaths;
    sums.admitted += outcome.admitted;
    if (outcome.overshoot > sums.overshoot) sums.overshoot = outcome.overshoot;
  } catch (error) {
    violations.push((error as Violation).message);
  }
  sums.seeds += 1;
} while (Date.now() < untilMs && violations.length < VIOLATIONS_MAX);
parentPort?.postMessage({ ...sums, violations } satisfies SeedsReport);
