// The reservations that are open, in memory, and the pages that they lie on in the store. A
// reservation stays on its page, so that a commit writes the pages that changed, whole: under load
// that is one value for dozens of reservations that have come and gone.

import type { ReserveRecord } from '../kernel/record.js';
import { type Entry, unpriced } from './entry.js';

/** So that a page whose other reservations stay long is cheap to write again. */
const PAGE_RESERVATIONS = 32;

interface Row {
  readonly reserve: ReserveRecord;
  readonly page: number;
}

/** A page as it must be stored; empty ones are removed. */
export interface Page {
  readonly number: number;
  readonly entries: readonly Entry[];
}

export class OpenBook {
  readonly #rows = new Map<bigint, Row>();
  readonly #pages = new Map<number, Set<bigint>>();
  #nextPage = 0;

  constructor(pages: Iterable<Page>) {
    for (const { number, entries } of pages) {
      this.#fill(
        number,
        entries.map(({ reserve }) => reserve),
      );
    }
  }

  get size(): number {
    return this.#rows.size;
  }

  get(reservationId: bigint): ReserveRecord | undefined {
    return this.#rows.get(reservationId)?.reserve;
  }

  *values(): Iterable<ReserveRecord> {
    for (const { reserve } of this.#rows.values()) yield reserve;
  }

  /** Takes reservations off and puts new ones on; returns the pages that this changed. */
  change(opened: readonly ReserveRecord[], ended: Iterable<bigint>): Page[] {
    const changed = new Set<number>();
    for (const reservationId of ended) {
      const row = this.#rows.get(reservationId);
      if (row === undefined) continue;
      this.#rows.delete(reservationId);
      this.#pages.get(row.page)?.delete(reservationId);
      changed.add(row.page);
    }
    for (let at = 0; at < opened.length; at += PAGE_RESERVATIONS) {
      changed.add(this.#nextPage);
      this.#fill(this.#nextPage, opened.slice(at, at + PAGE_RESERVATIONS));
    }
    return [...changed].map((number) => this.#pageOf(number));
  }

  #fill(page: number, reserves: readonly ReserveRecord[]): void {
    this.#pages.set(page, new Set(reserves.map(({ reservationId }) => reservationId)));
    for (const reserve of reserves) this.#rows.set(reserve.reservationId, { reserve, page });
    this.#nextPage = Math.max(this.#nextPage, page + 1);
  }

  #pageOf(number: number): Page {
    const entries: Entry[] = [];
    for (const reservationId of this.#pages.get(number) ?? []) {
      const { reserve } = this.#rows.get(reservationId) as Row;
      entries.push(unpriced('void', 0, reserve));
    }
    if (entries.length === 0) this.#pages.delete(number);
    return { number, entries };
  }
}
