// A disk that takes writes no more, under the running product: strace lets a system call fail on
// files of its. Needs to be allowed to trace, as root is but in a container that forbids it.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import t from 'tap';
import { startProxy, temporaryFolder } from '../flow/harness.js';
import { ask, askToTheEnd, goesOn, sceneOf } from './faulty.js';

const CLIENTS = 8;

/** From when this resolves calls of a process fail on some files; or else it says why not. */
async function failing(pid: number, calls: string, files: readonly string[] = []) {
  const only = files.flatMap((file) => ['-P', file]);
  const inject = ['-e', `trace=${calls}`, '-e', `inject=${calls}:error=EIO`];
  const args = ['-f', '-o', '/dev/null', '-p', String(pid), ...inject, ...only];
  const tracer = spawn('strace', args, { stdio: ['ignore', 'ignore', 'pipe'] });
  const cannot = once(tracer, 'error').then(([error]) => String(error));
  const said = once(createInterface({ input: tracer.stderr }), 'line').then(String);
  const line = await Promise.race([said, cannot]);
  const why = line.includes('attached') ? false : `strace cannot be used here: ${line}`;
  return { tracer, why } as const;
}

async function whyNot(): Promise<string | false> {
  const probed = spawn('sleep', ['60'], { stdio: 'ignore' });
  const { tracer, why } = await failing(probed.pid as number, 'fdatasync');
  probed.kill('SIGKILL');
  await once(probed, 'exit');
  tracer.kill('SIGKILL');
  return why;
}

const skip = await whyNot();

interface Fault {
  readonly where: 'journal' | 'ledger' | 'disk';
  readonly calls: string;
  /** It may be the end of the process there and then. */
  readonly mayAbort?: true;
}

const FAULTS: Readonly<Record<string, Fault>> = {
  'a journal that cannot be synced': { where: 'journal', calls: 'fdatasync' },
  'a journal that cannot be written': { where: 'journal', calls: 'pwrite64' },
  'books that cannot be synced': { where: 'ledger', calls: 'fdatasync' },
  // LMDB 3.5.6 puts what it says of a page into a hundred bytes, where it does not always fit. A
  // page that has no neighbour to be written with goes by the same call as a commit.
  'books whose commits cannot be written': { where: 'ledger', calls: 'pwrite64', mayAbort: true },
  'books that cannot be written': { where: 'ledger', calls: 'writev,pwrite64', mayAbort: true },
  'a disk that syncs nothing': { where: 'disk', calls: 'fdatasync' },
};

for (const [title, { where, calls, mayAbort = false }] of Object.entries(FAULTS)) {
  t.test(`${title}: 503, a clean end, and nothing lost`, { skip }, async (t) => {
    const folder = temporaryFolder(t);
    const scene = await sceneOf(t, folder, 'power');
    const proxy = await startProxy(t, { ...scene.options, workers: 2 });
    for (let answer = 0; answer < 5; answer += 1) t.equal((await ask(proxy))?.status, 200);

    const data = join(folder, 'disk', 'data');
    const journals = readdirSync(join(data, 'journal')).map((name) => join(data, 'journal', name));
    const files = { disk: [], journal: journals, ledger: [join(data, 'ledger.lmdb')] };
    t.equal((await failing(proxy.pid, calls, files[where])).why, false);
    const clients = Array.from({ length: CLIENTS }, () => askToTheEnd(proxy));
    const asked = await Promise.all(clients);
    const answers = asked.reduce((sum, each) => sum + each.answers, 5);
    const codes = asked.flatMap((each) => each.codes);
    t.ok(
      codes.every((code) => code === 'ledger_unavailable'),
      codes.join(' '),
    );
    t.ok(where !== 'journal' || codes.length > 0, 'who met the fault was told so');

    // This signal is none to it: it ends by itself.
    const code = await proxy.end('SIGCONT');
    if (code !== 'SIGABRT' || !mayAbort) {
      t.equal(code, 1);
      t.equal(scene.billed(), answers * 5, 'nothing went upstream that was not answered');
      // What LMDB says of its own has no line.
      const told = proxy.output().split('✗').slice(1);
      t.ok(told.length <= (where === 'disk' ? 2 : 1), 'in one line');
      const what = where === 'disk' ? 'journal|ledger' : where;
      const why = `^ The (${what}) failed: .*(EIO|Input/output error).*Nothing is admitted.*\n`;
      t.match(told[0], new RegExp(why));
      t.notMatch(proxy.output(), /defect|^ +at /m);
    }
    await goesOn(t, scene, answers);
  });
}
