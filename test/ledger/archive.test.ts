import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import { Archive } from '../../src/ledger/archive.js';
import { Bookkeeper, type BookkeeperOptions } from '../../src/ledger/bookkeeper.js';
import { DISK, type Disk } from '../../src/ledger/disk.js';
import { exportedEntry, exportEntries } from '../../src/ledger/export.js';
import { Journal } from '../../src/ledger/journal.js';
import { segmentPath } from '../../src/ledger/segment.js';
import { spend } from '../../src/ledger/spend.js';
import { verify } from '../../src/ledger/verify.js';
import { budgetOf, LOG, NOON_MS, reserveOf, settleOf } from './samples.js';

const DAY_MS = 86_400_000;
const ALL = { by: 'user', from: 20260101, to: 20261231 } as const;

const keeperOf = (storagePath: string, options: Partial<BookkeeperOptions>): Bookkeeper =>
  new Bookkeeper({
    storagePath,
    budget: budgetOf(),
    channels: [LOG],
    onAlerts: () => undefined,
    ...options,
  });

/** Writes requests of one user a day apart, so many each, and books them. */
async function writeDays(keeper: Bookkeeper, storagePath: string, days: number, each: number) {
  const journal = new Journal({
    directory: join(storagePath, 'journal'),
    journalId: keeper.nextJournalId(),
    segmentBytes: 16 * 1024,
    durability: 'process',
  });
  for (let day = 0; day < days; day += 1) {
    const timeMs = NOON_MS - (days - day) * DAY_MS;
    const date = Number(new Date(timeMs).toISOString().slice(0, 10).replaceAll('-', ''));
    for (let request = 0; request < each;) {
      try {
        const user = `user-${request % 3}`;
        const id = journal.reserve(reserveOf({ timeMs, date, user }));
        journal.settle(settleOf(id, { timeMs: timeMs + 1, cost: nano(BigInt(1 + request)) }));
        request += 1;
      } catch (error) {
        if ((error as { code?: string }).code !== 'ledger_unavailable') throw error;
        keeper.drained(timeMs);
        await new Promise((resolve) => setImmediate(resolve));
      }
      journal.flush();
    }
    keeper.drained(timeMs);
  }
  journal.close();
}

t.test('retention lets go of old entries and changes no total', async (t) => {
  const storagePath = t.testdir();
  const keeper = keeperOf(storagePath, { retentionDays: 40 });
  keeper.start(NOON_MS);
  await writeDays(keeper, storagePath, 60, 10);
  const before = await spend(storagePath, ALL);
  t.equal(before.total, 60n * 55n);
  while (keeper.sweep(NOON_MS));
  t.notOk(keeper.sweep(NOON_MS), 'looks again after a while only');
  t.same(await spend(storagePath, ALL), before);
  t.match(await verify(storagePath), { entries: 600, drift: 0n, problems: { length: 0 } });
  const lines: string[] = [];
  await exportEntries(storagePath, (entry) => lines.push(JSON.stringify(exportedEntry(entry))));
  const kept = lines.map((line) => JSON.parse(line) as { sequence: number; date: string });
  t.equal(kept.length, 400, 'a chunk of entries goes when the last of them may');
  t.equal(kept[0]?.sequence, 200);
  t.equal(kept[0]?.date, '2026-02-13');
  await keeper.close();

  const later = keeperOf(storagePath, { retentionDays: 1 });
  later.start(NOON_MS);
  while (later.sweep(NOON_MS + 10 * DAY_MS));
  t.match(
    await verify(storagePath),
    { entries: 600, drift: 0n, problems: { length: 0 } },
    'and again',
  );
  t.same(await spend(storagePath, ALL), before);
  await later.close();
});

t.test('without retention every entry stays', async (t) => {
  const storagePath = t.testdir();
  const keeper = keeperOf(storagePath, { retentionDays: 0 });
  keeper.start(NOON_MS);
  await writeDays(keeper, storagePath, 2, 3);
  t.notOk(keeper.sweep(NOON_MS + 10_000 * DAY_MS));
  t.equal(await exportEntries(storagePath, () => undefined), 6);
  await keeper.close();
});

t.test('booked segments are kept up to a size, and no longer than entries', async (t) => {
  const storagePath = t.testdir();
  const archived = (): string[] => readdirSync(join(storagePath, 'archive')).sort();
  const options = { archiveBytesMax: 64 * 1024, retentionDays: 70 };
  const keeper = keeperOf(storagePath, options);
  keeper.start(NOON_MS);
  await writeDays(keeper, storagePath, 60, 20);
  keeper.recover(1, NOON_MS);
  t.same(readdirSync(join(storagePath, 'journal')), [], 'nothing is left to book');
  const names = archived();
  t.ok(names.length >= 4 && names.length <= 5, `${names.length} of 16 KiB each, the last shorter`);
  t.match(
    await verify(storagePath),
    { entries: 1200, problems: { length: 0 } },
    'their checksums hold',
  );
  t.ok((await verify(storagePath)).journalRecords > 100);
  while (keeper.sweep(NOON_MS));
  t.same(archived(), names);
  await keeper.close();

  const later = keeperOf(storagePath, options);
  while (later.sweep(NOON_MS + 71 * DAY_MS));
  t.same(archived(), [], 'what is as old as that has gone');
  await later.close();
});

t.test('a damaged archive is told of, and stops nothing', async (t) => {
  const storagePath = t.testdir();
  mkdirSync(join(storagePath, 'archive'));
  const name = '000000000001-journal-00000001-000000.seg';
  writeFileSync(join(storagePath, 'archive', name), 'TPKJRNL1');
  const keeper = keeperOf(storagePath, { archiveBytesMax: 1024 });
  keeper.start(NOON_MS);
  t.match((await verify(storagePath)).problems, [
    new RegExp(`archive/${name} is damaged at byte 0`),
  ]);
  await keeper.close();
});

t.test('a segment that the disk has no room for stays in the journal', async (t) => {
  const storagePath = t.testdir();
  const directory = join(storagePath, 'journal');
  mkdirSync(directory);
  const segment = { directory, journalId: 1, number: 0 };
  writeFileSync(segmentPath(segment), Buffer.alloc(4096, 1));
  const disk: Disk = {
    ...DISK,
    write: (fd, bytes, position) => DISK.write(fd, bytes.subarray(0, 1000), position),
  };
  const archive = new Archive({ storagePath, disk, bytesMax: 1e6 });
  t.throws(() => archive.keep(segment, NOON_MS, 2048), { code: 'ledger_unavailable' });
  t.same(readdirSync(join(storagePath, 'archive')), [], 'nor does a part of it stay behind');
  t.ok(existsSync(segmentPath(segment)));
});
