import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { post } from './harness.js';
import { checkRejected } from './rejected.js';
import { asking, CENT_A_TOKEN, started, type Started } from './setup.js';

let mock: MockProvider;
let served: Started;

t.before(async () => {
  mock = await startMock({ behaviour: CENT_A_TOKEN, record: true });
  const budget = 'reject_on_exceed: false, daily_limit_cents: 25';
  served = await started(t, { providerUrl: mock.url, budget });
});
t.teardown(() => mock.close());

t.test('reject_on_exceed: false serves over the limit', async (t) => {
  for (const tally of [20, 40]) {
    const answer = await served.chat('ann', asking(20));
    t.equal(answer.json['cost_cents'], tally, answer.text);
  }
});

t.test(
  'reject_on_exceed: false with a fallback serves over the limit on the fallback',
  async (t) => {
    const { chat, reload } = served;
    // On top of the 40 cents that are spent.
    await reload('reject_on_exceed: false, daily_limit_cents: 65, fallback_model_on_exceed: cheap');
    t.equal((await chat('bob', asking(20))).headers.get('x-tokenpak-model'), 'gpt-4');
    for (const tally of [22, 24, 26]) {
      const answer = await chat('bob', asking(20));
      t.equal(answer.json['cost_cents'], tally, answer.text);
      t.equal(answer.headers.get('x-tokenpak-model'), 'cheap');
      t.equal(answer.headers.get('x-tokenpak-fallback'), 'budget');
    }
  },
);

t.test('output is lowered to what the money buys, in the client’s own field', async (t) => {
  const { chat, proxy, reload } = served;
  await reload('clamp_min_tokens: 10, per_user_limits: { default: { daily_limit_cents: 25 } }');
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
