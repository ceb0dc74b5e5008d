import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { post, run, startProxy, startReceiver, temporaryFolder } from './harness.js';
import { recipe, RECIPE_FILE } from './recipe.js';

const BILLS_180_CENTS = {
  latencyMs: 0,
  inputTokens: 20_000,
  outputTokens: 20_000,
  errorStatus: null,
};
const REQUEST = {
  model: 'gpt-4',
  messages: [{ role: 'user', content: 'Write 100 words of code' }],
};

t.test('step 1: the recipe validates to the letter, before its key is exported', async (t) => {
  const { code, stdout } = await run(['validate-config', RECIPE_FILE], { OPENAI_API_KEY: '' });
  t.equal(code, 0);
  t.same(stdout.split('\n').slice(0, 3), [
    '✓ Config valid',
    '✓ Budget tracking enabled (daily: $10.00, monthly: $200.00)',
    '✓ Per-user limits: user-a ($3.00/day), user-b ($5.00/day)',
  ]);
});

t.test('steps 2 to 4: five requests, one alert, a rejection', async (t) => {
  const mock = await startMock({ behaviour: BILLS_180_CENTS });
  t.teardown(() => mock.close());
  const webhook = await startReceiver(t);
  const folder = temporaryFolder(t);
  const proxy = await startProxy(t, {
    folder,
    workers: 2,
    config: recipe({
      folder,
      providerUrl: mock.url,
      webhookUrl: webhook.url,
      perUserLimits: false,
    }),
  });
  const tallies: unknown[] = [];
  for (let request = 0; request < 5; request++) {
    const answer = await post(`${proxy.url}/v1/messages`, 'user-a', REQUEST);
    t.equal(answer.status, 200);
    t.equal(answer.json['request_cost_cents'], 180);
    tallies.push(answer.json['cost_cents']);
  }
  t.same(tallies, [180, 360, 540, 720, 900], 'cost_cents is the running tally');

  await webhook.reached(1);
  const alert = JSON.parse(webhook.received[0]?.body ?? '') as Record<string, unknown>;
  t.match(alert, {
    event: 'budget_threshold_exceeded',
    window: 'daily',
    threshold_pct: 80,
    spent_usd: '9.00',
    limit_usd: '10.00',
  });

  let rejected = await post(`${proxy.url}/v1/messages`, 'user-a', REQUEST);
  if (rejected.status === 200) rejected = await post(`${proxy.url}/v1/messages`, 'user-a', REQUEST);
  t.equal(rejected.status, 402);
  t.match(rejected.json, {
    type: 'error',
    error: { type: 'billing_error', code: 'budget_exceeded' },
  });
  t.equal(await proxy.end(), 0, 'ends in order');

  const log = readFileSync(join(folder, 'alerts.log'), 'utf8').split('\n');
  const thresholds = log.filter((line) => line.includes('budget_threshold_exceeded'));
  t.equal(thresholds.length, 1, 'alerted once');
  t.match(
    thresholds[0],
    /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ALERT budget_threshold_exceeded user=\* spent=\$9\.00 daily_limit=\$10\.00 pct=90%$/,
  );
});

t.test('a user with a limit of $3.00 gets 180 and 360, and is rejected', async (t) => {
  const mock = await startMock({ behaviour: BILLS_180_CENTS });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const config = recipe({ folder, providerUrl: mock.url });
  const proxy = await startProxy(t, { folder, config });
  const tallies: unknown[] = [];
  for (let request = 0; request < 2; request++) {
    tallies.push((await post(`${proxy.url}/v1/messages`, 'user-a', REQUEST)).json['cost_cents']);
  }
  t.same(tallies, [180, 360]);
  const rejected = await post(`${proxy.url}/v1/chat/completions`, 'user-a', REQUEST);
  t.equal(rejected.status, 402);
  t.same(rejected.json, {
    error: {
      code: 'budget_exceeded',
      type: 'budget_exceeded',
      param: null,
      message: 'User user-a has reached daily budget limit ($3.00). Rejecting request.',
      daily_spent: '$3.60',
      daily_limit: '$3.00',
    },
  });
  t.equal(rejected.headers.get('x-should-retry'), 'false');
  t.equal(rejected.headers.get('retry-after'), null);
  t.equal(rejected.headers.get('x-tokenpak-budget-scope'), 'user:user-a');
  t.equal(rejected.headers.get('x-tokenpak-budget-window'), 'daily');
  t.match(rejected.headers.get('x-tokenpak-budget-reset'), /T00:00:00Z$/);
  const other = await post(`${proxy.url}/v1/messages`, 'user-b', REQUEST);
  t.equal(other.json['cost_cents'], 180, 'another user goes on');
  t.equal(mock.bill().requests, 3, 'the rejected request never reached the provider');
});

t.test('what does not fit on the model is served by the fallback, at its price', async (t) => {
  const mock = await startMock();
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const config = recipe({ folder, providerUrl: mock.url });
  const proxy = await startProxy(t, { folder, config });
  const body = { ...REQUEST, max_tokens: 6000 };
  const answer = await post(`${proxy.url}/v1/chat/completions`, 'user-a', {
    ...body,
    max_tokens: 60_000,
  });
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('x-tokenpak-model'), 'gpt-3.5-turbo');
  t.equal(answer.headers.get('x-tokenpak-fallback'), 'budget');
  t.equal(answer.json['model'], 'gpt-3.5-turbo', 'the provider was asked for the fallback');
  const fitting = await post(`${proxy.url}/v1/chat/completions`, 'user-a', body);
  t.equal(fitting.headers.get('x-tokenpak-model'), 'gpt-4');
  t.equal(fitting.headers.get('x-tokenpak-fallback'), null);
});
