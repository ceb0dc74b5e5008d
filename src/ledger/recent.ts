// Entries as they are booked, until somebody in this process asks for them. Whoever asks too seldom
// loses the newest: what waits is bounded, and the books never wait.

import type { Entry } from './entry.js';
import type { Recent } from './protocol.js';

/** Some 30 MB at most: what eight seconds of a busy machine book. */
export const RECENT_MAX = 65_536;

export class RecentEntries {
  #waiting: Entry[] = [];
  #lost = 0;

  add(entries: readonly Entry[]): void {
    const room = RECENT_MAX - this.#waiting.length;
    for (const entry of entries.slice(0, room)) this.#waiting.push(entry);
    this.#lost += Math.max(0, entries.length - room);
  }

  take(limit: number): Recent {
    const entries = this.#waiting.slice(0, limit);
    this.#waiting = this.#waiting.slice(limit);
    const lost = this.#lost;
    this.#lost = 0;
    return { entries, lost };
  }
}
