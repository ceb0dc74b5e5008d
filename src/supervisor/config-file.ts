// The configuration file while the proxy runs: told of when it has changed and come to rest, since
// an editor that is half way through may have written fewer limits than it will.

import { stampOf } from '../kernel/whole-file.js';

const LOOK_MS = 1_000;

export class ConfigFile {
  readonly #path: string;
  readonly #onChange: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Of what was told of last. */
  #known: string | null;
  #seen: string | null;

  constructor(path: string, onChange: () => void) {
    this.#path = path;
    this.#onChange = onChange;
    this.#known = stampOf(path);
    this.#seen = this.#known;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  look(): void {
    const stamp = stampOf(this.#path);
    const isAtRest = stamp === this.#seen;
    this.#seen = stamp;
    if (!isAtRest || stamp === this.#known) return;
    this.#known = stamp;
    // A file that is gone for the moment is about to be written again.
    if (stamp !== null) this.#onChange();
  }

  close(): void {
    clearInterval(this.#timer);
  }
}
