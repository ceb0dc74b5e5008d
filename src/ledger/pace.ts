// How fast everyone and each user have spent in the last two hours, in buckets of ten minutes.
// Lives in memory: the entries of the same time make it again after a restart. No clock of its own.

import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import { GLOBAL_SCOPE, type Scope, scopeUser, userScope } from '../kernel/scope.js';
import type { Entry } from './entry.js';

const BUCKET_MS = 600_000;
const BUCKETS = 12;
/** Users whose pace is kept: beyond that the newest have none. Some 25 MB. */
const USERS_MAX = 100_000;

/** What was spent in a time, up to now. */
export interface Stretch {
  readonly spent: NanoUsd;
  readonly ms: number;
}

interface Ring {
  /** The number of the newest bucket; the others lie before it, by their numbers modulo twelve. */
  newest: number;
  readonly buckets: bigint[];
}

const bucketOf = (timeMs: number): number => Math.floor(timeMs / BUCKET_MS);

const ringAt = (newest: number): Ring => ({
  newest,
  buckets: Array.from({ length: BUCKETS }, () => 0n),
});

export class Pace {
  readonly #everyone = ringAt(0);
  /** By the names that entries have: no text is made for an entry. */
  readonly #users = new Map<string, Ring>();
  readonly #sinceMs: number;

  /** Knows nothing of before `sinceMs`. */
  constructor(sinceMs: number) {
    this.#sinceMs = sinceMs;
  }

  /** What is remembered at most. */
  static memoryMs = BUCKET_MS * BUCKETS;

  *scopes(): Iterable<Scope> {
    yield GLOBAL_SCOPE;
    for (const user of this.#users.keys()) yield userScope(user);
  }

  add({ kind, cost, timeMs, reserve: { user } }: Entry): void {
    if (kind !== 'settle' || cost === 0n || timeMs < this.#sinceMs) return;
    const number = bucketOf(timeMs);
    put(this.#everyone, cost, number);
    let ring = this.#users.get(user);
    if (ring === undefined) {
      if (this.#users.size >= USERS_MAX) return;
      ring = ringAt(number);
      this.#users.set(user, ring);
    }
    put(ring, cost, number);
  }

  /** The last two hours, and the last ten to twenty minutes of them. */
  recent(scope: Scope, nowMs: number): { long: Stretch; short: Stretch } {
    const user = scopeUser(scope);
    const ring = user === null ? this.#everyone : this.#users.get(user);
    const stretch = (count: number): Stretch => {
      const first = bucketOf(nowMs) - count + 1;
      return {
        spent: ring === undefined ? ZERO_USD : sumOf(ring, first, bucketOf(nowMs)),
        ms: nowMs - Math.max(first * BUCKET_MS, this.#sinceMs),
      };
    };
    return { long: stretch(BUCKETS), short: stretch(2) };
  }

  /** Lets go of users who have spent nothing for as long as anything is remembered. */
  forget(nowMs: number): void {
    for (const [user, { newest }] of this.#users) {
      if (newest <= bucketOf(nowMs) - BUCKETS) this.#users.delete(user);
    }
  }
}

function put(ring: Ring, cost: bigint, number: number): void {
  if (number > ring.newest) {
    // After a long silence nothing of the ring is left to keep.
    const fresh = Math.min(number - ring.newest, BUCKETS);
    for (let back = 0; back < fresh; back += 1) ring.buckets[(number - back) % BUCKETS] = 0n;
    ring.newest = number;
  } else if (number <= ring.newest - BUCKETS) return;
  const index = number % BUCKETS;
  ring.buckets[index] = (ring.buckets[index] as bigint) + cost;
}

/** Of the buckets from one number to another, both included. */
function sumOf({ newest, buckets }: Ring, first: number, last: number): NanoUsd {
  let sum = 0n;
  for (let number = Math.min(last, newest); number >= first; number -= 1) {
    if (number <= newest - BUCKETS) break;
    sum += buckets[number % BUCKETS] as bigint;
  }
  return nano(sum);
}
