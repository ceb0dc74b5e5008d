// Files that are taken up again while the proxy runs: told of when they have changed and come to
// rest, since whoever writes may be half way through: with fewer limits than there will be, or with
// a certificate whose key is yet to come.

import { stampOf } from '../kernel/whole-file.js';

const LOOK_MS = 1_000;

export class WatchedFiles {
  readonly #paths: readonly string[];
  readonly #onChange: () => void;
  readonly #timer: NodeJS.Timeout;
  /** Of what was told of last. */
  #known: string;
  #seen: string;

  constructor(paths: readonly string[], onChange: () => void) {
    this.#paths = paths;
    this.#onChange = onChange;
    this.#known = this.#stamps();
    this.#seen = this.#known;
    this.#timer = setInterval(() => this.look(), LOOK_MS);
    this.#timer.unref();
  }

  look(): void {
    const stamps = this.#stamps();
    const isAtRest = stamps === this.#seen;
    this.#seen = stamps;
    if (!isAtRest || stamps === this.#known) return;
    this.#known = stamps;
    // A file that is gone for the moment is about to be written again.
    if (!stamps.includes(GONE)) this.#onChange();
  }

  close(): void {
    clearInterval(this.#timer);
  }

  #stamps(): string {
    return this.#paths.map((path) => stampOf(path) ?? GONE).join();
  }
}

const GONE = 'gone';
