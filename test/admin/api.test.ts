import t from 'tap';
import { ROUTES } from '../../src/admin/routes.js';
import { matchPath } from '../../src/admin/route.js';
import { nano } from '../../src/kernel/money.js';
import type { Ledger } from '../../src/ledger/client.js';
import type { SpendQuery } from '../../src/ledger/spend.js';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { ask, runningWith, startListener } from './fixture.js';

interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { name: string; in: string }[];
  readonly requestBody?: object;
  readonly security?: readonly object[];
  readonly responses: Readonly<Record<string, object>>;
}

t.test('the OpenAPI document is of the routes that there are', async (t) => {
  const listener = await startListener(t, runningWith({}));
  const document = JSON.parse((await ask(listener, '/admin/openapi.json')).text) as {
    openapi: string;
    paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  };
  t.match(document.openapi, /^3\.1\./);
  const told = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
  );
  t.same(told.toSorted(), ROUTES.map(({ method, path }) => `${method} ${path}`).toSorted());
  const operations = Object.values(document.paths).flatMap((each) => Object.values(each));
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length);
  for (const route of ROUTES) {
    const operation = document.paths[route.path]?.[route.method.toLowerCase()] as Operation;
    const named = operation.parameters.filter((each) => each.in === 'path');
    const params = Object.keys(matchPath(route.path, route.path) ?? {});
    t.same(
      named.map(({ name }) => name),
      params,
    );
    t.equal(operation.requestBody !== undefined, route.body !== undefined, route.path);
    t.equal(operation.security?.length === 0, route.open === true, route.path);
    t.ok(operation.summary.endsWith('.') && 'default' in operation.responses, route.path);
  }
});

const spendOf = (queries: SpendQuery[]): Ledger =>
  ({
    spend: async (query: SpendQuery) => {
      queries.push(query);
      const cost = nano(1_500_000_000n);
      const row = { name: 'alice', requests: 2, usage: NO_USAGE, cost, estimated: 0, unsettled: 0 };
      return { query, rows: [row], total: cost, faults: [] };
    },
    recentAlerts: async () => [],
  }) as unknown as Ledger;

t.test('tells spending by what is asked, and what is wrong with the question', async (t) => {
  const queries: SpendQuery[] = [];
  const listener = await startListener(t, runningWith({ ledger: spendOf(queries) }));
  const get = async (path: string) => {
    const { status, text } = await ask(listener, path);
    return { status, json: JSON.parse(text) as Record<string, unknown> };
  };
  t.match(await get('/admin/spend'), {
    status: 200,
    json: { rows: [{ user: 'alice', requests: 2, cost_usd: '1.50' }], total_usd: '1.50' },
  });
  await get('/admin/spend?by=day&since=2026-03-01&until=2026-03-24');
  t.same(queries, [
    { by: 'user', from: 20260325, to: 20260325 },
    { by: 'day', from: 20260301, to: 20260324 },
  ]);
  for (const [query, says] of Object.entries({
    'by=nobody': /^by: one of user/,
    'since=yesterday': /^since: a day/,
    'until=2026-13-40': /^until: a day/,
    'since=2026-03-26': /later than until/,
    'limit=0': /^limit: /,
    'limit=1e9': /^limit: /,
  })) {
    t.match(await get(`/admin/spend?${query}`), {
      status: 400,
      json: { error: { message: says } },
    });
  }
  t.match((await get('/admin/budgets?user=user-a')).json, {
    budgets: [
      { scope: 'user:user-a', window: 'daily', limit_usd: '3.00' },
      { scope: 'user:user-a', window: 'monthly', limit_usd: null },
      { scope: 'global', window: 'daily', limit_usd: '10.00' },
      { scope: 'global', window: 'monthly', limit_usd: '200.00' },
    ],
  });
  const { users } = (await get('/admin/users')).json as { users: { user: string }[] };
  t.same(
    users.map(({ user }) => user),
    ['alice', 'user-a', 'user-b'],
  );
  t.same((await get('/admin/alerts')).json, { alerts: [] });
  t.match((await get('/admin/prices')).json, {
    models: [
      { model: 'gpt-4', usd_per_million_tokens: { input: '30.00', output: '60.00' } },
      { model: 'gpt-3.5-turbo', usd_per_million_tokens: { input: '5.00' } },
    ],
  });
});

t.test('books no correction of a day that is to come, nor of more than a billion', async (t) => {
  const adjusted: unknown[] = [];
  const adjust = async (wanted: readonly unknown[]) => {
    adjusted.push(...wanted);
    return [];
  };
  const listener = await startListener(t, runningWith({ adjust }));
  const post = async (day: string, amount_usd: string) => {
    const body = JSON.stringify({ adjustments: [{ provider: 'openai', day, amount_usd }] });
    const { status, text } = await ask(listener, '/admin/adjustments', { method: 'POST', body });
    return [status, /"message":"(\w+)/.exec(text)?.[1]];
  };
  t.same(await post('2026-03-26', '1'), [400, 'day']);
  t.same(await post('2027-03-25', '1'), [400, 'day']);
  t.same(await post('2026-02-31', '1'), [400, 'day']);
  t.same(await post('2026-03-25', '-10000000000'), [400, 'amount_usd']);
  t.equal(adjusted.length, 0);
  t.same(await post('2026-03-25', '-1.5'), [200, undefined]);
  t.match(adjusted, [{ utcDate: 20260325, amount: -1_500_000_000n }]);
});
