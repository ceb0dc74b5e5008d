import { execFileSync, fork } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { messageOf } from '../../src/kernel/errors.js';
import { parseDecimal } from '../../src/kernel/money.js';
import { startMock } from '../../src/mock/provider.js';
import { verify } from '../../src/ledger/verify.js';
import { post, type RunningProxy, startProxy, temporaryFolder } from '../flow/harness.js';
import { writeBooks } from '../ledger/golden.js';
import { asking, atRest, CENT_A_TOKEN, config } from '../flow/setup.js';

const MIB = 1024 * 1024;

interface Scene {
  readonly options: { folder: string; config: string };
  /** What the provider has billed, in cents. */
  readonly billed: () => number;
}

async function sceneOf(t: Test, folder: string): Promise<Scene> {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const file = config({
    folder,
    providerUrl: mock.url,
    budget: 'daily_limit_cents: 100000',
    storage: `path: ${folder}/disk/data, max_journal_bytes: 16777216`,
  });
  return { options: { folder, config: file }, billed: () => mock.bill().requests * 5 };
}

const ask = (proxy: RunningProxy) =>
  post(`${proxy.url}/v1/chat/completions`, 'ann', asking(5)).catch(() => null);

/** Asks until the proxy is gone; returns how many answers came, and the refusals. */
async function askToTheEnd(proxy: RunningProxy): Promise<{ answers: number; codes: unknown[] }> {
  let answers = 0;
  const codes: unknown[] = [];
  for (let answer = await ask(proxy); answer !== null; answer = await ask(proxy)) {
    if (answer.status === 200) answers += 1;
    else codes.push((answer.json['error'] as { code?: string } | undefined)?.code);
  }
  return { answers, codes };
}

const cents = (count: number): bigint => BigInt(count) * 10_000_000n;

/** After a fault: books that hold every answer, and nothing that the provider did not bill. */
async function goesOn(t: Test, { options, billed }: Scene, answers: number): Promise<void> {
  const proxy = await startProxy(t, options);
  const { spent_usd: spent } = await atRest(proxy, 'ann');
  // A float has no place here: 2.30 * 100 is less than 230.
  const booked = parseDecimal(spent, 9) ?? -1n;
  t.ok(booked >= cents(billed()), `$${spent} booked of ${billed()} cents billed`);
  t.ok(booked >= cents(answers * 5), `$${spent} booked for ${answers} answers`);
  const next = await ask(proxy);
  t.equal(next?.status, 200, 'and it serves again');
  t.equal(await proxy.end(), 0);
  t.match(await verify(`${options.folder}/disk/data`), { drift: 0n, problems: { length: 0 } });
}

/** Why a tool that a fault needs cannot be used here; false when it can. */
function why(tool: string, args: readonly string[]): string | false {
  try {
    execFileSync(tool, args, { stdio: 'pipe' });
    return false;
  } catch (error) {
    return `${tool} cannot be used here: ${messageOf(error)}`;
  }
}

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
