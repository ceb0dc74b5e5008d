import { readFileSync } from 'node:fs';
import t from 'tap';
import { Journal } from '../../src/ledger/journal.js';
import { segmentPath } from '../../src/ledger/segment.js';
import { readSegment } from '../../src/ledger/snapshot.js';
import { reserveOf, settleOf } from './samples.js';

t.test('a record that is stored while it is read is taken for damage only if it stays so', (t) => {
  const directory = t.testdir();
  const journal = new Journal({
    directory,
    journalId: 1,
    segmentBytes: 64 * 1024,
    durability: 'process',
  });
  const id = journal.reserve(reserveOf());
  journal.settle(settleOf(id));
  journal.close();
  const segment = { directory, journalId: 1, number: 0 };
  const path = segmentPath(segment);
  const whole = readFileSync(path);
  // The reader met the first record before it had its mark, and the second one with it.
  const between = Buffer.from(whole);
  between[whole.indexOf(0xa5, 5 * 128 + 127)] = 0;

  let reads = 0;
  const look = (running: boolean, damagedFor: number) => {
    reads = 0;
    const reading = { segment, path, from: undefined, running };
    return readSegment(reading, () => ((reads += 1) > damagedFor ? whole : between));
  };
  t.match(look(true, 1), { records: { length: 2 }, fault: null });
  t.equal(reads, 2);
  t.match(look(true, 99), { fault: /is damaged at byte .*the record has no end/ });
  t.ok(reads > 2 && reads < 10, `${reads} looks`);
  t.match(look(false, 1), { fault: /is damaged at byte/ }, 'nobody writes: what is there stays');
  t.equal(reads, 1);
  t.end();
});
