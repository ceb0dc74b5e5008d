import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { startProxy, temporaryFolder } from '../flow/harness.js';
import { writeBooks } from '../ledger/golden.js';
import { ask, askToTheEnd, goesOn, sceneOf, why } from './faulty.js';

const MIB = 1024 * 1024;

const mountAt = (path: string, bytes: number): string[] =>
  `-t tmpfs -o size=${bytes} none ${path}`.split(' ');

/** A disk of its own, so small that it can be filled. */
function smallDisk(t: Test, path: string): void {
  mkdirSync(path, { recursive: true });
  execFileSync('mount', mountAt(path, 64 * MIB));
  t.teardown(() => execFileSync('umount', ['-l', path]));
}

const PROBE = mkdtempSync(join(tmpdir(), 'tokenpak-mount-'));
const noDisk = why('mount', mountAt(PROBE, MIB)) || why('umount', [PROBE]);
rmSync(PROBE, { recursive: true, force: true });
const noLimits = why('prlimit', ['--pid', String(process.pid), '--fsize']);

t.test(
  'a full disk: nothing is admitted, it ends by itself, and nothing is lost',
  { skip: noDisk },
  async (t) => {
    const folder = temporaryFolder(t);
    const disk = join(folder, 'disk');
    smallDisk(t, disk);
    const scene = await sceneOf(t, folder);
    const proxy = await startProxy(t, scene.options);
    let answers = 0;
    for (; answers < 5; answers += 1) t.equal((await ask(proxy))?.status, 200);
    const { bavail, bsize } = statfsSync(disk);
    writeFileSync(join(disk, 'other'), Buffer.alloc(bavail * bsize - MIB));
    const more = await askToTheEnd(proxy);
    t.equal(await proxy.end(), 1);
    t.match(proxy.output(), /The ledger failed: the disk of .* is full.*Nothing is admitted/s);
    t.ok(
      more.codes.every((code) => code === 'ledger_unavailable'),
      more.codes.join(' '),
    );
    rmSync(join(disk, 'other'));
    await goesOn(t, scene, answers + more.answers);
  },
);

t.test('writes that fail: 503, a clean end, and nothing lost', { skip: noLimits }, async (t) => {
  const folder = temporaryFolder(t);
  const scene = await sceneOf(t, folder);
  const proxy = await startProxy(t, scene.options);
  let answers = 0;
  for (; answers < 5; answers += 1) t.equal((await ask(proxy))?.status, 200);
  // From now on no file of this process can be written beyond its first page.
  execFileSync('prlimit', ['--pid', String(proxy.pid), '--fsize=4096']);
  const more = await askToTheEnd(proxy);
  t.equal(await proxy.end(), 1, 'no signal ends it');
  t.match(proxy.output(), /failed: .*(EFBIG|File too large)/);
  t.ok(
    more.codes.every((code) => code === 'ledger_unavailable'),
    more.codes.join(' '),
  );
  await goesOn(t, scene, answers + more.answers);
});

t.test('a bit flipped anywhere in the database is found, or changes nothing', async (t) => {
  const books = join(t.testdir(), 'books');
  await writeBooks(books);
  const flips = fileURLToPath(new URL('./flips.js', import.meta.url));
  const seed = Number(process.env['SEED'] ?? Date.now() % 1_000_000);
  const rounds = Number(process.env['FLIPS'] ?? 120);
  const found = new Map<string, number[]>();
  const child = fork(flips, [books, join(books, '..', 'bent'), String(seed), String(rounds)]);
  child.on('message', (message) => {
    const { at, found: what } = message as { at: number; found: string };
    found.set(what, [...(found.get(what) ?? []), at]);
  });
  await once(child, 'exit');
  const { told = [], ...others } = Object.fromEntries(found);
  t.same(
    Object.keys(others),
    ['7480000210 of Zoë 5000000000, user-a 2500000210,  -20000000'],
    `books as they are, or a fault told of; seed ${seed}`,
  );
  t.ok(told.length < rounds, `${told.length} of ${rounds} found, the rest hit unused bytes`);
});
