// What entries that are kept no more add up to: the same rows as the totals, of these entries
// alone, so that totals can still be checked against what they are made of.

import {
  addToTotals,
  type Entry,
  newTotals,
  packTotals,
  type Totals,
  totalsKey,
  unpackTotals,
} from './entry.js';
import type { Table } from './environment.js';
import { packUtcTotals, unpackUtcTotals, UtcBook, utcTotalsKey } from './utc-totals.js';

export class RetiredSums {
  readonly #table: Table;
  readonly #utcTable: Table;
  readonly #totals = new Map<string, Totals>();
  readonly #utc: UtcBook;

  constructor(table: Table, utcTable: Table) {
    this.#table = table;
    this.#utcTable = utcTable;
    this.#utc = new UtcBook((name) => {
      const bytes = utcTable.get(utcTotalsKey(name));
      return bytes === undefined ? undefined : unpackUtcTotals(bytes);
    });
  }

  add(entry: Entry): void {
    const key = totalsKey(entry.reserve);
    const name = key.toString('latin1');
    let totals = this.#totals.get(name);
    if (totals === undefined) {
      const bytes = this.#table.get(key);
      totals = bytes === undefined ? newTotals(entry.reserve) : unpackTotals(bytes);
      this.#totals.set(name, totals);
    }
    addToTotals(totals, entry);
    this.#utc.add(entry);
  }

  /** Within a transaction. */
  put(): void {
    for (const totals of this.#totals.values()) {
      this.#table.putSync(totalsKey(totals), packTotals(totals));
    }
    for (const row of this.#utc.rows.values()) {
      this.#utcTable.putSync(utcTotalsKey(row), packUtcTotals(row));
    }
  }
}
