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

interface Undone {
  readonly rows: Rows;
  readonly name: string;
  readonly before: Row | undefined;
}

export class MemoryEnvironment {
  readonly #tables = new Map<string, Rows>();

  /** As one process sees it, until its end. */
  session(doom: Doom): Environment {
    return new Session(doom, (name) => this.#rowsOf(name));
  }

  #rowsOf(name: string): Rows {
    let rows = this.#tables.get(name);
    if (rows === undefined) this.#tables.set(name, (rows = new Rows()));
    return rows;
  }
}

class Session implements Environment {
  readonly doom: Doom;
  readonly #rowsOf: (name: string) => Rows;
  #undo: Undone[] | null = null;

  constructor(doom: Doom, rowsOf: (name: string) => Rows) {
    this.doom = doom;
    this.#rowsOf = rowsOf;
  }

  openDB({ name }: { readonly name: string }): Table {
    return new SessionTable(this, this.#rowsOf(name));
  }

  change(rows: Rows, key: Buffer, value: Buffer | null): void {
    const name = key.toString('latin1');
    const before = rows.get(name);
    this.doom.step();
    this.#undo?.push({ rows, name, before });
    if (value === null) rows.delete(name);
    else rows.set(name, { key: before?.key ?? Buffer.from(key), value: Buffer.from(value) });
  }

  transactionSync<T>(action: () => T): T {
    const changes: Undone[] = [];
    this.#undo = changes;
    try {
      const value = action();
      this.doom.step();
      return value;
    } catch (error) {
      for (const { rows, name, before } of changes.toReversed()) {
        if (before === undefined) rows.delete(name);
        else rows.set(name, before);
      }
      throw error;
    } finally {
      this.#undo = null;
    }
  }

  resetReadTxn(): void {}

  close(): Promise<void> {
    return Promise.resolve();
  }
}

class SessionTable implements Table {
  readonly #session: Session;
  readonly #rows: Rows;

  constructor(session: Session, rows: Rows) {
    this.#session = session;
    this.#rows = rows;
  }

  get(key: Buffer): Buffer | undefined {
    this.#session.doom.alive();
    return this.#rows.get(key.toString('latin1'))?.value;
  }

  doesExist(key: Buffer): boolean {
    return this.#rows.has(key.toString('latin1'));
  }

  putSync(key: Buffer, value: Buffer): void {
    this.#session.change(this.#rows, key, value);
  }

  removeSync(key: Buffer): void {
    this.#session.change(this.#rows, key, null);
  }

  getRange(range: Range): Row[] {
    this.#session.doom.alive();
    return this.#rows.within(range);
  }
}
