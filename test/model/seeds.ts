// A thread of the torture: one seed after the other, until the time is up or all of its own are
// played, by name of the first that fails.

import { parentPort, workerData } from 'node:worker_threads';
import type { Violation } from './audit.js';
import type { SeedsReport, SeedsStart } from './seeds-protocol.js';
import { simulate } from './simulation.js';

/** More say nothing new. */
const VIOLATIONS_MAX = 5;

// Of dying processes: each request that cannot be written warns.
process.removeAllListeners('warning');

const { firstSeed, step, seedsMax, reserve, untilMs } = workerData as SeedsStart;
const sums = { seeds: 0, deaths: 0, admitted: 0, overshoot: 0n };
const violations: string[] = [];
do {
  try {
    const outcome = await simulate({ seed: firstSeed + sums.seeds * step, reserve });
    sums.deaths += outcome.deaths;
    sums.admitted += outcome.admitted;
    if (outcome.overshoot > sums.overshoot) sums.overshoot = outcome.overshoot;
  } catch (error) {
    violations.push((error as Violation).message);
  }
  sums.seeds += 1;
} while (sums.seeds < seedsMax && violations.length < VIOLATIONS_MAX && Date.now() < untilMs);
parentPort?.postMessage({ ...sums, violations } satisfies SeedsReport);
