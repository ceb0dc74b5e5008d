// Where the bench puts processes: which cores there are, and that what it binds it lets go.

import t from 'tap';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { coresAllowed, coresHere, onCore, whileBound } from '../../bench/macro/placement.js';

t.test('cores come one by one and in ranges', async (t) => {
  const status = (list: string): string => `Name:\tnode\nCpus_allowed_list:\t${list}\nMems:\t1\n`;
  t.same(coresAllowed(status('0-1')), [0, 1]);
  t.same(coresAllowed(status('3')), [3]);
  t.same(coresAllowed(status('2,4-6,9')), [2, 4, 5, 6, 9]);
  t.same(coresAllowed('Name:\tnode\n'), [], 'none where the system does not say');
});

t.test('a command without a core is left as it is', async (t) => {
  t.same(onCore(null, ['wrk', '-c1']), ['wrk', '-c1']);
  t.same(onCore(3, ['wrk', '-c1']), ['taskset', '-c', '3', 'wrk', '-c1']);
});

t.test('what is bound is on its core during the work, and free after it fails', async (t) => {
  const cores = coresHere();
  if (cores === null) {
    t.pass('nothing can be bound here');
    return;
  }
  const children = [0, 1].map(() =>
    spawn(process.execPath, ['-e', 'process.stdin.resume()'], {
      stdio: ['pipe', 'ignore', 'ignore'],
    }),
  );
  t.teardown(() => children.forEach(({ stdin }) => stdin?.end()));
  const [subject = 0, other = 0] = children.map(({ pid }) => pid as number);
  const allowed = (pid: number): number[] =>
    coresAllowed(readFileSync(`/proc/${pid}/status`, 'utf8'));
  const pids = { subjects: [subject], others: [other] };
  const work = whileBound(cores, pids, async () => {
    t.same(allowed(subject), [cores.subjects]);
    t.same(allowed(other), [cores.others]);
    throw new Error('the load broke off');
  });
  await t.rejects(work, /the load broke off/);
  t.same(allowed(subject), cores.allowed);
  t.same(allowed(other), cores.allowed);
});
