import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { post } from './harness.js';
import { checkRejected } from './rejected.js';
import { alertLines, asking, budgets, CENT_A_TOKEN, started } from './setup.js';

let mock: MockProvider;

t.before(async () => {
  mock = await startMock({ behaviour: CENT_A_TOKEN, record: true });
});
t.teardown(() => mock.close());

for (const mode of ['alert', 'shadow']) {
  t.test(`mode: ${mode} serves what it would reject, and alerts`, async (t) => {
    const budget = `mode: ${mode}, daily_limit_cents: 25, fallback_model_on_exceed: cheap`;
    const { proxy, folder, chat } = await started(t, { providerUrl: mock.url, budget });
    for (const tally of [20, 40, 60]) {
      const answer = await chat('ann', asking(20));
      t.equal(answer.json['cost_cents'], tally, answer.text);
      t.equal(answer.headers.get('x-tokenpak-model'), 'gpt-4', 'as asked');
      t.equal(answer.headers.get('x-tokenpak-clamped-max-tokens'), null);
    }
    t.match(
      (await budgets(proxy, 'ann')).find(({ scope }) => scope === 'global'),
      { spent_usd: '0.60', limit_usd: '0.25', remaining_usd: '0.00' },
    );
    t.equal(await proxy.end(), 0);
    const log = alertLines(folder);
    t.equal(log.filter((line) => line.includes(' budget_threshold_exceeded ')).length, 1);
    t.equal(log.filter((line) => line.includes(' budget_exceeded ')).length, 1);
  });
}

t.test('reject_on_exceed: false serves over the limit', async (t) => {
  const { chat } = await started(t, {
    providerUrl: mock.url,
    budget: 'reject_on_exceed: false, daily_limit_cents: 25',
  });
  for (const tally of [20, 40]) {
    const answer = await chat('ann', asking(20));
    t.equal(answer.json['cost_cents'], tally, answer.text);
  }
});

t.test(
  'reject_on_exceed: false with a fallback serves over the limit on the fallback',
  async (t) => {
    const { chat } = await started(t, {
      providerUrl: mock.url,
      budget: 'reject_on_exceed: false, daily_limit_cents: 25, fallback_model_on_exceed: cheap',
    });
    t.equal((await chat('ann', asking(20))).headers.get('x-tokenpak-model'), 'gpt-4');
    for (const tally of [22, 24, 26]) {
      const answer = await chat('ann', asking(20));
      t.equal(answer.json['cost_cents'], tally, answer.text);
      t.equal(answer.headers.get('x-tokenpak-model'), 'cheap');
      t.equal(answer.headers.get('x-tokenpak-fallback'), 'budget');
    }
  },
);

t.test('output is lowered to what the money buys, in the client’s own field', async (t) => {
  const users = Array.from({ length: 7 }, (_, index) => `u${index}: { daily_limit_cents: 25 }`);
  const { proxy, chat } = await started(t, {
    providerUrl: mock.url,
    budget: `clamp_min_tokens: 10, per_user_limits: { user_limits: { ${users.join(', ')} } }`,
  });
  const upstream = () =>
    JSON.parse(mock.requests().at(-1)?.text ?? '{}') as Record<string, unknown>;
  const { max_tokens: _, ...unlimited } = asking(1);
  const cases = [
    [{ ...unlimited, max_tokens: 1000 }, { max_tokens: 24 }],
    [{ ...unlimited, max_completion_tokens: 1000 }, { max_completion_tokens: 24 }],
    [
      { ...unlimited, max_tokens: 500, n: 2 },
      { max_tokens: 12, n: 2 },
    ],
    [unlimited, { max_tokens: 24 }],
  ] as const;
  for (const [index, [body, wanted]] of cases.entries()) {
    const answer = await chat(`u${index}`, body);
    t.equal(answer.status, 200, answer.text);
    t.same(upstream(), { ...unlimited, ...wanted }, 'nothing else differs');
    t.equal(
      answer.headers.get('x-tokenpak-clamped-max-tokens'),
      'max_tokens' in wanted ? String(wanted.max_tokens) : '24',
    );
  }
  const messages = await post(`${proxy.url}/v1/messages`, 'u4', asking(1000, { model: 'claude' }));
  t.equal(messages.status, 200, messages.text);
  t.match(upstream(), { max_tokens: 24 });
  t.equal(messages.headers.get('x-tokenpak-clamped-max-tokens'), '24');

  await chat('u5', asking(20));
  const below = await chat('u5', asking(1000));
  checkRejected(t, below, { scope: 'user:u5', window: 'daily', spent: '$0.20', limit: '$0.25' });
  const fitting = await chat('u6', asking(20));
  t.equal(fitting.headers.get('x-tokenpak-clamped-max-tokens'), null, 'what fits is not touched');
});
