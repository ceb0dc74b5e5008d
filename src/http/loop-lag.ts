// How late a worker's event loop runs, told once a second. While it is busy the runtime measures it
// by a timer beside it; one that rests is not woken for that: what it did bounds what was late.

import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Tally } from '../proxy/tally.js';

/** The monitor's own timer; its readings contain it. */
const RESOLUTION_MS = 20;
const TOLD_EVERY_MS = 1_000;
/** Below this share of a second nothing is measured. The timer itself takes a fifth of it. */
const BUSY = 0.01;

const QUANTILES = [
  ['lag_p50_us', 0.5],
  ['lag_p99_us', 0.99],
  ['lag_max_us', 1],
] as const;

export function watchLoop(tally: Pick<Tally, 'gauge'>): void {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  const measured = (quantile: number): number =>
    Math.max(0, monitor.percentile(quantile * 100) / 1000 - RESOLUTION_MS * 1000);
  let before = performance.eventLoopUtilization();
  setInterval(() => {
    const now = performance.eventLoopUtilization();
    const { active, utilization } = performance.eventLoopUtilization(now, before);
    before = now;
    // Who comes at any moment finds a loop that works for 1 % of the time at work in 1 % of all
    // cases, and waits for no longer than it worked in all.
    const bound = (quantile: number): number => (utilization <= 1 - quantile ? 0 : active * 1000);
    const late = monitor.count > 0 ? measured : bound;
    for (const [gauge, quantile] of QUANTILES) tally.gauge(gauge, late(quantile));
    if (utilization > BUSY) monitor.enable();
    else monitor.disable();
    monitor.reset();
  }, TOLD_EVERY_MS).unref();
}
