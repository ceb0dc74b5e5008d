// How late a worker's event loop runs: measured by the runtime beside the loop, told once a second.
// A loop that rests is looked at by a slow timer, since to be woken is most of what it costs then.

import { type IntervalHistogram, monitorEventLoopDelay, performance } from 'node:perf_hooks';
import type { Tally } from '../proxy/tally.js';

/** Of the monitors' own timers; their readings contain it. */
const RESOLUTION_MS = { rest: 200, busy: 20 } as const;
/** Above this share of the last second a loop is busy. */
const BUSY = 0.05;
/** The first interval after a reset is not measured: a loop at rest is not reset for less. */
const NOTEWORTHY_US = 5_000;
const TOLD_EVERY_MS = 1_000;

export function watchLoop(tally: Pick<Tally, 'gauge'>): void {
  const monitors = { rest: monitorOf('rest'), busy: monitorOf('busy') };
  let state: keyof typeof RESOLUTION_MS = 'rest';
  monitors.rest.enable();
  let before = performance.eventLoopUtilization();
  setInterval(() => {
    const monitor = monitors[state];
    const lateUs = (ns: number): number => Math.max(0, ns / 1000 - RESOLUTION_MS[state] * 1000);
    if (monitor.count > 0) {
      tally.gauge('lag_p50_us', lateUs(monitor.percentile(50)));
      tally.gauge('lag_p99_us', lateUs(monitor.percentile(99)));
      tally.gauge('lag_max_us', lateUs(monitor.max));
    }
    const now = performance.eventLoopUtilization();
    const next = performance.eventLoopUtilization(now, before).utilization > BUSY ? 'busy' : 'rest';
    before = now;
    if (next !== state) {
      monitor.disable();
      monitors[next].enable();
      monitors[next].reset();
      state = next;
    } else if (state === 'busy' || lateUs(monitor.max) > NOTEWORTHY_US) monitor.reset();
  }, TOLD_EVERY_MS).unref();
}

const monitorOf = (state: keyof typeof RESOLUTION_MS): IntervalHistogram =>
  monitorEventLoopDelay({ resolution: RESOLUTION_MS[state] });
