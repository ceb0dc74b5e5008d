import t from 'tap';
import { crc32c } from '../../src/kernel/crc32c.js';
import { nano } from '../../src/kernel/money.js';
import { packChunk, unpackChunk } from '../../src/ledger/chunk.js';
import type { Entry } from '../../src/ledger/entry.js';
import { NOON_MS, reserveOf, settleOf } from './samples.js';

const entryOf = (sequence: number, changes: Partial<Entry> = {}): Entry => {
  const { reservationId: _, ...ending } = settleOf(5n, { cost: nano(7n) });
  const reservationId = 2n ** 63n - BigInt(sequence);
  const user = `ü-${sequence % 3}-${'x'.repeat(200 * (sequence % 4))}`;
  const reserve = reserveOf({ retryCount: 2, user, amount: nano(7n) });
  const worst = nano(2n ** 63n - 1n);
  return {
    kind: 'settle',
    sequence,
    ...ending,
    reserve: { kind: 'reserve', ...reserve, worst, reservationId },
    ...changes,
  };
};

t.test('entries come back from a chunk as they were booked', async (t) => {
  const entries = Array.from({ length: 60 }, (_, index) => entryOf(2 ** 47 + index));
  entries.push(
    entryOf(1, { kind: 'void', source: null, status: 504, priceVersion: '' }),
    entryOf(2, { kind: 'adjust', source: null, cost: nano(-5n) }),
    entryOf(3, { source: 'unsettled', overrun: true, timeMs: NOON_MS + 2 ** 40 }),
  );
  t.same(unpackChunk(packChunk(entries)), entries);
});

t.test('what a later program appends to an entry is passed over', async (t) => {
  const entries = [entryOf(1), entryOf(2)];
  const bytes = packChunk(entries);
  const size = bytes.readUInt16BE(6);
  const [first, second] = [bytes.length - 2 * size, bytes.length - size];
  const more = Buffer.from('more');
  const parts = [bytes.subarray(0, second), more, bytes.subarray(second), more];
  const later = Buffer.concat(parts);
  t.equal(later.length - first, 2 * (size + more.length));
  later.writeUInt16BE(size + more.length, 6);
  later.writeUInt32BE(crc32c(later, 4, later.length), 0);
  t.same(unpackChunk(later), entries);
});

t.test('a chunk with any flipped bit is refused', async (t) => {
  const whole = packChunk([entryOf(1), entryOf(2)]);
  const codeOf = (bytes: Buffer): unknown => {
    try {
      return unpackChunk(bytes);
    } catch (error) {
      return (error as { code?: unknown }).code;
    }
  };
  const codes = Array.from({ length: whole.length * 8 }, (_, bit) => {
    const bent = Buffer.from(whole);
    bent[bit >> 3] = (bent[bit >> 3] as number) ^ (1 << (bit & 7));
    return codeOf(bent);
  });
  t.same(new Set(codes), new Set(['ledger_damaged']));
  t.throws(() => unpackChunk(whole.subarray(0, -1)), { code: 'ledger_damaged' });
  t.throws(() => unpackChunk(Buffer.alloc(0)), { code: 'ledger_damaged' });
});
