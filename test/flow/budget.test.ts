import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { get, post } from './harness.js';
import { startHeldProvider } from './held-provider.js';
import { checkRejected } from './rejected.js';
import { alertLines, asking, atRest, budgets, CENT_A_TOKEN, started } from './setup.js';

let mock: MockProvider;

t.before(async () => {
  mock = await startMock({ behaviour: CENT_A_TOKEN, record: true });
});
t.teardown(() => mock.close());

t.test('each budget rejects in its own name, and goes on after a restart', async (t) => {
  const budget = `
    daily_limit_cents: 100, monthly_limit_cents: 100000, clamp_output: false,
    per_user_limits: {
      default: { daily_limit_cents: 15 },
      user_limits: {
        day: { daily_limit_cents: 25, monthly_limit_cents: 1000 },
        month: { daily_limit_cents: 1000, monthly_limit_cents: 25 },
        many: { daily_limit_cents: 25 },
        none: { daily_limit_cents: 0 },
        free: {},
      },
    }`;
  let { proxy, folder, chat, restart } = await started(t, { providerUrl: mock.url, budget });
  const spendTen = async (user: string, tally: number): Promise<void> => {
    const answer = await chat(user, asking(10));
    t.equal(answer.json['cost_cents'], tally, `${user}: ${answer.text}`);
  };

  t.test('the user’s day', async (t) => {
    await spendTen('day', 10);
    await spendTen('day', 20);
    const answer = await chat('day', asking(10));
    t.equal(answer.status, 402);
    checkRejected(t, answer, {
      scope: 'user:day',
      window: 'daily',
      spent: '$0.20',
      limit: '$0.25',
    });
  });

  t.test('the user’s month, in the shape of the Messages API too', async (t) => {
    await spendTen('month', 10);
    await spendTen('month', 20);
    const answer = await chat('month', asking(10));
    t.equal(answer.status, 402);
    checkRejected(t, answer, {
      scope: 'user:month',
      window: 'monthly',
      spent: '$0.20',
      limit: '$0.25',
    });
    const messages = await post(
      `${proxy.url}/v1/messages`,
      'month',
      asking(10, { model: 'claude' }),
    );
    t.equal(messages.status, 402);
    t.match(messages.json, {
      type: 'error',
      error: {
        type: 'billing_error',
        code: 'budget_exceeded',
        monthly_spent: '$0.20',
        monthly_limit: '$0.25',
      },
    });
  });

  t.test('a user who is not listed has the default limits', async (t) => {
    await spendTen('stranger', 10);
    checkRejected(t, await chat('stranger', asking(10)), {
      scope: 'user:stranger',
      window: 'daily',
      spent: '$0.10',
      limit: '$0.15',
    });
  });

  t.test('of a limit of 0 nothing may be spent', async (t) => {
    const before = mock.requests().length;
    checkRejected(t, await chat('none', asking(1)), {
      scope: 'user:none',
      window: 'daily',
      spent: '$0.00',
      limit: '$0.00',
    });
    t.equal(mock.requests().length, before, 'nothing was sent');
  });

  t.test('`n` multiplies what is reserved', async (t) => {
    t.equal((await chat('many', asking(10, { n: 3 }))).status, 402);
    const two = await chat('many', asking(10, { n: 2 }));
    t.equal(two.json['request_cost_cents'], 20, two.text);
  });

  t.test('the day of all together', async (t) => {
    await spendTen('free', 10);
    await spendTen('free', 20);
    checkRejected(t, await chat('free', asking(10)), {
      scope: 'global',
      window: 'daily',
      spent: '$0.90',
      limit: '$1.00',
    });
  });

  t.test('a restart forgets no cent, and raises no alert again', async (t) => {
    const rejectedInNames = (): string[] =>
      alertLines(folder).filter((line) => line.includes(' budget_exceeded '));
    ({ proxy, folder, chat, restart } = await restart());
    const before = alertLines(folder);
    for (const name of ['day', 'month', 'stranger', 'none', '*']) {
      t.equal(rejectedInNames().filter((line) => line.includes(`user=${name} `)).length, 1, name);
    }
    t.match(
      before.filter((line) => line.includes('user=* ') && line.includes('threshold')),
      [/ budget_threshold_exceeded user=\* spent=\$0\.80 daily_limit=\$1\.00 pct=80%$/],
    );
    const again = await chat('day', asking(10));
    checkRejected(t, again, { scope: 'user:day', window: 'daily', spent: '$0.20', limit: '$0.25' });
    const small = await chat('day', asking(2));
    t.equal(small.json['cost_cents'], 22, 'the tally goes on');
    t.equal(await proxy.end(), 0);
    t.same(
      alertLines(folder).filter((line) => line.includes('user=day') && !line.includes('threshold')),
      before.filter((line) => line.includes('user=day') && !line.includes('threshold')),
    );
  });
});

t.test('the month of all; a status of 429; strangers kept out; bodies untouched', async (t) => {
  const { proxy, chat, reload } = await started(t, {
    providerUrl: mock.url,
    budget: `monthly_limit_cents: 15, clamp_output: false, rejection_status: 429,
      per_user_limits: { unlisted_users: reject, user_limits: { ann: {} } }`,
    more: 'server: { response_fields: off }',
  });
  const stranger = await chat('stranger', asking(1));
  t.equal(stranger.status, 401);
  t.match(stranger.json, { error: { code: 'invalid_api_key' } });
  t.equal((await get(`${proxy.url}/v1/budget`, 'stranger')).status, 401);

  const first = await chat('ann', asking(5));
  t.notMatch(first.text, /cost_cents/);
  t.match(first.text, /"system_fingerprint":"fp_mock"\}$/, 'it ends as the provider ended it');
  t.equal(first.headers.get('x-tokenpak-cost-cents'), '5', 'the header tells');
  const streamed = await chat('ann', asking(5, { stream: true }));
  t.notMatch(streamed.text, /cost_cents/);
  t.match(streamed.text, /data: \[DONE\]\n\n$/);
  t.match(await atRest(proxy, 'ann'), { spent_usd: '0.10' }, 'and both are booked');

  const rejected = await chat('ann', asking(10));
  t.equal(rejected.status, 429);
  checkRejected(t, rejected, {
    scope: 'global',
    window: 'monthly',
    spent: '$0.10',
    limit: '$0.15',
  });

  t.test('a global limit of 0, and a status of 403', async (t) => {
    await reload('daily_limit_cents: 0, rejection_status: 403');
    const before = mock.requests().length;
    const nothing = await chat('ann', asking(1));
    t.equal(nothing.status, 403);
    checkRejected(t, nothing, { scope: 'global', window: 'daily', spent: '$0.10', limit: '$0.00' });
    t.equal(mock.requests().length, before, 'nothing was sent');
  });
});

t.test('money that requests in flight hold is no money spent', async (t) => {
  const provider = await startHeldProvider(t);
  const { proxy, chat } = await started(t, {
    providerUrl: provider.url,
    budget: `daily_limit_cents: 1000, clamp_output: false,
      per_user_limits: { user_limits: { ann: { daily_limit_cents: 15, monthly_limit_cents: 100 } }
      }`,
  });
  const slow = chat('ann', asking(10));
  const held = await provider.next();
  const reserved = (await budgets(proxy, 'ann'))[0]?.reserved_usd ?? '';
  t.ok(Number(reserved) >= 0.1 && Number(reserved) < 0.101, `reserved ${reserved}`);
  const blocked = await chat('ann', asking(10));
  t.equal(blocked.status, 429);
  t.equal(blocked.headers.get('retry-after'), '1');
  t.equal(blocked.headers.get('x-should-retry'), null);
  t.match(blocked.json, { error: { code: 'budget_in_flight' } });
  const messages = await post(`${proxy.url}/v1/messages`, 'ann', asking(10, { model: 'claude' }));
  t.equal(messages.status, 429);
  t.match(messages.json, { type: 'error', error: { code: 'budget_in_flight' } });
  for (const which of ['once more', 'in the same bytes']) {
    t.equal((await chat('ann', asking(10))).status, 429, which);
  }

  held.answer(3);
  t.equal((await slow).json['cost_cents'], 3);
  const afterwards = chat('ann', asking(10));
  (await provider.next()).answer(4);
  t.equal((await afterwards).json['cost_cents'], 7);

  const shown = await get(`${proxy.url}/v1/budget`, 'ann');
  t.match(shown.headers.get('content-type'), /^application\/json/);
  t.equal(shown.json['user'], 'ann');
  const rows = [
    { scope: 'user:ann', window: 'daily', limit_usd: '0.15', remaining_usd: '0.08' },
    { scope: 'user:ann', window: 'monthly', limit_usd: '1.00', remaining_usd: '0.93' },
    { scope: 'global', window: 'daily', limit_usd: '10.00', remaining_usd: '9.93' },
  ];
  const found = await budgets(proxy, 'ann');
  const midnight = /^\d{4}-\d\d-\d\dT\d\d:00:00Z$/;
  t.equal(found.length, rows.length);
  t.match(
    found,
    rows.map((row) => ({ ...row, spent_usd: '0.07', reserved_usd: '0.00', resets_at: midnight })),
  );
  t.equal(Object.keys(found[0] ?? {}).length, 7);
  t.equal((await get(`${proxy.url}/v1/budget`, null)).status, 401);
});
