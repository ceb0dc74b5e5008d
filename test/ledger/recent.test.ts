import t from 'tap';
import { adjustment, type Entry } from '../../src/ledger/entry.js';
import { nano } from '../../src/kernel/money.js';
import { RECENT_MAX, RecentEntries } from '../../src/ledger/recent.js';

const record = {
  kind: 'adjust',
  adjustmentId: 1n,
  timeMs: 0,
  utcDate: 20260325,
  date: 20260325,
  provider: 'openai',
  amount: nano(1n),
} as const;
const entryOf = (sequence: number): Entry => ({ ...adjustment(record, nano(1n)), sequence });
const entriesOf = (count: number, from = 0): Entry[] =>
  Array.from({ length: count }, (_, index) => entryOf(from + index));

t.test('what is booked is told once, in its order, by the page', async (t) => {
  const recent = new RecentEntries();
  t.same(recent.take(10), { entries: [], lost: 0 });
  recent.add(entriesOf(2));
  recent.add(entriesOf(3, 2));
  const sequences = () => recent.take(4).entries.map(({ sequence }) => sequence);
  t.same([sequences(), sequences(), sequences()], [[0, 1, 2, 3], [4], []]);
});

t.test('what nobody asks for is counted, not kept', async (t) => {
  const recent = new RecentEntries();
  const one = entryOf(0);
  recent.add(Array.from({ length: RECENT_MAX - 1 }, () => one));
  recent.add(entriesOf(3));
  recent.add(entriesOf(1));
  const { entries, lost } = recent.take(2 * RECENT_MAX);
  t.equal(entries.length, RECENT_MAX);
  t.equal(lost, 3);
  t.same(recent.take(1), { entries: [], lost: 0 });
});
