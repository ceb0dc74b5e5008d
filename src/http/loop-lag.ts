// How late a worker's event loop runs: measured by the runtime beside the loop, told once a second.

import { monitorEventLoopDelay } from 'node:perf_hooks';
import type { Tally } from '../proxy/tally.js';

/** The monitor's own timer; its readings contain it. */
const RESOLUTION_MS = 20;
const TOLD_EVERY_MS = 1_000;

export function watchLoop(tally: Tally): void {
  const monitor = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
  monitor.enable();
  const lateUs = (ns: number): number => Math.max(0, ns / 1000 - RESOLUTION_MS * 1000);
  setInterval(() => {
    if (monitor.count === 0) return;
    tally.gauge('lag_p50_us', lateUs(monitor.percentile(50)));
    tally.gauge('lag_p99_us', lateUs(monitor.percentile(99)));
    tally.gauge('lag_max_us', lateUs(monitor.max));
    monitor.reset();
  }, TOLD_EVERY_MS).unref();
}
