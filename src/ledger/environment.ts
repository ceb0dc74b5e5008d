// What the store asks of LMDB. Tests have a twin in memory, so that thousands of crashes take
// seconds; a few of them run over the real one.

import { open } from 'lmdb';

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
  open<Buffer, Buffer>({ path, readOnly, overlappingSync: false, maxDbs: 32 });
