import t from 'tap';
import { raisedBudget } from '../../src/config/raised.js';
import { nano } from '../../src/kernel/money.js';
import type { Raise } from '../../src/kernel/raise.js';
import { startMock } from '../../src/mock/provider.js';
import { Raises } from '../../src/supervisor/raises.js';
import { adminOf, asking, budgets, CENT_A_TOKEN, started, type Started } from '../flow/setup.js';
import { ask, runningWith, startListener } from './fixture.js';

const RAISE: Raise = {
  id: 'raise_1',
  user: null,
  window: 'daily',
  amount: nano(5_000_000_000n),
  reason: '',
  createdAtMs: 0,
  expiresAtMs: 1_000,
  endedAtMs: null,
};

async function call({ folder }: Started, method: string, path: string, body?: object) {
  const admin = adminOf(folder);
  const response = await fetch(`${admin}${path}`, {
    method,
    ...(body && { body: JSON.stringify(body) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

const limitOf = async (proxy: Started): Promise<string | null | undefined> =>
  (await budgets(proxy.proxy, 'alice'))[0]?.limit_usd;

/** Workers hear of it a moment after it is granted. */
async function untilLimit(proxy: Started, limit: string): Promise<void> {
  while ((await limitOf(proxy)) !== limit);
}

t.test('a raised limit lets in what did not fit, until it is taken back', async (t) => {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const user = 'per_user_limits: { user_limits: { alice: { daily_limit_cents: 100 } } }';
  const proxy = await started(t, {
    providerUrl: mock.url,
    budget: `clamp_output: false, ${user}`,
    more: 'server: { workers: 2 }',
  });
  t.equal((await proxy.chat('alice', asking(150))).status, 402);
  const wanted = { user: 'alice', window: 'daily', amount_usd: '2.5', expires_in_seconds: 3600 };
  const granted = await call(proxy, 'POST', '/admin/raises', { ...wanted, reason: 'release' });
  t.match(granted, {
    status: 201,
    json: { amount_usd: '2.50', in_force: true, reason: 'release' },
  });
  await untilLimit(proxy, '3.50');
  t.equal((await proxy.chat('alice', asking(150))).status, 200);

  const again = await proxy.restart();
  t.equal(await limitOf(again), '3.50', 'in the ledger, and in force after a restart');
  const id = String(granted.json['id']);
  t.match(await call(again, 'DELETE', `/admin/raises/${id}`), {
    status: 200,
    json: { id, in_force: false, ended_at: /^20/ },
  });
  await untilLimit(again, '1.00');
  t.equal((await again.chat('alice', asking(90))).status, 402, 'what was spent stays spent');
  t.match(await call(again, 'GET', '/admin/raises'), {
    json: { raises: [{ id, in_force: false }] },
  });
  t.match(await call(again, 'DELETE', '/admin/raises/none'), { status: 404 });
});

t.test('a raise ends by itself', async (t) => {
  let nowMs = 0;
  const file = runningWith({}).config.budget;
  const applied: (bigint | null)[] = [];
  const raises = new Raises({
    budget: () => file,
    apply: ({ global }) => applied.push(global.daily),
    now: () => nowMs,
  });
  t.teardown(() => raises.close());
  await raises.put(RAISE);
  raises.look();
  nowMs = 999;
  raises.look();
  t.same(applied, [15_000_000_000n]);
  nowMs = 1_000;
  raises.look();
  t.same(applied, [15_000_000_000n, 10_000_000_000n]);
});

t.test('raises add up, and what is not limited is not', async (t) => {
  const file = runningWith({}).config.budget;
  const twice = raisedBudget(file, [RAISE, { ...RAISE, id: 'raise_2' }]);
  t.equal(twice.global.daily, 20_000_000_000n);
  const user = raisedBudget(file, [
    { ...RAISE, user: '__proto__' },
    { ...RAISE, user: 'user-a' },
  ]);
  t.equal(user.perUser?.users['user-a']?.daily, 8_000_000_000n);
  t.equal(user.global.daily, 10_000_000_000n);
  t.notOk(Object.hasOwn(user.perUser?.users ?? {}, '__proto__'), 'it has no limit to raise');
});

t.test('what is wrong with a raise is said', async (t) => {
  const listener = await startListener(t, runningWith({}));
  const good = { window: 'daily', amount_usd: '1', expires_in_seconds: 60 };
  const post = (body: unknown) =>
    ask(listener, '/admin/raises', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    });
  t.equal((await post(good)).status, 201);
  for (const [body, says] of [
    [null, /the body/],
    [{ ...good, amount_usd: 1 }, /amount_usd/],
    [{ ...good, amount_usd: '-1' }, /amount_usd/],
    [{ ...good, amount_usd: '0.00' }, /more than 0/],
    [{ ...good, amount_usd: '1'.repeat(40) }, /more than 0|too much/],
    [{ ...good, window: 'weekly' }, /window/],
    [{ ...good, expires_in_seconds: 0 }, /expires_in_seconds/],
    [{ ...good, forever: true }, /forever/],
    [{ ...good, user: 'user-a', window: 'monthly' }, /user-a has no monthly limit/],
  ] as const) {
    t.match(await post(body), { status: 400, text: says }, JSON.stringify(body));
  }
});
