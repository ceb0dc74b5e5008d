// A process that holds a ledger and writes a journal until it is killed, telling its parent what it
// has flushed: each settled request costs one nano-dollar, each open one holds a thousand.

import { join } from 'node:path';
import { nano } from '../../src/kernel/money.js';
import { Ledger } from '../../src/ledger/client.js';
import { Journal } from '../../src/ledger/journal.js';
import { budgetOf, NOON_MS, reserveOf, settleOf } from './samples.js';

const storagePath = process.argv[2] as string;
const ledger = await Ledger.open({
  storagePath,
  budget: budgetOf(),
  channels: [],
  onAlerts: () => undefined,
  now: () => NOON_MS,
  onFailure: (error) => {
    throw error;
  },
});
const journal = new Journal({
  directory: join(storagePath, 'journal'),
  journalId: await ledger.nextJournalId(),
  segmentBytes: 64 * 1024,
  durability: 'process',
});

let settled = 0;
let open = 0;
function step(): void {
  try {
    for (let index = 0; index < 4; index += 1) {
      const id = journal.reserve(reserveOf({ amount: nano(1_000n) }));
      if (open < 3) open += 1;
      else {
        journal.settle(settleOf(id, { cost: nano(1n) }));
        settled += 1;
      }
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'ledger_unavailable') throw error;
  }
  journal.flush();
  process.send?.(settled);
  setImmediate(step);
}
step();
