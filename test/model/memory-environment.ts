// LMDB's twin in memory: tables of bytes that outlive the processes that use them, and transactions
// that take place wholly or not at all, wherever within them the process dies.

import type { Environment, Range, Table } from '../../src/ledger/environment.js';
import type { Doom } from './doom.js';

interface Row {
  readonly key: Buffer;
  readonly value: Buffer;
}

/** Rows by their keys as latin1 texts, whose order is that of their bytes. */
class Rows {
  readonly #rows = new Map<string, Row>();
  readonly #sorted: string[] = [];

  get(name: string): Row | undefined {
    return this.#rows.get(name);
  }

  has(name: string): boolean {
    return this.#rows.has(name);
  }

  set(name: string, row: Row): void {
    if (!this.#rows.has(name)) this.#sorted.splice(this.#placeOf(name), 0, name);
    this.#rows.set(name, row);
  }

  delete(name: string): void {
    if (this.#rows.delete(name)) this.#sorted.splice(this.#placeOf(name), 1);
  }

  within({ start, end, limit }: Range): Row[] {
    const first = start === undefined ? 0 : this.#placeOf(start.toString('latin1'));
    const last = end === undefined ? this.#sorted.length : this.#placeOf(end.toString('latin1'));
    const names = this.#sorted.slice(first, Math.min(last, first + (limit ?? last)));
    return names.map((name) => this.#rows.get(name) as Row);
  }

  /** Where a name stands, or would. */
  #placeOf(name: string): number {
    let low = 0;
    let high = this.#sorted.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#sorted[middle] as string) < name) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

type Change = (rows: Rows, key: Buffer, value: Buffer | null) => void;

interface Undone {
  readonly rows: Rows;
  readonly name: string;
  readonly before: Row | undefined;
}

export class MemoryEnvironment {
  readonly #tables = new Map<string, Rows>();

  session(doom: Doom): Environment {
    let undo: Undone[] | null = null;
    const change: Change = (rows, key, value) => {
      const name = key.toString('latin1');
      const before = rows.get(name);
      doom.step();
      undo?.push({ rows, name, before });
      if (value === null) rows.delete(name);
      else rows.set(name, { key: before?.key ?? Buffer.from(key), value: Buffer.from(value) });
    };
    return {
      openDB: ({ name }) => tableOf(this.#rowsOf(name), doom, change),
      transactionSync(action) {
        const changes: Undone[] = [];
        undo = changes;
        try {
          const value = action();
          doom.step();
          return value;
        } catch (error) {
          for (const { rows, name, before } of changes.toReversed()) {
            if (before === undefined) rows.delete(name);
            else rows.set(name, before);
          }
          throw error;
        } finally {
          undo = null;
        }
      },
      resetReadTxn: () => undefined,
      close: () => Promise.resolve(),
    };
  }

  #rowsOf(name: string): Rows {
    let rows = this.#tables.get(name);
    if (rows === undefined) this.#tables.set(name, (rows = new Rows()));
    return rows;
  }
}

const tableOf = (rows: Rows, doom: Doom, change: Change): Table => ({
  get(key) {
    doom.alive();
    return rows.get(key.toString('latin1'))?.value;
  },
  doesExist: (key) => rows.has(key.toString('latin1')),
  putSync: (key, value) => change(rows, key, value),
  removeSync: (key) => change(rows, key, null),
  getRange(range) {
    doom.alive();
    return rows.within(range);
  },
});
