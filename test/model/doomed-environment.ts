// LMDB itself, for a process that may die at any of its writes.

import type { Environment, Table } from '../../src/ledger/environment.js';
import type { Doom } from './doom.js';

export const doomed = (environment: Environment, doom: Doom): Environment => ({
  openDB: (options) => tableOf(environment.openDB(options), doom),
  transactionSync: (action) =>
    environment.transactionSync(() => {
      const value = action();
      doom.step();
      return value;
    }),
  resetReadTxn: () => environment.resetReadTxn(),
  close: () => Promise.resolve(),
});

const tableOf = (table: Table, doom: Doom): Table => ({
  get: (key) => table.get(key),
  doesExist: (key) => table.doesExist(key),
  putSync(key, value) {
    doom.step();
    return table.putSync(key, value);
  },
  removeSync(key) {
    doom.step();
    return table.removeSync(key);
  },
  getRange: (range) => table.getRange(range),
});
