import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { get, post, type RunningProxy } from '../flow/harness.js';
import { adminOf, asking, atRest, CENT_A_TOKEN, started } from '../flow/setup.js';

const GRAFANA = fileURLToPath(new URL('../../../contrib/grafana.json', import.meta.url));

/** `name{labels}` → value. */
async function scrape(proxy: RunningProxy, folder: string): Promise<Map<string, number>> {
  const admin = adminOf(folder);
  const { text, headers } = await get(`${admin}/metrics`, null);
  t.match(headers.get('content-type'), /^text\/plain; version=0\.0\.4/);
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  t.notMatch(proxy.output(), /✗/);
  return new Map(
    lines.map((line) => {
      const space = line.lastIndexOf(' ');
      return [line.slice(0, space), Number(line.slice(space + 1))];
    }),
  );
}

t.test('metrics tell what happened, to the cent and to the request', async (t) => {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const limits = 'per_user_limits: { user_limits: { "a\\"b": { daily_limit_cents: 30 } } }';
  const { chat, folder, proxy } = await started(t, {
    providerUrl: mock.url,
    budget: `daily_limit_cents: 1000, fallback_model_on_exceed: cheap, ${limits}`,
    more: 'admin: { port: 0, metrics_user_labels: true }',
  });
  t.equal((await chat('alice', asking(250))).status, 200);
  const fallback = await chat('a"b', asking(250, { max_tokens: 250 }));
  t.equal(fallback.headers.get('x-tokenpak-fallback'), 'budget');
  t.equal((await chat('alice', { ...asking(1), model: 'none' })).status, 404);
  t.equal((await post(`${proxy.url}/v1/chat/completions`, 'alice', '{')).status, 400);
  const { spent_usd } = await atRest(proxy, 'alice');
  const all = await scrape(proxy, folder);
  const value = (name: string): number | undefined => all.get(`tokenpak_${name}`);
  t.equal(value('admitted_total'), 2);
  t.equal(value('fallbacks_total'), 1);
  t.equal(value('rejected_total{reason="model_not_found"}'), 1);
  t.equal(value('rejected_total{reason="invalid_request"}'), 1);
  t.equal(value('settled_total{source="provider"}'), 2);
  t.equal(value('spent_usd{user="alice",window="daily"}'), Number(spent_usd));
  t.equal(value('model_spend_usd_total{model="gpt-4"}'), Number(spent_usd));
  t.equal(value('limit_usd{user="*",window="daily"}'), 10);
  t.equal(value('limit_usd{user="a\\"b",window="daily"}'), 0.3);
  const [spent, left] = ['spent_usd', 'remaining_usd'].map((name) =>
    value(`${name}{user="*",window="daily"}`),
  );
  t.ok(Math.abs((spent as number) + (left as number) - 10) < 1e-9);
  t.equal(value('open_reservations'), 0);
  t.equal(value('ledger_drift_usd'), 0);
  t.equal(value('overhead_seconds_count{stage="request"}'), 2);
  t.equal(value('overhead_seconds_bucket{stage="answer",le="+Inf"}'), 2);
  t.ok((value('active_requests{worker="0"}') as number) === 0);

  const names = new Set([...all.keys()].map((name) => name.replace(/\{.*/, '')));
  const used = readFileSync(GRAFANA, 'utf8').match(/tokenpak_\w+/g) ?? [];
  t.ok(used.length > 20, 'the dashboard names metrics');
  for (const name of new Set(used)) t.ok(names.has(name), `Grafana's ${name} exists`);
});

t.test('single users are not told unless asked for', async (t) => {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const { chat, folder, proxy } = await started(t, {
    providerUrl: mock.url,
    budget: 'daily_limit_cents: 1000',
  });
  t.equal((await chat('alice', asking(2))).status, 200);
  await atRest(proxy, 'alice');
  const all = await scrape(proxy, folder);
  t.ok((all.get('tokenpak_spent_usd{user="*",window="daily"}') as number) > 0);
  t.notMatch([...all.keys()].join(), 'alice');
});
