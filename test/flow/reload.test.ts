import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { writeWhole } from '../../src/kernel/whole-file.js';
import { pricesFile } from '../../src/pricing/prices-file.js';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { get, post, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { adminOf, asking, budgets, CENT_A_TOKEN, config } from './setup.js';

const CHAT = '/v1/chat/completions';

let mock: MockProvider;
let proxy: RunningProxy;
let folder: string;
let admin: string;

/** Each user's day, so that a test with a user of its own begins at nothing. */
const textOf = (cents: number, edit: (text: string) => string = (text) => text): string => {
  const budget = `per_user_limits: { default: { daily_limit_cents: ${cents} } }`;
  return edit(config({ folder, providerUrl: mock.url, budget, more: 'admin: { port: 0 }' }));
};

t.teardown(() => mock.close());
t.before(async () => {
  mock = await startMock({ behaviour: CENT_A_TOKEN, record: true });
  folder = temporaryFolder(t);
  proxy = await startProxy(t, { folder, config: textOf(10), workers: 2 });
  admin = adminOf(folder);
});

const status = async (): Promise<unknown> => (await fetch(`${admin}/admin/status`)).json();

async function reload(text: string) {
  // Whole or not at all: another reload may be reading it.
  writeWhole(join(folder, 'config.yaml'), text, 0o600);
  const response = await fetch(`${admin}/admin/reload`, { method: 'POST' });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const ask = async (user: string, cents: number): Promise<number> =>
  (await post(`${proxy.url}${CHAT}`, user, asking(cents))).status;

const dayOf = async (user: string) =>
  (await budgets(proxy, user)).find(({ window }) => window === 'daily');

t.test('limits, models and a provider’s key change between two requests', async (t) => {
  t.equal(await ask('ann', 8), 200);
  t.equal(await ask('ann', 8), 402);

  const raised = await reload(
    textOf(20, (text) =>
      text
        .replaceAll('sk-test', 'sk-other')
        .replace('  cheap:', '  dear: { provider: openai }\n  cheap:'),
    ),
  );
  t.strictSame(raised, { status: 200, json: { reloaded: true, needs_restart: [] } });
  const day = await dayOf('ann');
  t.strictSame([day?.limit_usd, day?.spent_usd], ['0.20', '0.08'], 'what was spent stays');
  t.equal(await ask('ann', 8), 200);
  t.equal(await ask('ann', 8), 402);
  t.equal(mock.requests().at(-1)?.headers['authorization'], 'Bearer sk-other');
  const models = (await get(`${proxy.url}/v1/models`, 'ann')).json['data'] as { id: string }[];
  t.ok(models.some(({ id }) => id === 'dear'));

  const lowered = await reload(textOf(5));
  t.equal(lowered.status, 200);
  t.equal(await ask('ann', 1), 402);
});

t.test('a bad file is refused with its fault, and the old one stays', async (t) => {
  await reload(textOf(10));
  const bad = await reload(textOf(5, (text) => text.replace('limit_cents', 'limit_cent')));
  t.equal(bad.status, 422);
  t.match(bad.json, { error: { message: /daily_limit_cent: .*did you mean.*daily_limit_cents/s } });
  t.match(await status(), { config_problem: /daily_limit_cent:/ });
  t.equal(await ask('bob', 8), 200);
  t.equal((await reload(textOf(10))).status, 200);
  t.match(await status(), { config_problem: null });
});

t.test('prices that cannot be read refuse it whole', async (t) => {
  const global = (cents: number): string =>
    textOf(100, (text) => text.replace('per_user', `daily_limit_cents: ${cents}, per_user`));
  t.equal((await reload(global(10_000))).status, 200);
  const prices = pricesFile(join(folder, 'data'));
  writeFileSync(prices, '{');
  t.equal((await reload(global(20_000))).status, 422);
  t.match(await status(), { config_problem: /prices/ });
  const [budget] = ((await status()) as { budgets: { limit_usd: string }[] }).budgets;
  t.equal(budget?.limit_usd, '100.00', 'what is told is what is in force');
  t.match((await budgets(proxy, 'cat')).at(-1), { scope: 'global', limit_usd: '100.00' });
  rmSync(prices);
});

t.test('what needs a restart is named, and stays', async (t) => {
  const { port } = new URL(proxy.url);
  const changed = await reload(
    textOf(9, (text) =>
      text
        .replace('admin: { port: 0 }', 'admin: { port: 0 }\nserver: { request_timeout_seconds: 5 }')
        .replace('/data }', '/elsewhere }'),
    ),
  );
  t.strictSame(changed.json['needs_restart'], ['server.request_timeout_seconds', 'storage.path']);
  t.equal(new URL(proxy.url).port, port);
  t.equal(await ask('dan', 10), 402);
});

t.test('SIGHUP and a changed file do the same', async () => {
  await reload(textOf(1));
  const until = async (wanted: number): Promise<void> => {
    const deadline = Date.now() + 30_000;
    while (Date.now() < deadline) if ((await ask('eve', 3)) === wanted) return;
    throw new Error(`never ${wanted}`);
  };
  await until(402);
  writeFileSync(join(folder, 'config.yaml'), textOf(4));
  await until(200);
  writeFileSync(join(folder, 'config.yaml'), textOf(7));
  process.kill(proxy.pid, 'SIGHUP');
  await until(200);
});

t.test('a reload under load loses no request and no cent', async (t) => {
  await reload(textOf(1000));
  const before = mock.bill().requests;
  const asked = Array.from({ length: 100 }, () => ask('fay', 2));
  const reloads = [900, 800, 700].map((cents) => reload(textOf(cents)));
  t.same(new Set(await Promise.all(asked)), new Set([200]));
  for (const { status } of await Promise.all(reloads)) t.equal(status, 200);
  t.equal((await dayOf('fay'))?.spent_usd, '2.00');
  t.equal(mock.bill().requests - before, 100);
});
