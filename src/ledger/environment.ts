// What the store asks of LMDB. Tests have a twin in memory, so that thousands of crashes take
// seconds; a few of them run over the real one.

import { open } from 'lmdb';
import { TokenPakError } from '../kernel/errors.js';

export interface Range {
  readonly start?: Buffer;
  readonly end?: Buffer;
  readonly limit?: number;
}

/** Bytes to bytes, in the order of the keys' bytes. */
export interface Table {
  get(key: Buffer): Buffer | undefined;
  doesExist(key: Buffer): boolean;
  putSync(key: Buffer, value: Buffer): unknown;
  removeSync(key: Buffer): unknown;
  /** From `start` up to, but not, `end`. */
  getRange(range: Range): Iterable<{ key: Buffer; value: Buffer }>;
}

export interface Environment {
  openDB(options: { name: string; encoding: 'binary'; keyEncoding: 'binary' }): Table;
  /** All of the action or, when it throws, nothing of it. Durable when it returns. */
  transactionSync<T>(action: () => T): T;
  /** Reads on from what is committed by now. */
  resetReadTxn(): void;
  close(): Promise<void>;
}

export const openEnvironment = (path: string, readOnly: boolean): Environment =>
  // With overlapping syncs a commit is visible before it is durable.
  guarded(open<Buffer, Buffer>({ path, readOnly, overlappingSync: false, maxDbs: 32 }), path);

/**
 * After a write that failed nothing is written any more, nor is LMDB closed: its own way back from
 * there corrupts the memory of the process. The next start books what is in the journals.
 */
function guarded(environment: Environment, path: string): Environment {
  let failure: TokenPakError | null = null;
  const write = <T>(action: () => T): T => {
    if (failure !== null) throw failure;
    try {
      return action();
    } catch (error) {
      if (isNative(error)) failure = unwritten(path, error);
      throw failure ?? error;
    }
  };
  const guardedTable = (table: Table): Table => ({
    get: (key) => table.get(key),
    doesExist: (key) => table.doesExist(key),
    putSync: (key, value) => write(() => table.putSync(key, value)),
    removeSync: (key) => write(() => table.removeSync(key)),
    getRange: (range) => table.getRange(range),
  });
  return {
    openDB: (options) => guardedTable(environment.openDB(options)),
    transactionSync: (action) => write(() => environment.transactionSync(action)),
    resetReadTxn: () => environment.resetReadTxn(),
    close: () => (failure === null ? environment.close() : Promise.resolve()),
  };
}

/** LMDB's errors have its number, or the system's. */
const isNative = (error: unknown): error is Error =>
  error instanceof Error && 'code' in error && typeof error.code === 'number';

/** LMDB says what failed, and not where; and then where in its memory. */
function unwritten(path: string, error: Error): TokenPakError {
  const why = error.message.replace(/: Attempting to write .*/s, '');
  const what = `${path} cannot be written: ${why}`;
  return new TokenPakError('ledger_unavailable', what, { cause: error });
}
