// The last quarter of an hour, second by second: what rates, burn and forecast are reckoned from.
// Kept in memory only; after a restart it begins anew.

import { nano, type NanoUsd } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import { OVERHEAD_EDGES_US, type Readings } from '../proxy/tally.js';

export interface Sample {
  readonly atMs: number;
  readonly date: LocalDate;
  /** Everyone's settled spend of the day. */
  readonly spent: NanoUsd;
  readonly admitted: number;
  readonly rejected: number;
  /** Of the overhead before a request goes upstream: not cumulative. */
  readonly overhead: readonly number[];
}

export const SAMPLES_MAX = 900;
/** Rates are means over so many seconds: a figure that people can read. */
const RATE_SECONDS = 5;
const OVERHEAD_SECONDS = 60;
/** Less says nothing about an hour. */
const BURN_SECONDS_MIN = 30;
const HOUR_MS = 3_600_000n;

export function sampleOf(readings: Readings, now: Pick<Sample, 'atMs' | 'date' | 'spent'>): Sample {
  const rejected = Object.values(readings.rejected).reduce((sum, count) => sum + count, 0);
  const { counts, overhead } = readings;
  return { ...now, admitted: counts.admitted, rejected, overhead: overhead.request.buckets };
}

export class History {
  readonly #samples: Sample[] = [];

  add(sample: Sample): void {
    this.#samples.push(sample);
    if (this.#samples.length > SAMPLES_MAX) this.#samples.shift();
  }

  /** Points of a chart: time in seconds, admitted and rejected requests a second. */
  points(): [number[], number[], number[]] {
    const points: [number[], number[], number[]] = [[], [], []];
    for (let index = 1; index < this.#samples.length; index++) {
      const [time, admitted, rejected] = this.#point(index);
      points[0].push(time);
      points[1].push(admitted);
      points[2].push(rejected);
    }
    return points;
  }

  /** The newest of the points; `null` when there is none yet. */
  newestPoint(): [number, number, number] | null {
    return this.#samples.length < 2 ? null : this.#point(this.#samples.length - 1);
  }

  #point(index: number): [number, number, number] {
    const before = this.#samples[index - 1] as Sample;
    const sample = this.#samples[index] as Sample;
    const seconds = (sample.atMs - before.atMs) / 1000;
    const rate = (gained: number): number => (seconds > 0 ? gained / seconds : 0);
    return [
      Math.round(sample.atMs / 1000),
      rate(sample.admitted - before.admitted),
      rate(sample.rejected - before.rejected),
    ];
  }

  /** Requests a second, over the last few. */
  rates(): { admitted: number; rejected: number } {
    const [from, to] = this.#span(RATE_SECONDS);
    const seconds = from === to ? 0 : (to.atMs - from.atMs) / 1000;
    if (seconds <= 0) return { admitted: 0, rejected: 0 };
    return {
      admitted: (to.admitted - from.admitted) / seconds,
      rejected: (to.rejected - from.rejected) / seconds,
    };
  }

  /** Spend per hour at the present pace; `null` while too little of the day has been seen. */
  burnPerHour(): NanoUsd | null {
    const { length } = this.#samples;
    const newest = this.#samples[length - 1];
    if (newest === undefined) return null;
    const first = this.#samples.find(({ date }) => date === newest.date) as Sample;
    const elapsedMs = newest.atMs - first.atMs;
    if (elapsedMs < BURN_SECONDS_MIN * 1000) return null;
    return nano(((newest.spent - first.spent) * HOUR_MS) / BigInt(elapsedMs));
  }

  /** The bucket edges under which half and 99 % of the last minute's requests stayed. */
  overheadUs(): { p50: number | null; p99: number | null } {
    const [from, to] = this.#span(OVERHEAD_SECONDS);
    const buckets = to.overhead.map((count, index) => count - (from.overhead[index] ?? 0));
    return { p50: edgeOf(buckets, 0.5), p99: edgeOf(buckets, 0.99) };
  }

  /** The newest sample and the one so many before it, or the oldest. */
  #span(seconds: number): [Sample, Sample] {
    const last = this.#samples.length - 1;
    const none: Sample = {
      atMs: 0,
      date: 0,
      spent: nano(0n),
      admitted: 0,
      rejected: 0,
      overhead: [],
    };
    const from = this.#samples[Math.max(0, last - seconds)] ?? none;
    return [from, this.#samples[last] ?? none];
  }
}

/** `null` without requests, and beyond the last edge. */
function edgeOf(buckets: readonly number[], share: number): number | null {
  const all = buckets.reduce((sum, count) => sum + count, 0);
  let below = 0;
  for (const [index, count] of buckets.entries()) {
    below += count;
    if (all > 0 && below >= all * share) return OVERHEAD_EDGES_US[index] ?? null;
  }
  return null;
}
