import { closeSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { mapFile } from '../../src/ledger/mapping.js';
import { unmappable } from './samples.js';

const BYTES = 16_384;

t.test(
  'what is stored is in the file, and what is written is in the memory',
  { skip: unmappable },
  (t) => {
    const directory = t.testdir({ one: '1'.repeat(BYTES), two: '2'.repeat(BYTES) });
    const [one, two] = ['one', 'two'].map((name) => join(directory, name)) as [string, string];
    const [first, second] = [openSync(one, 'r+'), openSync(two, 'r+')];
    const mapping = mapFile(first, BYTES);
    if (mapping === null) throw new Error('a file on this disk cannot be mapped');
    const { bytes } = mapping;
    t.equal(bytes.toString('latin1', 0, 3), '111');
    bytes.write('stored', 5_000);
    closeSync(first);
    bytes.write('later', 9_000);
    t.equal(readFileSync(one, 'latin1').slice(4_999, 5_007), '1stored1');
    t.equal(readFileSync(one, 'latin1').slice(8_999, 9_006), '1later1');

    mapping.moveTo(second);
    closeSync(second);
    t.equal(bytes.toString('latin1', 5_000, 5_006), '222222');
    bytes.write('second', 5_000);
    writeFileSync(two, 'written', { flag: 'r+' });
    t.equal(bytes.toString('latin1', 0, 8), 'written2');
    mapping.close();
    t.equal(readFileSync(two, 'latin1').slice(4_999, 5_007), '2second2');
    t.equal(readFileSync(one, 'latin1').slice(4_999, 5_007), '1stored1', 'the first is as it was');
    t.end();
  },
);

t.test('what a move has lost is nobody’s to give back', { skip: unmappable }, (t) => {
  const fd = openSync(join(t.testdir({ one: '1'.repeat(BYTES) }), 'one'), 'r+');
  const mapping = mapFile(fd, BYTES);
  if (mapping === null) throw new Error('a file on this disk cannot be mapped');
  const { bytes } = mapping;
  t.throws(() => mapping.moveTo(-1), /mmap: EBADF/);
  // Another may have mapped something there by now. Here nobody has, and the file is as it was.
  mapping.close();
  t.equal(bytes.toString('latin1', 0, 3), '111');
  closeSync(fd);
  t.end();
});

t.test('a file that cannot be mapped is none', (t) => {
  const path = join(t.testdir({ file: '1'.repeat(BYTES) }), 'file');
  const fd = openSync(path, 'r');
  t.equal(mapFile(fd, BYTES), null, 'it cannot be written');
  closeSync(fd);
  t.equal(mapFile(fd, BYTES), null, 'it is closed');
  // A file system that says nothing of its blocks.
  const other = openSync('/proc/self/oom_score_adj', 'r+');
  t.equal(mapFile(other, BYTES), null);
  closeSync(other);
  t.end();
});
