// LMDB's twin in memory: tables of bytes that outlive the processes that use them, and transactions
// that take place wholly or not at all, wherever within them the process dies.

import type { Environment, Range, Table } from '../../src/ledger/environment.js';
import type { Doom } from './doom.js';

/** Keys as latin1 texts, whose order is that of their bytes. */
type Rows = Map<string, Buffer>;

export class MemoryEnvironment {
  readonly #tables = new Map<string, Rows>();

  rows(name: string): ReadonlyMap<string, Buffer> {
    return this.#rowsOf(name);
  }

  session(doom: Doom): Environment {
    let undo: (() => void)[] | null = null;
    const change = (rows: Rows, key: Buffer, value: Buffer | null): void => {
      const name = key.toString('latin1');
      const before = rows.get(name);
      doom.step();
      undo?.push(() => {
        if (before === undefined) rows.delete(name);
        else rows.set(name, before);
      });
      if (value === null) rows.delete(name);
      else rows.set(name, Buffer.from(value));
    };
    return {
      openDB: ({ name }) => tableOf(this.#rowsOf(name), { doom, change }),
      transactionSync(action) {
        const changes: (() => void)[] = [];
        undo = changes;
        try {
          const value = action();
          doom.step();
          return value;
        } catch (error) {
          for (let back = changes.pop(); back !== undefined; back = changes.pop()) back();
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
    if (rows === undefined) this.#tables.set(name, (rows = new Map()));
    return rows;
  }
}

interface Owner {
  readonly doom: Doom;
  readonly change: (rows: Rows, key: Buffer, value: Buffer | null) => void;
}

const tableOf = (rows: Rows, { doom, change }: Owner): Table => ({
  get(key) {
    doom.alive();
    return rows.get(key.toString('latin1'));
  },
  doesExist: (key) => rows.has(key.toString('latin1')),
  putSync: (key, value) => change(rows, key, value),
  removeSync: (key) => change(rows, key, null),
  getRange(range) {
    doom.alive();
    return within(rows, range);
  },
});

function within(rows: Rows, { start, end, limit }: Range) {
  const from = start?.toString('latin1') ?? '';
  const to = end?.toString('latin1');
  return [...rows.keys()]
    .filter((name) => name >= from && (to === undefined || name < to))
    .sort((a, b) => (a < b ? -1 : 1))
    .slice(0, limit)
    .map((name) => ({ key: Buffer.from(name, 'latin1'), value: rows.get(name) as Buffer }));
}
