// The keys that let a caller in, found by the SHA-256 of the whole key: nothing shorter is ever
// compared, and how long a look takes says nothing of any other key.

import { timingSafeEqual } from 'node:crypto';
import {
  faultOf,
  type KeyFault,
  type KeyState,
  sha256Of,
  stateOf,
  type VirtualKey,
} from './key.js';

/** Why a key lets nobody in. */
export type KeyRefusal = KeyFault | 'unknown' | Exclude<KeyState, 'active'>;

export class KeyRing {
  readonly #byHash: ReadonlyMap<string, VirtualKey>;

  constructor(keys: readonly VirtualKey[]) {
    this.#byHash = new Map(keys.map((key) => [key.sha256, key]));
  }

  find(text: string, nowMs: number): VirtualKey | KeyRefusal {
    const fault = faultOf(text);
    if (fault !== null) return fault;
    const sha256 = sha256Of(text);
    const key = this.#byHash.get(sha256);
    if (key === undefined || !isSame(key.sha256, sha256)) return 'unknown';
    const state = stateOf(key, nowMs);
    return state === 'active' ? key : state;
  }
}

const isSame = (a: string, b: string): boolean => timingSafeEqual(Buffer.from(a), Buffer.from(b));
