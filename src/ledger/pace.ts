// How fast each scope has spent in the last two hours, in buckets of ten minutes. Lives in memory:
// the entries of the same time make it again after a restart. The clock is passed in.

import { nano, type NanoUsd } from '../kernel/money.js';
import { GLOBAL_SCOPE, type Scope, userScope } from '../kernel/scope.js';
import type { Entry } from './entry.js';

const BUCKET_MS = 600_000;
const BUCKETS = 12;
/** Scopes of which a pace is kept: beyond that the newest have none. Some 25 MB. */
const SCOPES_MAX = 100_000;

/** What was spent in a time, up to now. */
export interface Stretch {
  readonly spent: NanoUsd;
  readonly ms: number;
}

interface Ring {
  /** The number of the newest bucket; the others lie before it. */
  newest: number;
  readonly buckets: bigint[];
}

const bucketOf = (timeMs: number): number => Math.floor(timeMs / BUCKET_MS);

export class Pace {
  readonly #rings = new Map<Scope, Ring>();
  #sinceMs: number;

  /** Knows nothing of before `sinceMs`. */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  /** What is remembered at most. */
  static memoryMs = BUCKET_MS * BUCKETS;

  get scopes(): Iterable<Scope> {
    return this.#rings.keys();
  }

  add({ kind, cost, timeMs, reserve: { user } }: Entry): void {
    if (kind !== 'settle' || cost === 0n || timeMs < this.#sinceMs) return;
    this.#put(GLOBAL_SCOPE, cost, timeMs);
    this.#put(userScope(user), cost, timeMs);
  }

  /** The last two hours, and the last ten to twenty minutes of them. */
  recent(scope: Scope, nowMs: number): { long: Stretch; short: Stretch } {
    const ring = this.#rings.get(scope);
    const stretch = (count: number): Stretch => {
      const first = bucketOf(nowMs) - count + 1;
      let spent = 0n;
      for (const [index, bucket] of ring?.buckets.entries() ?? []) {
        const number = (ring?.newest ?? 0) - index;
        if (number >= first && number <= bucketOf(nowMs)) spent += bucket;
      }
      return { spent: nano(spent), ms: nowMs - Math.max(first * BUCKET_MS, this.#sinceMs) };
    };
    return { long: stretch(BUCKETS), short: stretch(2) };
  }

  /** Lets go of scopes that have spent nothing for as long as anything is remembered. */
  forget(nowMs: number): void {
    for (const [scope, { newest }] of this.#rings) {
      if (newest <= bucketOf(nowMs) - BUCKETS) this.#rings.delete(scope);
    }
  }

  #put(scope: Scope, cost: bigint, timeMs: number): void {
    const number = bucketOf(timeMs);
    let ring = this.#rings.get(scope);
    if (ring === undefined) {
      if (this.#rings.size >= SCOPES_MAX) return;
      ring = { newest: number, buckets: Array.from({ length: BUCKETS }, () => 0n) };
      this.#rings.set(scope, ring);
    }
    while (ring.newest < number) {
      // After a long silence nothing of the ring is left to move.
      ring.newest = Math.max(ring.newest + 1, number - BUCKETS + 1);
      ring.buckets.unshift(0n);
      ring.buckets.pop();
    }
    const index = ring.newest - number;
    if (index < BUCKETS) ring.buckets[index] = (ring.buckets[index] as bigint) + cost;
  }
}
