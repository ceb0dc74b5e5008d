// Runs the micro benches one after the other and prints nanoseconds per operation: the median of
// seven samples, and the least.

import { admission } from './admission.js';
import { answerHead } from './answer-head.js';
import { bodies } from './bodies.js';
import type { MicroCase } from './case.js';
import { cost } from './cost.js';
import { crc } from './crc32c.js';
import { estimator } from './estimator.js';
import { journal } from './journal.js';
import { json } from './json.js';
import { money } from './money.js';
import { prices } from './prices.js';
import { sse } from './sse.js';

const GROUPS: readonly (() => readonly MicroCase[])[] = [
  money,
  cost,
  admission,
  crc,
  journal,
  json,
  bodies,
  answerHead,
  sse,
  prices,
  estimator,
];

const SAMPLES = 7;

export async function micro(quick: boolean): Promise<void> {
  const sampleMs = quick ? 10 : 50;
  for (const group of GROUPS) {
    const cases = group();
    try {
      for (const hot of cases) {
        const { median, least } = nanosecondsPerCall(hot, sampleMs);
        const figures = `${median.toFixed(0).padStart(9)} ns  (least ${least.toFixed(0)})`;
        process.stdout.write(`${hot.name.padEnd(44)}${figures}\n`);
        // What a case left to the event loop is done before the next one is measured.
        await new Promise((resolve) => setImmediate(resolve));
      }
    } finally {
      for (const hot of cases) hot.close?.();
    }
  }
}

let sink: unknown = null;

function nanosecondsPerCall(hot: MicroCase, sampleMs: number): { median: number; least: number } {
  const samples = Float64Array.from(sampled(hot, sampleMs)).sort();
  return { median: samples[SAMPLES >> 1] ?? Number.NaN, least: samples[0] ?? Number.NaN };
}

/** Seven samples of nanoseconds per call. */
export function sampled(hot: MicroCase, sampleMs: number): number[] {
  let iterations = 1;
  let elapsedMs = timed(hot, iterations);
  while (elapsedMs < sampleMs / 4) {
    iterations *= 2;
    elapsedMs = timed(hot, iterations);
  }
  const enough = Math.max(1, Math.round((iterations * sampleMs) / elapsedMs));
  return Array.from({ length: SAMPLES }, () => (timed(hot, enough) * 1e6) / enough);
}

function timed(hot: MicroCase, iterations: number): number {
  const before = performance.now();
  sink = hot.run(iterations);
  return performance.now() - before;
}

// Read once, so that the results are used.
process.once('exit', () => sink === undefined && process.stdout.write('\n'));
