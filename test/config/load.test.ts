import t from 'tap';
import { loadConfig, parseConfig } from '../../src/config/load.js';
import { RECIPE } from './recipe-file.js';

function good(text: string, env: Record<string, string> = {}) {
  const loaded = parseConfig(text, { file: '/etc/tokenpak/config.yaml', env });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  return loaded;
}

const MOCK = 'providers: { m: { type: mock } }\n';

t.test("loads the recipe's file as it stands", async (t) => {
  const { config, missingEnv, warnings } = good(RECIPE, { OPENAI_API_KEY: 'sk-1' });
  t.same(missingEnv, []);
  t.same(warnings, []);
  t.equal(config.budget.global.daily, 10_000_000_000n);
  t.equal(config.budget.global.monthly, 200_000_000_000n);
  t.same(config.budget.alertThresholdsPct, [80]);
  t.same(config.budget.alertWebhooks, ['https://monitoring.example.com/budget-alert']);
  t.same(Object.entries(config.budget.perUser!.users), [
    ['user-a', { daily: 3_000_000_000n, monthly: null }],
    ['user-b', { daily: 5_000_000_000n, monthly: null }],
  ]);
  t.equal(config.providers['openai']!.apiKey, 'sk-1');
  t.equal(config.providers['openai']!.baseUrl, 'https://api.openai.com/v1');
  t.equal(config.models['gpt-4']!.inputPrice, 30_000_000n);
  t.equal(config.models['gpt-3.5-turbo']!.inputPrice, 5_000_000n);
  t.equal(config.models['gpt-3.5-turbo']!.upstreamModel, 'gpt-3.5-turbo');
});

t.test('fills in the defaults of an empty file', async (t) => {
  const { config, warnings } = good('');
  t.equal(config.server.port, 8000);
  t.equal(config.server.workers, null);
  t.equal(config.storage.path, '/etc/tokenpak/tokenpak-data');
  t.equal(config.storage.retentionDays, 400);
  t.equal(config.storage.maxJournalBytes, 2 ** 30);
  t.equal(config.alerts.logFile, '/var/log/tokenpak/alerts.log');
  t.equal(config.budget.enabled, true);
  t.same(config.budget.global, { daily: null, monthly: null });
  t.equal(config.budget.perUser, null);
  t.match(warnings, [{ key: 'providers', blocksProxy: true }]);
});

t.test('limits nothing when the budget is disabled', async (t) => {
  const { budget } = good(RECIPE.replace('enabled: true', 'enabled: false'), {
    OPENAI_API_KEY: 'k',
  }).config;
  t.equal(budget.enabled, false);
  t.same(budget.global, { daily: null, monthly: null });
  t.equal(budget.perUser, null);
  t.equal(budget.fallbackModel, null);
});

t.test('reads money exactly from the source text', async (t) => {
  const cases: [string, bigint][] = [
    ['0', 0n],
    ['0.1', 1_000_000n],
    ['0.0000001', 1n],
    ['.5', 5_000_000n],
    ['1e3', 10_000_000_000n],
    ['90071992547.4099301', 900_719_925_474_099_301n],
    ['100000000000', 1_000_000_000_000_000_000n],
  ];
  for (const [source, nano] of cases) {
    const { config } = good(`${MOCK}budget: { daily_limit_cents: ${source} }`);
    t.equal(config.budget.global.daily, nano, source);
  }
});

t.test('takes values from the environment, numbers and money among them', async (t) => {
  const text = `${MOCK}server: { port: "\${PORT:-9000}", host: "\${A}.\${B:-0.0}.1" }
budget: { daily_limit_cents: "\${CAP}", reject_on_exceed: "\${REJECT:-false}" }`;
  const { config, missingEnv } = good(text, { A: '127', CAP: '0.25' });
  t.same(missingEnv, []);
  t.equal(config.server.port, 9000);
  t.equal(config.server.host, '127.0.0.1');
  t.equal(config.budget.global.daily, 2_500_000n);
  t.equal(config.budget.rejectOnExceed, false);
});

t.test('names key and variable of what the environment lacks', async (t) => {
  for (const env of [{}, { OPENAI_API_KEY: '' }]) {
    const { missingEnv, config } = good(RECIPE, env);
    t.equal(config.providers['openai']!.apiKey, null);
    t.equal(missingEnv.length, 1);
    t.match(missingEnv[0], { line: 30, column: 5, key: 'providers.openai.api_key' });
    t.match(missingEnv[0]!.message, /OPENAI_API_KEY/);
  }
});

t.test('takes one webhook or several, and mailto as people write it', async (t) => {
  const { config, warnings } = good(`${MOCK}budget:
  alert_threshold_pct: [100, 50, 80]
  alert_webhook: [https://a.example/x, http://127.0.0.1:9/y, 'mailto://ops@example.com']`);
  t.same(config.budget.alertThresholdsPct, [50, 80, 100]);
  t.same(config.budget.alertWebhooks, [
    'https://a.example/x',
    'http://127.0.0.1:9/y',
    'mailto:ops@example.com',
  ]);
  t.match(warnings, [{ key: 'budget.alert_webhook.2', message: /mail needs alerts\.smtp/ }]);
});

t.test('takes a mail server, secrets that replace each other, and a fallback', async (t) => {
  const { config, warnings } = good(`${MOCK}budget: { alert_webhook: https://a.example/x }
alerts:
  webhook_secret: [next, present]
  fallback: mailto://ops@example.com
  fallback_after_seconds: 60
  smtp: { url: 'smtp://me:secret@mail.example:587', from: tokenpak@example.com }`);
  t.same(warnings, []);
  t.match(config.alerts, {
    webhookSecrets: ['next', 'present'],
    fallback: 'mailto:ops@example.com',
    fallbackAfterMs: 60_000,
    smtp: { url: 'smtp://me:secret@mail.example:587', from: 'tokenpak@example.com' },
  });
  const none = good(`${MOCK}alerts: { webhook_secret: '', fallback: '' }`);
  t.match(none.config.alerts, {
    webhookSecrets: { length: 0 },
    fallback: null,
    fallbackAfterMs: 300_000,
  });
});

t.test('keeps names that JavaScript has plans for harmless', async (t) => {
  const { config } = good(`
providers: { __proto__: { type: mock }, constructor: { type: mock } }
models: { __proto__: { provider: constructor }, toString: { provider: __proto__ } }
budget: { per_user_limits: { user_limits: { __proto__: { daily_limit_cents: 1 } } } }`);
  t.same(Object.keys(config.providers), ['__proto__', 'constructor']);
  t.same(Object.keys(config.models), ['__proto__', 'toString']);
  t.equal(config.models['valueOf'], undefined);
  t.equal(config.budget.perUser!.users['__proto__']!.daily, 10_000_000n);
  const clone = structuredClone(config);
  t.ok(Object.hasOwn(clone.models, '__proto__'), 'also in another thread');
});

t.test('removes the trailing slash of a base URL', async (t) => {
  const { config } = good(
    'providers: { p: { type: openai-compatible, base_url: "http://10.0.0.1:1234/v1/" } }',
  );
  t.equal(config.providers['p']!.baseUrl, 'http://10.0.0.1:1234/v1');
  t.equal(config.providers['p']!.apiKey, null);
});

t.test('warns of an open host and keeps the proxy from starting on it', async (t) => {
  const open = good(`${MOCK}server: { host: 0.0.0.0 }`);
  t.match(open.warnings, [{ key: 'server.host', blocksProxy: true }]);
  t.same(good(`${MOCK}server: { host: 0.0.0.0 }\nauth: { trust_network: true }`).warnings, []);
  for (const host of ['localhost', '"::1"', '127.8.9.1']) {
    t.same(good(`${MOCK}server: { host: ${host} }`).warnings, [], host);
  }
});

t.test('says what to do when there is no such file', async (t) => {
  const loaded = loadConfig('/nowhere/config.yaml', {});
  t.match(loaded, { ok: false, problems: [{ line: 0, message: /tokenpak init/ }] });
});

t.test('refuses a file that is too large or not UTF-8', async (t) => {
  const folder = t.testdir({
    large: '#'.repeat(1_048_577),
    latin: Buffer.from('# \xe9\n', 'latin1'),
  });
  t.match(loadConfig(`${folder}/large`, {}), { ok: false, problems: [{ message: /1 MiB/ }] });
  t.match(loadConfig(`${folder}/latin`, {}), { ok: false, problems: [{ message: /UTF-8/ }] });
});
