import { cpSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { open } from 'lmdb';
import t, { type Test } from 'tap';
import { crc32c } from '../../src/kernel/crc32c.js';
import { nano } from '../../src/kernel/money.js';
import { reservationIdOf } from '../../src/kernel/record.js';
import type { Ledger } from '../../src/ledger/client.js';
import { exportedEntry, exportEntries } from '../../src/ledger/export.js';
import { spend, spendJson } from '../../src/ledger/spend.js';
import { verify } from '../../src/ledger/verify.js';
import { DEAR, GOLDEN_ADJUSTMENT, GOLDEN_ALERT, writeJournals } from './golden.js';
import { editSegment, NOON_MS, openLedger, readJournal, reserveOf, settleOf } from './samples.js';

// Frozen: what version 1 wrote must be readable for ever. Never write these files anew.
const V1 = fileURLToPath(new URL('../../../fixtures/ledger/v1/', import.meta.url));
const JOURNALS = join(V1, 'journals');
const EXPECTED = JSON.parse(readFileSync(join(V1, 'expected.json'), 'utf8')) as {
  entries: object[];
  spend: object;
};

function booksOf(t: Test): string {
  const storagePath = t.testdir();
  cpSync(join(V1, 'books'), storagePath, { recursive: true });
  return storagePath;
}

const start = (t: Test, storagePath: string): Promise<Ledger> =>
  openLedger(t, storagePath, () => NOON_MS + 60_000);

t.test('reads every kind of record as version 1 wrote it', async (t) => {
  const read = (journalId: number): object[] => {
    const { records, verdict } = readJournal(JOURNALS, journalId);
    t.equal(verdict, 'whole');
    return records;
  };
  const dear = { user: 'Zoë', worst: nano(5_000_000_000n), retryCount: 3, requestedModel: 'gpt-5' };
  const first = reservationIdOf(1, 5);
  t.same(read(1), [{ kind: 'reserve', reservationId: first, ...reserveOf(dear) }]);
  const id = reservationIdOf(2, 4);
  t.same(read(2), [
    { kind: 'reserve', reservationId: id, ...reserveOf() },
    { kind: 'settle', ...settleOf(id, DEAR) },
  ]);
  t.same(read(3).slice(1), [
    { kind: 'void', reservationId: reservationIdOf(3, 4), timeMs: NOON_MS, status: 429 },
  ]);
  t.same(read(4), [{ kind: 'alert', ...GOLDEN_ALERT }]);
  const adjustmentId = reservationIdOf(5, 1);
  t.same(read(5), [{ kind: 'adjust', adjustmentId, timeMs: NOON_MS, ...GOLDEN_ADJUSTMENT }]);
  t.equal(read(6).length, 40, 'through a seal');
});

t.test('writes format 1 to the byte: a changed format needs a new version', async (t) => {
  const directory = t.testdir();
  await writeJournals(directory);
  for (const file of readdirSync(JOURNALS)) {
    t.ok(readFileSync(join(directory, file)).equals(readFileSync(join(JOURNALS, file))), file);
  }
});

t.test('opens the books of version 1, charges what they left open, and goes on', async (t) => {
  const storagePath = booksOf(t);
  const ledger = await start(t, storagePath);
  t.equal(await ledger.nextJournalId(), 7);
  await ledger.close();
  const entries: object[] = [];
  await exportEntries(storagePath, (entry) => entries.push(exportedEntry(entry)));
  t.match(entries, EXPECTED.entries);
  t.equal(entries.length, EXPECTED.entries.length);
  const day = { by: 'user', from: 20260325, to: 20260325 } as const;
  t.match(spendJson(await spend(storagePath, day)), EXPECTED.spend);
  t.match(await verify(storagePath), { drift: 0n, problems: { length: 0 } });
});

t.test('a journal of a newer version is refused, and not called damaged', async (t) => {
  const storagePath = booksOf(t);
  editSegment(join(storagePath, 'journal'), { journalId: 1, number: 0 }, (bytes) => {
    bytes.writeUInt32LE(2, 8);
    bytes.writeUInt32LE(crc32c(bytes, 16, 128, crc32c(bytes, 0, 12)), 12);
  });
  const refusal = { code: 'ledger_format', message: /format 2, .* a newer TokenPak .* Install/ };
  await t.rejects(start(t, storagePath), refusal);
  await t.rejects(verify(storagePath), refusal);
});

t.test('books of a newer version are refused', async (t) => {
  const storagePath = booksOf(t);
  const env = open<Buffer, Buffer>({ path: join(storagePath, 'ledger.lmdb'), maxDbs: 32 });
  const meta = env.openDB<Buffer, Buffer>({
    name: 'meta',
    encoding: 'binary',
    keyEncoding: 'binary',
  });
  meta.putSync(Buffer.from('format'), Buffer.from([0, 0, 0, 0, 0, 2]));
  await env.close();
  const refusal = {
    code: 'ledger_format',
    message: /ledger.lmdb has format 2, .* a newer TokenPak/,
  };
  await t.rejects(start(t, storagePath), refusal);
  await t.rejects(verify(storagePath), refusal);
});
