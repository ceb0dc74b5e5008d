// Follows the books as they grow: the entries that have come since the last look. Reads only,
// beside a proxy or without one, from before there are any books.

import type { Entry } from './entry.js';
import { Store } from './store.js';

export class Follower {
  readonly #storagePath: string;
  #store: Store | null = null;
  /** The number of the next entry; negative: so many before the end, once there are books. */
  #next: number;

  /** Begins so many entries before the end. */
  constructor(storagePath: string, last: number) {
    this.#storagePath = storagePath;
    this.#next = -last;
    if (!Store.exists(storagePath)) this.#next = 0;
  }

  look(): Entry[] {
    if (this.#store === null) {
      if (!Store.exists(this.#storagePath)) return [];
      this.#store = new Store(this.#storagePath, 'read');
    }
    this.#store.refresh();
    const end = this.#store.entrySequence;
    if (this.#next <= 0) this.#next = this.#next === 0 ? 0 : Math.max(0, end + this.#next);
    const entries = [...this.#store.entries(this.#next)];
    this.#next = end;
    return entries;
  }

  async close(): Promise<void> {
    await this.#store?.close();
  }
}
