// Raises of limits in the store: a row each, in the order in which they were granted, kept when
// they are over.

import { nano } from '../kernel/money.js';
import type { Raise } from '../kernel/raise.js';
import type { Environment, Table } from './environment.js';
import { Packer } from './pack.js';

const rowKey = ({ createdAtMs, id }: Raise): Buffer =>
  new Packer().u48(createdAtMs).text(id).done();

export class RaiseBook {
  readonly #env: Environment;
  readonly #rows: Table;

  constructor(env: Environment, rows: Table) {
    this.#env = env;
    this.#rows = rows;
  }

  *all(): Iterable<Raise> {
    for (const { value } of this.#rows.getRange({})) {
      const row = JSON.parse(value.toString()) as Omit<Raise, 'amount'> & { amount: string };
      yield { ...row, amount: nano(BigInt(row.amount)) };
    }
  }

  /** New, or with another end. On disk when it returns. */
  put(raise: Raise): void {
    const row = JSON.stringify({ ...raise, amount: raise.amount.toString() });
    this.#env.transactionSync(() => this.#rows.putSync(rowKey(raise), Buffer.from(row)));
  }
}
