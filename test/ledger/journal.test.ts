import { once } from 'node:events';
import { fork } from 'node:child_process';
import { closeSync, mkdirSync, readdirSync, readFileSync, readlinkSync, rmdirSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { messageOf } from '../../src/kernel/errors.js';
import { nano } from '../../src/kernel/money.js';
import { NAME_BYTES_MAX, reservationIdOf, RETRY_COUNT_MAX } from '../../src/kernel/record.js';
import { DISK, type Disk } from '../../src/ledger/disk.js';
import { Journal } from '../../src/ledger/journal.js';
import { segmentPath } from '../../src/ledger/segment.js';
import { Turn } from '../../src/proxy/turn.js';
import {
  editSegment,
  NOON_MS,
  readJournal,
  reserveOf,
  reserveWhenReady,
  settleOf,
} from './samples.js';

const KIB = 1024;

/** Where no file can be mapped. */
const CALLS: Disk = { ...DISK, map: () => null };

function eachWay(title: string, test: (t: Test, disk: Disk) => Promise<void>): void {
  t.test(`${title}, stored in its pages`, (t) => test(t, DISK));
  t.test(`${title}, written by calls`, (t) => test(t, CALLS));
}

eachWay('gives back every record as it was written', async (t, disk) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 7,
    segmentBytes: 64 * KIB,
    durability: 'process',
    disk,
  });
  const longest = 'ü'.repeat(NAME_BYTES_MAX / 2);
  const first = journal.reserve(reserveOf());
  const largest = reserveOf({
    user: longest,
    requestedModel: 'gpt-4-0613',
    amount: nano(2n ** 63n - 2n),
    worst: nano(2n ** 63n - 1n),
    retryCount: RETRY_COUNT_MAX,
    api: 'embeddings',
    trace: { traceId: `${'f'.repeat(31)}0`, spanId: `0${'f'.repeat(15)}`, flags: 255 },
  });
  const second = journal.reserve(largest);
  journal.settle(settleOf(first, { source: 'estimated', overrun: true }));
  journal.void({ reservationId: second, timeMs: NOON_MS, status: 429 });
  const alert = {
    event: 'budget_exceeded',
    scope: `user:${longest.slice(0, 256)}`,
    window: 'monthly',
    date: 20260325,
    timeMs: NOON_MS,
    spent: nano(5n),
    limit: null,
    model: null,
  } as const;
  const stream = { ...alert, event: 'stream_without_cost', model: 'm'.repeat(200) } as const;
  journal.alert(alert);
  journal.alert({ ...alert, event: 'settlement_overrun', window: 'daily', limit: nano(0n) });
  journal.alert(stream);
  journal.flush();
  t.equal(journal.openReservations, 0);

  const { records, verdict } = readJournal(directory, 7);
  t.equal(verdict, 'whole');
  t.equal(first, reservationIdOf(7, 4));
  t.same(records, [
    { kind: 'reserve', reservationId: first, ...reserveOf() },
    { kind: 'reserve', reservationId: second, ...largest },
    { kind: 'settle', ...settleOf(first, { source: 'estimated', overrun: true }) },
    { kind: 'void', reservationId: second, timeMs: NOON_MS, status: 429 },
    { kind: 'alert', ...alert },
    { kind: 'alert', ...alert, event: 'settlement_overrun', window: 'daily', limit: nano(0n) },
    { kind: 'alert', ...stream },
  ]);
  journal.close();
});

t.test('shows nothing before the flush and everything after it', async (t) => {
  for (const [durability, disk] of [
    ['process', CALLS],
    ['power', DISK],
  ] as const) {
    const directory = t.testdir();
    const journal = new Journal({
      directory,
      journalId: 1,
      segmentBytes: 64 * KIB,
      durability,
      disk,
    });
    journal.reserve(reserveOf());
    t.ok(journal.hasUnwritten);
    t.equal(readJournal(directory, 1).records.length, 0);
    journal.flush();
    t.notOk(journal.hasUnwritten);
    t.equal(readJournal(directory, 1).records.length, 1);
    journal.close();
  }
});

t.test('cuts a last record that was cut short at any byte', async (t) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 1,
    segmentBytes: 8 * KIB,
    durability: 'process',
  });
  const id = journal.reserve(reserveOf());
  journal.settle(settleOf(id));
  journal.flush();
  journal.close();
  const path = segmentPath({ directory, journalId: 1, number: 0 });
  const end = readFileSync(path).findLastIndex((byte) => byte !== 0) + 1;
  const whole = readFileSync(path);
  for (let kept = 0; kept < 128; kept += 1) {
    for (const shorter of [true, false]) {
      editSegment(directory, { journalId: 1, number: 0 }, () => {
        if (shorter) return whole.subarray(0, end - 128 + kept);
        const cut = Buffer.from(whole);
        return cut.fill(0, end - 128 + kept);
      });
      const { records, verdict } = readJournal(directory, 1);
      if (records.length !== 1) t.fail(`${records.length} records after a cut at byte ${kept}`);
      if (verdict !== (kept === 0 ? 'whole' : 'torn')) t.fail(`${verdict} after a cut at ${kept}`);
    }
  }
  t.pass('128 cuts, in files cut short and in files of full size');
});

t.test('refuses any flipped bit, naming the file and the place', async (t) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 1,
    segmentBytes: 8 * KIB,
    durability: 'process',
  });
  const id = journal.reserve(reserveOf({ user: 'x'.repeat(200) }));
  journal.settle(settleOf(id));
  journal.flush();
  journal.close();
  const path = segmentPath({ directory, journalId: 1, number: 0 });
  const whole = readFileSync(path);
  const end = whole.findLastIndex((byte) => byte !== 0) + 1;
  for (let bit = 0; bit < end * 8; bit += 1) {
    const at = bit >> 3;
    // Every bit of the last record; one bit of every byte before it.
    if (at < end - 128 && bit % 8 !== at % 8) continue;
    editSegment(directory, { journalId: 1, number: 0 }, () => {
      const bent = Buffer.from(whole);
      bent[at] = (bent[at] as number) ^ (1 << (bit & 7));
      return bent;
    });
    const { verdict, fault } = readJournal(directory, 1);
    if (verdict !== 'damaged') t.fail(`bit ${bit & 7} of byte ${at}: ${verdict}`);
    if (fault?.path !== path || fault.offset > at) t.fail(`byte ${at} named as ${fault?.offset}`);
  }
  t.pass(`${end * 8} bits`);
});

eachWay('goes on in a next segment that was made ahead', async (t, disk) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 2,
    segmentBytes: 16 * KIB,
    durability: 'process',
    disk,
  });
  const ids: bigint[] = [];
  for (let index = 0; index < 300; index += 1) {
    const id = await reserveWhenReady(journal, `user-${index % 5}`);
    ids.push(id);
    if (index % 3 !== 0) journal.settle(settleOf(id));
    journal.flush();
    if (index % 3 === 0) journal.settle(settleOf(id, { priceVersion: `late-${index}` }));
  }
  journal.close();
  t.ok(readdirSync(directory).length > 4, 'several segments');
  const { records, verdict } = readJournal(directory, 2);
  t.equal(verdict, 'whole');
  const reserved = records.filter((record) => record.kind === 'reserve');
  t.same(
    reserved.map((record) => record.reservationId),
    ids,
  );
  t.equal(records.length, 600);
});

eachWay('without room refuses reservations and still ends every open one', async (t, disk) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 3,
    segmentBytes: 16 * KIB,
    durability: 'process',
    disk,
  });
  const ids: bigint[] = [];
  // One loop turn: the next segment cannot appear in it.
  t.throws(
    () => {
      for (;;) ids.push(journal.reserve(reserveOf()));
    },
    { code: 'ledger_unavailable' },
  );
  t.ok(ids.length > 30);
  for (const [index, id] of ids.entries()) {
    journal.settle(settleOf(id, { priceVersion: `${index}`.padEnd(300, 'v') }));
  }
  journal.flush();
  t.equal(readJournal(directory, 3).records.length, 2 * ids.length);
  journal.close();
});

t.test('a disk without room for the next segment stops reservations, not settles', async (t) => {
  const directory = t.testdir();
  const segmentBytes = 16 * KIB;
  const journal = new Journal({ directory, journalId: 4, segmentBytes, durability: 'process' });
  // Stands where the next segment would be made, so that making it fails.
  const obstacle = `${segmentPath({ directory, journalId: 4, number: 1 })}.new`;
  mkdirSync(obstacle);
  const ids: bigint[] = [];
  let refusal = '';
  for (let left = 10_000; left > 0 && !refusal.includes('EEXIST'); left -= 1) {
    try {
      ids.push(journal.reserve(reserveOf()));
      journal.flush();
    } catch (error) {
      if ((error as { code?: string }).code !== 'ledger_unavailable') throw error;
      refusal = messageOf(error);
    }
    await turn();
  }
  t.match(refusal, /EEXIST/, 'says why');
  for (const id of ids) journal.settle(settleOf(id));
  journal.flush();
  t.equal(journal.failed, false);
  rmdirSync(obstacle);
  await reserveWhenReady(journal, 'user-a');
  journal.close();
  t.match(readJournal(directory, 4), { verdict: 'whole', records: { length: 2 * ids.length + 1 } });
});

t.test('a write that fails is the last one', async (t) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 4,
    segmentBytes: 16 * KIB,
    durability: 'process',
    disk: CALLS,
  });
  const id = journal.reserve(reserveOf());
  closeSync(descriptorOf(segmentPath({ directory, journalId: 4, number: 0 })));
  t.throws(() => journal.flush(), { code: 'ledger_unavailable', message: /EBADF/ });
  t.ok(journal.failed);
  t.throws(() => journal.flush(), { code: 'ledger_unavailable' });
  t.throws(() => journal.settle(settleOf(id)), { code: 'ledger_unavailable' });
  t.throws(() => journal.reserve(reserveOf()), { code: 'ledger_unavailable' });
});

function descriptorOf(path: string): number {
  for (const fd of readdirSync('/proc/self/fd')) {
    try {
      if (readlinkSync(`/proc/self/fd/${fd}`).startsWith(path)) return Number(fd);
    } catch {
      // The directory's own descriptor is gone by now.
    }
  }
  throw new Error(`${path} is not open`);
}

t.test('ends a reservation once', async (t) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 3,
    segmentBytes: 16 * KIB,
    durability: 'process',
  });
  const id = journal.reserve(reserveOf());
  journal.settle(settleOf(id));
  t.throws(() => journal.settle(settleOf(id)), /ends once/);
  t.throws(() => journal.void({ reservationId: id, timeMs: 0, status: 0 }), /ends once/);
  journal.close();
  t.throws(() => journal.reserve(reserveOf()), { code: 'ledger_unavailable' });
});

t.test('a value that does not fit its field leaves no trace', async (t) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 3,
    segmentBytes: 16 * KIB,
    durability: 'process',
  });
  const id = journal.reserve(reserveOf());
  t.throws(() => journal.reserve(reserveOf({ maxOutputTokens: 2 ** 50 })), RangeError);
  t.throws(() => journal.settle(settleOf(id, { cost: nano(2n ** 63n) })), RangeError);
  t.throws(() => journal.settle(settleOf(id, { cost: nano(-1n) })), /not negative/);
  journal.settle(settleOf(id));
  journal.close();
  t.match(readJournal(directory, 3), { verdict: 'whole', records: { length: 2 } });
});

t.test('syncs for power loss, many waiting on one', async (t) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 3,
    segmentBytes: 16 * KIB,
    durability: 'power',
  });
  journal.reserve(reserveOf());
  journal.flush();
  const first = journal.sync();
  const second = journal.sync();
  t.not(first, second, 'a later write is not covered by a sync that has begun');
  t.equal(journal.sync(), second);
  await Promise.all([first, second]);
  journal.close();
});

t.test('an fsync that fails is not tried again, and nothing goes out after it', async (t) => {
  let tries = 0;
  const datasyncLater = async (): Promise<void> => {
    tries += 1;
    throw Object.assign(new Error('EIO'), { code: 'EIO' });
  };
  const journal = new Journal({
    directory: t.testdir(),
    journalId: 3,
    segmentBytes: 16 * KIB,
    durability: 'power',
    disk: { ...DISK, datasyncLater },
  });
  const failures: unknown[] = [];
  const writes = new Turn(journal, {
    durability: 'power',
    onFailure: (error) => failures.push(error),
  });
  const goesOut = (): Promise<boolean> => {
    journal.reserve(reserveOf());
    return new Promise((resolve) => writes.after(resolve));
  };
  t.equal(await goesOut(), false);
  t.match(failures, [{ code: 'ledger_unavailable', message: /cannot be synced: EIO/ }]);
  t.throws(() => journal.reserve(reserveOf()), { code: 'ledger_unavailable' });
  await t.rejects(journal.sync(), { code: 'ledger_unavailable' });
  t.equal(tries, 1, 'the page cache may have dropped what it could not write');
});

t.test('loses nothing that was flushed when the process is killed', async (t) => {
  const directory = t.testdir();
  const writer = fileURLToPath(new URL('./journal-writer.js', import.meta.url));
  for (let round = 0; round < 6; round += 1) {
    const child = fork(writer, [directory, String(round)], {
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    let acknowledged = -1;
    child.on('message', (count) => {
      acknowledged = Number(count);
      if (acknowledged > 40 * round + 5) child.kill('SIGKILL');
    });
    await once(child, 'exit');
    const { records, verdict } = readJournal(directory, round);
    t.not(verdict, 'damaged');
    t.ok(records.length >= acknowledged, `${records.length} of ${acknowledged} are there`);
  }
});
