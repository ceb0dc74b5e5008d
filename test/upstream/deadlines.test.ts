import v8 from 'node:v8';
import { runInNewContext } from 'node:vm';
import t from 'tap';
import { type Deadline, Deadlines } from '../../src/upstream/deadlines.js';

t.test('what falls due expires in the order it came, what was removed does not', async (t) => {
  let now = 0;
  const deadlines = new Deadlines(5, () => now);
  const expired: string[] = [];
  await new Promise<void>((resolve) => {
    const add = (name: string): Deadline => deadlines.add(() => expired.push(name));
    const [first, , middle] = ['first', 'second', 'middle', 'fourth'].map(add);
    const last = deadlines.add(resolve);
    for (const gone of [first, middle, first]) deadlines.remove(gone as Deadline);
    t.equal(deadlines.size, 3, 'removed once, however often that is asked for');
    now = last.dueMs;
  });
  t.same(expired, ['second', 'fourth']);
  t.equal(deadlines.size, 0);
});

t.test('one that expires may remove another, or add one', async (t) => {
  let now = 0;
  const deadlines = new Deadlines(5, () => now);
  await new Promise<void>((resolve) => {
    deadlines.add(() => {
      deadlines.remove(next);
      now = deadlines.add(resolve).dueMs;
    });
    const next = deadlines.add(() => t.fail('it was removed'));
    now = next.dueMs;
  });
  t.equal(deadlines.size, 0);
});

t.test('a queue that is always busy keeps nothing of those that have left it', async (t) => {
  v8.setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: { type: 'minor' | 'major' }) => void;
  const deadlines = new Deadlines(60_000, () => 0);
  const open: Deadline[] = [];
  const one = (index: number): void => {
    const request = Array.from({ length: 128 }, () => index);
    open.push(deadlines.add(() => void request.pop()));
    if (open.length > 64) deadlines.remove(open.shift() as Deadline);
  };
  for (let index = 0; index < 1_000; index++) one(index);
  // Whatever is there by now is old, and only what old things point to outlives a small collection.
  collect({ type: 'major' });
  const before = process.memoryUsage().heapUsed;
  for (let index = 0; index < 20_000; index++) {
    one(index);
    if (index % 1_000 === 0) collect({ type: 'minor' });
  }
  const grownMb = (process.memoryUsage().heapUsed - before) / 2 ** 20;
  // Twenty thousand such requests are 20 MB.
  t.ok(grownMb < 5, `grown by ${grownMb.toFixed(1)} MB`);
  for (const deadline of open) deadlines.remove(deadline);
});
