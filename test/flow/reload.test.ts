import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import t, { type Test } from 'tap';
import { pricesFile } from '../../src/pricing/prices-file.js';
import { startMock } from '../../src/mock/provider.js';
import { get, post, startProxy, temporaryFolder } from './harness.js';
import { asking, budgets, CENT_A_TOKEN, config } from './setup.js';

const CHAT = '/v1/chat/completions';

async function setUp(t: Test, budget: string) {
  const mock = await startMock({ behaviour: CENT_A_TOKEN, record: true });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const file = join(folder, 'config.yaml');
  const textOf = (wanted: string, edit: (text: string) => string = (text) => text): string =>
    edit(config({ folder, providerUrl: mock.url, budget: wanted, more: 'admin: { port: 0 }' }));
  const proxy = await startProxy(t, { folder, config: textOf(budget), workers: 2 });
  const { admin } = JSON.parse(readFileSync(join(folder, 'data', 'proxy.json'), 'utf8')) as {
    admin: string;
  };
  const status = async (): Promise<unknown> => (await fetch(`${admin}/admin/status`)).json();
  const reload = async (text: string) => {
    writeFileSync(file, text);
    const response = await fetch(`${admin}/admin/reload`, { method: 'POST' });
    return { status: response.status, json: (await response.json()) as Record<string, unknown> };
  };
  return { mock, file, proxy, textOf, reload, status };
}

const dayOf = async (proxy: { readonly url: string }, user: string) =>
  (await budgets(proxy as never, user)).find(({ window }) => window === 'daily');

t.test('limits, models and a provider’s key change between two requests', async (t) => {
  const { mock, proxy, textOf, reload } = await setUp(t, 'daily_limit_cents: 10');
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(8))).status, 200);
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(8))).status, 402);

  const raised = await reload(
    textOf('daily_limit_cents: 20', (text) =>
      text
        .replaceAll('sk-test', 'sk-other')
        .replace('  cheap:', '  dear: { provider: openai }\n  cheap:'),
    ),
  );
  t.strictSame(raised, { status: 200, json: { reloaded: true, needs_restart: [] } });
  const day = await dayOf(proxy, 'user-a');
  t.strictSame([day?.limit_usd, day?.spent_usd], [null, '0.08'], 'what was spent stays');
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(8))).status, 200);
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(8))).status, 402);
  t.equal(mock.requests().at(-1)?.headers['authorization'], 'Bearer sk-other');
  const models = (await get(`${proxy.url}/v1/models`, 'user-a')).json['data'] as { id: string }[];
  t.ok(models.some(({ id }) => id === 'dear'));

  const lowered = await reload(textOf('daily_limit_cents: 5'));
  t.equal(lowered.status, 200);
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(1))).status, 402);
});

t.test('a bad file is refused with its fault, and the old one stays', async (t) => {
  const { proxy, textOf, reload, status } = await setUp(t, 'daily_limit_cents: 10');
  const bad = await reload(textOf('daily_limit_cent: 5'));
  t.equal(bad.status, 422);
  t.match(bad.json, { error: { message: /daily_limit_cent.*did you mean.*daily_limit_cents/s } });
  t.match(await status(), { config_problem: /daily_limit_cent/ });
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(8))).status, 200);
  t.equal((await reload(textOf('daily_limit_cents: 10'))).status, 200);
  t.match(await status(), { config_problem: null });
});

t.test('prices that cannot be read refuse it whole', async (t) => {
  const { file, proxy, textOf, reload, status } = await setUp(t, 'daily_limit_cents: 10');
  writeFileSync(pricesFile(join(dirname(file), 'data')), '{');
  t.equal((await reload(textOf('daily_limit_cents: 20'))).status, 422);
  t.match(await status(), { config_problem: /prices/ });
  const [budget] = ((await status()) as { budgets: { limit_usd: string }[] }).budgets;
  t.equal(budget?.limit_usd, '0.10', 'what is told is what is in force');
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(12))).status, 402);
});

t.test('what needs a restart is named, and stays', async (t) => {
  const { proxy, textOf, reload } = await setUp(t, 'daily_limit_cents: 10');
  const { port } = new URL(proxy.url);
  const changed = await reload(
    textOf('daily_limit_cents: 9', (text) =>
      text
        .replace('admin: { port: 0 }', 'admin: { port: 0 }\nserver: { request_timeout_seconds: 5 }')
        .replace('/data }', '/elsewhere }'),
    ),
  );
  t.strictSame(changed.json['needs_restart'], ['server.request_timeout_seconds', 'storage.path']);
  t.equal(new URL(proxy.url).port, port);
  t.equal((await post(`${proxy.url}${CHAT}`, 'user-a', asking(10))).status, 402);
});

t.test('SIGHUP and a changed file do the same', async (t) => {
  const { file, proxy, textOf } = await setUp(t, 'daily_limit_cents: 1');
  const until = async (wanted: number): Promise<void> => {
    const deadline = Date.now() + 30_000;
    while (Date.now() < deadline) {
      const { status } = await post(`${proxy.url}${CHAT}`, 'user-a', asking(3));
      if (status === wanted) return;
    }
    throw new Error(`never ${wanted}`);
  };
  await until(402);
  writeFileSync(file, textOf('daily_limit_cents: 4'));
  await until(200);
  writeFileSync(file, textOf('daily_limit_cents: 7'));
  process.kill(proxy.pid, 'SIGHUP');
  await until(200);
});

t.test('a reload under load loses no request and no cent', async (t) => {
  const { mock, proxy, textOf, reload } = await setUp(t, 'daily_limit_cents: 1000');
  const asked = Array.from({ length: 100 }, () =>
    post(`${proxy.url}${CHAT}`, 'user-a', asking(2)).then(({ status }) => status),
  );
  const reloads = [900, 800, 700].map((cents) => reload(textOf(`daily_limit_cents: ${cents}`)));
  t.same(new Set(await Promise.all(asked)), new Set([200]));
  for (const { status } of await Promise.all(reloads)) t.equal(status, 200);
  t.equal((await dayOf(proxy, 'user-a'))?.spent_usd, '2.00');
  t.equal(mock.bill().requests, 100);
});
