// What `fixtures/ledger/v1` was made from: a journal of each kind of record, and books with a day
// behind them. `node dist/test/ledger/golden.js DIRECTORY` writes the same with the present
// program, for the day on which a version 2 needs its own.

import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { nano } from '../../src/kernel/money.js';
import type { AlertRecord } from '../../src/kernel/record.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { Journal } from '../../src/ledger/journal.js';
import { budgetOf, LOG, NOON_MS, reserveOf, settleOf } from './samples.js';

const SEGMENT_BYTES = 4096;

export const GOLDEN_ALERT: Omit<AlertRecord, 'kind'> = {
  event: 'budget_exceeded',
  scope: 'user:user-a',
  window: 'daily',
  date: 20260325,
  timeMs: NOON_MS,
  spent: nano(3_600_000_000n),
  limit: nano(3_000_000_000n),
  model: 'gpt-4',
};

export const GOLDEN_ADJUSTMENT = {
  utcDate: 20260325,
  date: 20260325,
  provider: 'openai',
  amount: nano(-20_000_000n),
};

/** Billed above its own maximum. */
export const DEAR = { overrun: true, cost: nano(2_500_000_000n) };

const dear = { user: 'Zoë', worst: nano(5_000_000_000n), retryCount: 3, requestedModel: 'gpt-5' };

/** Journal 1 to 5, by the kind of record that each is about. */
const KINDS: readonly ((journal: Journal) => Promise<void> | void)[] = [
  (journal) => void journal.reserve(reserveOf(dear)),
  (journal) => journal.settle(settleOf(journal.reserve(reserveOf()), DEAR)),
  (journal) =>
    journal.void({ reservationId: journal.reserve(reserveOf()), timeMs: NOON_MS, status: 429 }),
  (journal) => journal.alert(GOLDEN_ALERT),
  (journal) => journal.adjust({ ...GOLDEN_ADJUSTMENT, timeMs: NOON_MS }),
];

/** A journal that goes on in a second segment, behind a seal. */
async function sealed(journal: Journal): Promise<void> {
  for (let left = 20; left > 0;) {
    try {
      journal.settle(settleOf(journal.reserve(reserveOf()), { cost: nano(BigInt(left)) }));
      left -= 1;
    } catch (error) {
      if ((error as { code?: string }).code !== 'ledger_unavailable') throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
    journal.flush();
  }
}

export async function writeJournals(directory: string): Promise<void> {
  for (const [index, write] of [...KINDS, sealed].entries()) {
    const journalId = index + 1;
    const given = { segmentBytes: SEGMENT_BYTES, durability: 'process' } as const;
    const journal = new Journal({ directory, journalId, ...given });
    await write(journal);
    journal.close();
  }
}

/** Books that were made of the same journals, with what is open left to be charged at the end. */
export async function writeBooks(storagePath: string): Promise<void> {
  const given = { budget: budgetOf(), channels: [LOG], archiveBytesMax: 1e9 };
  const keeper = new Bookkeeper({ storagePath, ...given, onAlerts: () => undefined });
  for (let journal = 1; journal <= 6; journal += 1) keeper.nextJournalId();
  await writeJournals(join(storagePath, 'journal'));
  keeper.drained(NOON_MS);
  for (const journalId of [2, 3, 4, 5, 6]) keeper.recover(journalId, NOON_MS);
  await keeper.close();
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const directory = process.argv[2] as string;
  await writeJournals(join(directory, 'journals'));
  await writeBooks(join(directory, 'books'));
}
