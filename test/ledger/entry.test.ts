import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import {
  type Entry,
  packEntry,
  packReserve,
  unpackEntry,
  unpackReserve,
} from '../../src/ledger/entry.js';
import { reserveOf, settleOf } from './samples.js';

const reserve = { kind: 'reserve', reservationId: 5n, ...reserveOf({ retryCount: 2 }) } as const;
const { reservationId: _, ...ending } = settleOf(5n, { cost: nano(7n) });
const entry: Entry = { kind: 'settle', sequence: 9, ...ending, reserve };

t.test('what is booked is read as it was written', async (t) => {
  t.same(unpackEntry(packEntry(entry)), entry);
  t.same(unpackReserve(packReserve(reserve)), reserve);
});

t.test('what was booked before retries were counted is read as a first attempt', async (t) => {
  const first = { ...reserve, retryCount: 0 };
  t.same(unpackEntry(packEntry(entry).subarray(0, -1)), { ...entry, reserve: first });
  t.same(unpackReserve(packReserve(reserve).subarray(0, -1)), first);
});
