import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import type { ProviderConfig } from '../../src/config/config.js';
import { nano } from '../../src/kernel/money.js';
import { NO_COUNTS } from '../../src/kernel/usage.js';
import { adjustmentsOf, compare, fetchReport } from '../../src/reconcile/reconcile.js';
import { readReport } from '../../src/reconcile/report-file.js';
import { configOf, provider } from '../pricing/prices.js';
import {
  type CostServer,
  costServer,
  serveAnalytics,
  serveAnthropic,
  serveOpenAi,
} from './cost-server.js';

const DAYS = { from: 20260325, to: 20260326 };

interface Setting {
  readonly server: CostServer;
  readonly pauses: number[];
  readonly fetch: (changes?: Partial<ProviderConfig>) => ReturnType<typeof fetchReport>;
}

async function setting(t: Test, type: 'openai' | 'anthropic'): Promise<Setting> {
  const server = await costServer(t);
  const baseUrl = type === 'openai' ? `${server.url}/v1` : server.url;
  const pauses: number[] = [];
  const sleep = async (ms: number): Promise<void> => void pauses.push(ms);
  const own = { type, baseUrl, adminKey: 'sk-admin' };
  return {
    server,
    pauses,
    fetch: (changes = {}) =>
      fetchReport({ provider: provider('mine', { ...own, ...changes }), sleep }, DAYS),
  };
}

t.test('reads OpenAI’s costs and usage, page by page, to the last digit', async (t) => {
  const { server, fetch } = await setting(t, 'openai');
  const usage = { input_tokens: 1_000, input_cached_tokens: 300, output_tokens: 7 };
  serveOpenAi(server, {
    20260325: {
      costs: {
        'gpt-4o-2024-08-06, input_tokens': 0.1 + 0.2,
        'gpt-4o-2024-08-06, cached_input_tokens': '0.001',
        'web search tool calls': 0.01,
      },
      usage: { 'gpt-4o-2024-08-06': { ...usage, num_model_requests: 3 } },
    },
    20260326: { costs: { 'gpt-4o-2024-08-06, output_tokens': 1e-7 } },
  });
  const report = await fetch({
    reconcile: { projects: ['p1', 'p2'], workspaces: [], apiKeys: ['k'] },
  });
  t.same(report.day(20260325), {
    utcDate: 20260325,
    reported: true,
    cost: 311_000_000n,
    models: [
      {
        model: 'gpt-4o-2024-08-06',
        requests: 3,
        tokens: { input: 700, cached: 300, cacheWrite: 0, output: 7 },
        cost: 301_000_000n,
        classCosts: { input: 300_000_000n, cached: 1_000_000n },
      },
    ],
  });
  t.equal(report.day(20260326).cost, 100n);
  t.same(report.day(20260327), { utcDate: 20260327, reported: false, cost: 0n, models: [] });
  const [first] = server.asked;
  t.equal(first?.searchParams.get('start_time'), '1774396800');
  t.equal(first?.searchParams.get('end_time'), '1774569600');
  t.same(first?.searchParams.getAll('project_ids[]'), ['p1', 'p2']);
  t.same(first?.searchParams.getAll('api_key_ids[]'), ['k']);
  t.equal(server.headers[0]?.authorization, 'Bearer sk-admin');
});

t.test('reads Anthropic’s cost report: cents as texts, workspaces picked out', async (t) => {
  const { server, fetch } = await setting(t, 'anthropic');
  const model = 'claude-sonnet-4-5-20250929';
  serveAnthropic(
    server,
    {
      20260325: [
        { amount: '123.78912', model, token_type: 'uncached_input_tokens', workspace_id: 'w1' },
        {
          amount: '0.5',
          model,
          token_type: 'cache_creation.ephemeral_5m_input_tokens',
          workspace_id: 'w1',
        },
        { amount: '999', model, token_type: 'output_tokens', workspace_id: 'w2' },
      ],
      20260326: [{ amount: '1', model: null, token_type: null, workspace_id: 'w1' }],
    },
    {
      20260325: [
        {
          model,
          uncached_input_tokens: 10,
          cache_read_input_tokens: 20,
          cache_creation: { ephemeral_5m_input_tokens: 3, ephemeral_1h_input_tokens: 4 },
          output_tokens: 5,
        },
      ],
    },
  );
  const report = await fetch({ reconcile: { projects: [], workspaces: ['w1'], apiKeys: [] } });
  t.same(report.day(20260325), {
    utcDate: 20260325,
    reported: true,
    cost: 1_242_891_200n,
    models: [
      {
        model,
        requests: null,
        tokens: { input: 10, cached: 20, cacheWrite: 7, output: 5 },
        cost: 1_242_891_200n,
        classCosts: { input: 1_237_891_200n, cacheWrite: 5_000_000n },
      },
    ],
  });
  t.match(report.day(20260326), { cost: 10_000_000n, models: [] });
  t.equal(server.headers[0]?.['x-api-key'], 'sk-admin');
  t.equal(server.headers[0]?.['anthropic-beta'], 'analytics-usage-cost-2026-08-24');
  const old = { projects: [], workspaces: [], apiKeys: ['k'] };
  await t.rejects(fetch({ reconcile: old }), {
    code: 'bad_config',
    message: /reconcile\.api_keys/,
  });
});

t.test('prefers Anthropic’s analytics, at list prices, and does without it', async (t) => {
  const { server, fetch } = await setting(t, 'anthropic');
  const row = { model: 'claude-x', token_type: 'output_tokens' };
  serveAnalytics(server, 20260325, [
    { ...row, amount: '90.5', list_amount: '100.5' },
    { ...row, amount: '1' },
  ]);
  serveAnthropic(server, { 20260325: [{ ...row, amount: '7' }] });
  t.equal((await fetch()).day(20260325).cost, 1_015_000_000n);
  server.failures.push({ status: 403 });
  t.equal((await fetch()).day(20260325).cost, 70_000_000n, 'the older report');
});

t.test('tries again what may pass, and names the key where it will not', async (t) => {
  const { server, pauses, fetch } = await setting(t, 'openai');
  serveOpenAi(server, { 20260325: { costs: { x: 1 } } });
  server.failures.push({ status: 429, after: '7' }, { status: 500 }, { status: 503 });
  t.equal((await fetch()).day(20260325).cost, 1_000_000_000n);
  t.same(pauses, [7_000, 2_000, 4_000]);
  server.failures.push(...Array.from({ length: 5 }, () => ({ status: 502 })));
  await t.rejects(fetch(), { code: 'unreachable', message: /answers 502, 5 times/ });
  server.failures.push({ status: 401 });
  await t.rejects(fetch(), { code: 'bad_config', message: /^providers\.mine\.admin_key: .*401/ });
  server.failures.push({ status: 400 });
  await t.rejects(fetch(), { code: 'unreachable', message: /answers 400 no/ });
  server.routes.set('/v1/organization/costs', () => ({ object: 'page' }));
  await t.rejects(fetch(), { code: 'unreachable', message: /has no data/ });
  server.routes.delete('/v1/organization/costs');
  await t.rejects(
    fetch(),
    { code: 'unreachable', message: /no such report/ },
    'none is not nothing',
  );
  await t.rejects(async () => fetch({ adminKey: null }), {
    message: /^providers\.mine\.admin_key: is missing/,
  });
  await t.rejects(async () => fetch({ type: 'openai-compatible' }), { message: /--from-file/ });
});

const fixture = (name: string): string =>
  fileURLToPath(new URL(`../../../fixtures/costs/${name}`, import.meta.url));

t.test('reads saved reports: either provider’s JSON, several pages, CSV', async (t) => {
  t.match(readReport(fixture('openai-costs.json')).day(20260325), {
    cost: 1_810_000_000n,
    models: [{ model: 'gpt-4-0613', cost: 1_800_000_000n, tokens: null }],
  });
  t.equal(readReport(fixture('anthropic-cost-report.json')).day(20260325).cost, 2_000_000_000n);
  const file = join(t.testdir(), 'report');
  const page = readFileSync(fixture('openai-costs.json'), 'utf8');
  writeFileSync(file, `[${page},${page}]`);
  t.equal(readReport(file).day(20260325).cost, 3_620_000_000n);
  writeFileSync(
    file,
    '\uFEFFusage_date_utc,model,workspace,token_type,cost_usd\r\n' +
      '2026-03-25,claude-x,"a ""b"", c",output_tokens,1.25\r\n2026-03-26,claude-x,,,-0.05\n',
  );
  t.match(readReport(file).day(20260325), { models: [{ classCosts: { output: 1_250_000_000n } }] });
  t.equal(readReport(file).day(20260326).cost, -50_000_000n, 'a credit');
  writeFileSync(file, 'start_time,amount_value,line_item\n1774396800,0.5,"gpt-4, output_tokens"');
  t.match(readReport(file).day(20260325), { models: [{ model: 'gpt-4', cost: 500_000_000n }] });
});

t.test('says what is wrong with a saved report', async (t) => {
  const file = join(t.testdir(), 'report');
  const cases: [string, RegExp][] = [
    ['{"data": [', /it is no JSON/],
    ['{"data": []}', /no buckets of costs/],
    ['{"data": [{"results": []}]}', /neither start_time nor starting_at/],
    ['a,b\n1,2', /needs the columns/],
    ['day,cost\nyesterday,1', /row 2 has no day/],
    ['day,cost\n2026-03-25,$1', /row 2 has no day, or no amount/],
  ];
  for (const [text, message] of cases) {
    writeFileSync(file, text);
    t.throws(() => readReport(file), { code: 'bad_usage', message }, text);
  }
  t.throws(() => readReport(`${file}.not`), { code: 'bad_usage', message: /ENOENT/ });
});

t.test(
  'a day without a bucket has no invoice yet: it is not taken for one of nothing',
  async (t) => {
    const { server, fetch } = await setting(t, 'openai');
    serveOpenAi(server, { 20260325: { costs: {} } });
    const config = { ...configOf([], []), reconcile: { intervalMinutes: 0, tolerancePct: 0.5 } };
    const row = (utcDate: number) => ({
      utcDate,
      provider: 'mine',
      model: 'gpt-4',
      requests: 1,
      cost: nano(1_000_000_000n),
      estimated: 0,
      estimatedCost: nano(0n),
      usage: { ...NO_COUNTS },
    });
    const rows = [row(20260325), row(20260326)];
    const compared = compare(await fetch(), 'mine', DAYS, { config, rows });
    t.match(compared.days, [
      {
        utcDate: 20260325,
        reported: true,
        drifts: true,
        parts: [{ cause: 'missing_at_provider' }],
      },
      { utcDate: 20260326, reported: false, drifts: false, difference: 0n, parts: [] },
    ]);
    t.match(adjustmentsOf(compared, 'UTC'), [{ utcDate: 20260325, amount: -1_000_000_000n }]);
    t.equal(
      adjustmentsOf(compared, 'Pacific/Kiritimati')[0]?.date,
      20260326,
      'most of it is there',
    );
  },
);
