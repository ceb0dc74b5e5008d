// A process that writes a journal until it is killed, telling its parent what it has flushed.

import { Journal } from '../../src/ledger/journal.js';
import { reserveOf, settleOf } from './samples.js';

const journal = new Journal({
  directory: process.argv[2] as string,
  journalId: Number(process.argv[3]),
  segmentBytes: 64 * 1024,
  durability: 'process',
});

let records = 0;
function step(): void {
  try {
    for (let index = 0; index < 3; index += 1) {
      const id = journal.reserve(reserveOf({ user: `user-${records % 7}` }));
      if (index > 0) journal.settle(settleOf(id));
      records += index > 0 ? 2 : 1;
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'ledger_unavailable') throw error;
  }
  journal.flush();
  process.send?.(records);
  setImmediate(step);
}
step();
