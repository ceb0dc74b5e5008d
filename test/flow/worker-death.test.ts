import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import t from 'tap';
import { doomedWorkers } from './doomed-workers.js';
import { get, post, run, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { startHeldProvider } from './held-provider.js';
import { asking, budgets, config } from './setup.js';

/** Asks until somebody answers. */
async function alive(proxy: RunningProxy): Promise<void> {
  for (;;) {
    try {
      if ((await get(`${proxy.url}/readyz`, null)).status === 200) return;
    } catch {
      // Its successor does not listen yet.
    }
  }
}

t.test(
  'a worker that dies is started again, and what it had open is charged in full',
  async (t) => {
    const provider = await startHeldProvider(t);
    const folder = temporaryFolder(t);
    const trigger = join(folder, 'trigger');
    const proxy = await startProxy(t, {
      folder,
      config: config({
        folder,
        providerUrl: provider.url,
        budget: 'daily_limit_cents: 1000',
        more: 'server: { shutdown_grace_seconds: 1 }',
      }),
      env: doomedWorkers(folder, trigger),
    });
    const url = `${proxy.url}/v1/chat/completions`;
    const before = post(url, 'ann', asking(10));
    (await provider.next()).answer(5);
    t.equal((await before).json['cost_cents'], 5);

    const open = post(url, 'ann', asking(10)).then(
      ({ status }) => status,
      () => 'cut',
    );
    await provider.next();
    const reserved = Number((await budgets(proxy, 'ann'))[0]?.reserved_usd);
    writeFileSync(trigger, '');
    t.not(await open, 200, 'its client learns of it');
    await alive(proxy);
    t.match(proxy.output(), 'a defect, as a test wants it');

    const after = post(url, 'ann', asking(10));
    (await provider.next()).answer(6);
    t.equal((await after).status, 200, 'it serves on');
    const [day] = await budgets(proxy, 'ann');
    t.equal(day?.reserved_usd, '0.00');
    t.equal(Number(day?.spent_usd).toFixed(9), (0.11 + reserved).toFixed(9), 'charged in full');
    t.equal(await proxy.end(), 0);

    const exported = await run(['ledger', 'export', '--config', `${folder}/config.yaml`]);
    const entries = exported.stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    t.same(
      entries.map(({ source }) => source),
      ['provider', 'unsettled', 'provider'],
    );
    t.equal((await run(['ledger', 'verify', '--config', `${folder}/config.yaml`])).code, 0);
  },
);

/**
 * Loaded before each thread: an HTTP worker ends while it stores how a request ended, and nobody
 * has flushed or closed a thing.
 */
const killing = (trigger: string): string => `
import { existsSync, unlinkSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
const SETTLE = 3;
if (workerData?.journal !== undefined) {
  const store = DataView.prototype.setBigInt64;
  DataView.prototype.setBigInt64 = function (at, ...rest) {
    const isSegment = this.byteLength >= 256 * 1024;
    if (isSegment && this.getUint8(at - 15) === SETTLE && existsSync(${JSON.stringify(trigger)})) {
      unlinkSync(${JSON.stringify(trigger)});
      process.exit();
    }
    return store.call(this, at, ...rest);
  };
}
`;

t.test('a worker that is killed within a turn takes the counters with it', async (t) => {
  const provider = await startHeldProvider(t);
  const folder = temporaryFolder(t);
  const trigger = join(folder, 'trigger');
  const script = join(folder, 'preload.mjs');
  writeFileSync(script, killing(trigger));
  const options = {
    folder,
    config: config({ folder, providerUrl: provider.url, budget: 'daily_limit_cents: 1000' }),
  };
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(script).href}` };
  const proxy = await startProxy(t, { ...options, env });
  const open = post(`${proxy.url}/v1/chat/completions`, 'ann', asking(10)).catch(() => 'cut');
  const held = await provider.next();
  const reserved = (await budgets(proxy, 'ann'))[0]?.reserved_usd;
  writeFileSync(trigger, '');
  held.answer(5);
  // Node ends a process of which a thread has left its sockets open: nobody is admitted on sums
  // that the books do not have.
  t.equal(await proxy.end('SIGCONT'), 'SIGABRT');
  t.equal(await open, 'cut');
  const next = await startProxy(t, options);
  const [day] = await budgets(next, 'ann');
  t.match(day, { spent_usd: reserved, reserved_usd: '0.00' }, 'charged in full');
  const { stdout } = await run(['status', '--json', '--config', `${folder}/config.yaml`]);
  t.match(JSON.parse(stdout), { drift_usd: '0.00', open_reservations: 0 });
  t.equal(await next.end(), 0);
});

/** Loaded before each thread: an HTTP worker stands still for ever once the file is there. */
const hanging = (trigger: string): string => `
import { existsSync, writeFileSync } from 'node:fs';
import { workerData } from 'node:worker_threads';
if (workerData?.journal !== undefined) {
  setInterval(() => {
    if (!existsSync(${JSON.stringify(trigger)})) return;
    writeFileSync(${JSON.stringify(`${trigger}.stands`)}, '');
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);
  }, 10).unref();
}
`;

t.test('a worker that hangs keeps no proxy from ending, and loses nothing', async (t) => {
  const provider = await startHeldProvider(t);
  const folder = temporaryFolder(t);
  const trigger = join(folder, 'trigger');
  const script = join(folder, 'preload.mjs');
  writeFileSync(script, hanging(trigger));
  const options = {
    folder,
    config: config({
      folder,
      providerUrl: provider.url,
      budget: 'daily_limit_cents: 1000',
      more: 'server: { shutdown_grace_seconds: 0 }',
    }),
  };
  const env = { NODE_OPTIONS: `--import ${pathToFileURL(script).href}` };
  const proxy = await startProxy(t, { ...options, env });
  const open = post(`${proxy.url}/v1/chat/completions`, 'ann', asking(10)).catch(() => null);
  await provider.next();
  const reserved = (await budgets(proxy, 'ann'))[0]?.reserved_usd;
  writeFileSync(trigger, '');
  while (!existsSync(`${trigger}.stands`)) await new Promise(setImmediate);
  await proxy.end();
  t.match(proxy.output(), /a worker hangs and is left/);
  t.equal(await open, null);
  const next = await startProxy(t, options);
  const [day] = await budgets(next, 'ann');
  t.match(day, { spent_usd: reserved, reserved_usd: '0.00' }, 'charged in full');
  t.equal(await next.end(), 0);
});
