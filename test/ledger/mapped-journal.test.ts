// What is peculiar to a journal whose records are stored in its segment's pages.

import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import { DISK, type Disk } from '../../src/ledger/disk.js';
import { Journal } from '../../src/ledger/journal.js';
import {
  editSegment,
  NOON_MS,
  readJournal,
  reserveOf,
  reserveWhenReady,
  settleOf,
  unmappable,
} from './samples.js';

const KIB = 1024;

t.test(
  'stored in its pages, a record is in the file once it is appended',
  { skip: unmappable },
  async (t) => {
    const directory = t.testdir();
    const journal = new Journal({
      directory,
      journalId: 1,
      segmentBytes: 64 * KIB,
      durability: 'process',
    });
    const id = journal.reserve(reserveOf());
    t.equal(readJournal(directory, 1).records.length, 1);
    journal.settle(settleOf(id));
    t.notOk(journal.hasUnwritten);
    t.equal(readJournal(directory, 1).records.length, 2);
    journal.close();
  },
);

t.test('a kill between any two stores leaves a record that was cut short, or none', async (t) => {
  const segmentBytes = 8 * KIB;
  const memory = Buffer.alloc(segmentBytes);
  const states: { readonly appended: number; readonly bytes: Buffer }[] = [];
  let appended = 0;
  const stored = (): void => void states.push({ appended, bytes: Buffer.from(memory) });
  for (const name of ['setUint16', 'setUint32', 'setBigInt64'] as const) {
    const store = DataView.prototype[name] as (...args: unknown[]) => void;
    t.intercept(DataView.prototype, name, {
      value(this: DataView, ...args: unknown[]) {
        store.apply(this, args);
        if (this.buffer === memory.buffer) stored();
      },
    });
  }
  // A text is copied by the system's library, in an order of its own.
  const copy = memory.write.bind(memory) as (...args: unknown[]) => number;
  const copied = (text: string, offset: number, ...rest: unknown[]): number => {
    const before = Buffer.from(memory);
    const length = copy(text, offset, ...rest);
    const whole = Buffer.from(memory);
    for (let cut = 1; cut < length; cut += 1) {
      for (const [from, to] of [
        [0, cut],
        [cut, length],
      ] as const) {
        before.copy(memory);
        whole.copy(memory, offset + from, offset + from, offset + to);
        stored();
      }
    }
    whole.copy(memory);
    stored();
    return length;
  };
  const bytes = new Proxy(memory, {
    get(target, key) {
      if (key === 'write') return copied;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
    set(target, key, value) {
      const done = Reflect.set(target, key, value, target);
      stored();
      return done;
    },
  });
  const directory = t.testdir();
  const map = (fd: number) => {
    DISK.read(fd, memory, 0);
    return { bytes, moveTo: () => undefined, close: () => undefined };
  };
  const journal = new Journal({
    directory,
    journalId: 1,
    segmentBytes,
    durability: 'process',
    disk: { ...DISK, map },
  });
  const trace = { traceId: 'f'.repeat(32), spanId: 'f'.repeat(16), flags: 1 };
  const id = journal.reserve(reserveOf({ user: 'ü'.repeat(150), trace }));
  appended = 1;
  journal.settle(settleOf(id, { overrun: true, priceVersion: 'v'.repeat(60) }));
  appended = 2;
  const second = journal.reserve(reserveOf());
  appended = 3;
  t.throws(() => journal.settle(settleOf(second, { cost: nano(2n ** 63n) })), RangeError);
  stored();
  journal.void({ reservationId: second, timeMs: NOON_MS, status: 429 });
  appended = 4;
  stored();
  journal.close();

  const seen = { whole: 0, torn: 0, damaged: 0 };
  for (const { appended: before, bytes: state } of states) {
    editSegment(directory, { journalId: 1, number: 0 }, () => state);
    const { records, verdict } = readJournal(directory, 1);
    seen[verdict as keyof typeof seen] += 1;
    // The last store makes the record: what is being appended may be there already.
    if (records.length !== before && records.length !== before + 1) {
      t.fail(`${records.length} records, of which ${before} were appended`);
    }
  }
  t.equal(seen.damaged, 0);
  t.ok(seen.torn > 500, `${seen.torn} torn, ${seen.whole} whole`);
});

t.test('a segment that cannot be mapped is the last one', { skip: unmappable }, async (t) => {
  const directory = t.testdir();
  const map: Disk['map'] = (fd, bytes) => {
    const mapping = DISK.map(fd, bytes);
    if (mapping === null) return null;
    return { bytes: mapping.bytes, moveTo: () => mapping.moveTo(-1), close: () => mapping.close() };
  };
  const journal = new Journal({
    directory,
    journalId: 4,
    segmentBytes: 16 * KIB,
    durability: 'process',
    disk: { ...DISK, map },
  });
  let reserved = 0;
  const untilItEnds = async (): Promise<void> => {
    for (;;) {
      await reserveWhenReady(journal, 'user-a');
      reserved += 1;
    }
  };
  await t.rejects(untilItEnds(), { code: 'ledger_unavailable', message: /cannot be mapped/ });
  t.ok(journal.failed);
  t.throws(() => journal.reserve(reserveOf()), { code: 'ledger_unavailable' });
  journal.close();
  t.match(readJournal(directory, 4), { verdict: 'whole', records: { length: reserved } });
});
