// Virtual keys while the proxy runs: takes up what the data directory holds within a second. What
// cannot be read changes nothing, and at the start lets nobody in.

import { messageOf } from '../kernel/errors.js';
import { keysStamp, readKeys } from '../keys/key-file.js';
import { stateOf, type VirtualKey } from '../keys/key.js';

const LOOK_MS = 1_000;

export interface KeysOptions {
  readonly storagePath: string;
  /** Keys were issued or revoked, or one with limits has expired. */
  readonly onKeys: (keys: readonly VirtualKey[]) => void;
  readonly log: (line: string) => void;
  readonly now: () => number;
}

export class Keys {
  readonly #options: KeysOptions;
  readonly #timer: NodeJS.Timeout;
  #stamp: string | null;
  #current: readonly VirtualKey[];
  #active: number;

  /** Throws `keys_damaged`. */
  constructor(options: KeysOptions) {
    this.#options = options;
    this.#stamp = keysStamp(options.storagePath);
    this.#current = readKeys(options.storagePath);
    this.#active = this.#countActive();
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  get current(): readonly VirtualKey[] {
    return this.#current;
  }

  look(): void {
    const { storagePath, onKeys, log } = this.#options;
    const stamp = keysStamp(storagePath);
    const isChanged = stamp !== this.#stamp;
    if (isChanged) {
      this.#stamp = stamp;
      try {
        this.#current = readKeys(storagePath);
      } catch (error) {
        return log(`⚠ keys: those that were in force stay so: ${messageOf(error)}`);
      }
    }
    const active = this.#countActive();
    if (!isChanged && active === this.#active) return;
    this.#active = active;
    onKeys(this.#current);
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #countActive(): number {
    const nowMs = this.#options.now();
    return this.#current.filter((key) => stateOf(key, nowMs) === 'active').length;
  }
}
