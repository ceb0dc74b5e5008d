import t from 'tap';
import { formatProblem, parseConfig } from '../../src/config/load.js';

function problemsOf(text: string, env: Record<string, string> = {}): string[] {
  const loaded = parseConfig(text, { file: 'config.yaml', env });
  return loaded.ok ? [] : loaded.problems.map(formatProblem);
}

const MOCK = 'providers: {p: {type: mock}}\n';

/** One fault a row: what the file says, and what each of its problems must hold. */
const FAULTS: Record<string, { yaml: string; says: RegExp[] }> = {
  'an unknown key': {
    yaml: 'budget:\n  dialy_limit_cents: 5',
    says: [
      /^config\.yaml:2:3 budget\.dialy_limit_cents: unknown key \(.* "daily_limit_cents"\?\)$/,
    ],
  },
  'an unknown section': { yaml: 'budgets: {}', says: [/^config\.yaml:1:1 budgets: .*"budget"/] },
  'a key given twice': {
    yaml: 'budget:\n  timezone: UTC\n  timezone: UTC',
    says: [/^config\.yaml:3:3 budget\.timezone: is given twice/],
  },
  'an alias': { yaml: 'admin: &a {}\nserver: *a', says: [/:1:11: anchor &a/, /:2:9: alias \*a/] },
  'a merge key': { yaml: 'server:\n  <<: {}', says: [/:2:3: merge key/] },
  'a tag': { yaml: 'server: !x {}', says: [/:1:\d+: tag !x/] },
  'another YAML version': { yaml: '%YAML 1.1\n---\nserver: {}', says: [/%YAML 1\.1/] },
  'text that is no YAML': {
    yaml: 'server: {\nport: 1',
    says: [/^config\.yaml:\d+:\d+: not valid YAML/],
  },
  'two documents': { yaml: 'server: {}\n---\nserver: {}', says: [/:2:1: not valid YAML/] },
  'a list at the top': { yaml: '- 1', says: [/expected `key: value`/] },
  'a deep nest': { yaml: '['.repeat(60_000), says: [/nested more than 32 deep/] },
  'a deep list': { yaml: '- '.repeat(60_000), says: [/nested/] },
  'a far indent': { yaml: `a:\n${' '.repeat(300)}b: 1`, says: [/nested/] },
  'a scalar for a section': { yaml: 'server: 5', says: [/:1:1 server: found 5, expected keys/] },
  'a list for a value': { yaml: 'server: { port: [1] }', says: [/server\.port: found a list/] },
  'a wrong type': {
    yaml: 'server: { port: high }',
    says: [/found "high", expected a whole number from 0 to 65535/],
  },
  'a quoted number': { yaml: 'server: { port: "80" }', says: [/remove the quotes/] },
  'a number out of range': { yaml: 'server: { port: 65536 }', says: [/found 65536/] },
  'a number for text': {
    yaml: 'server: { host: 127 }',
    says: [/found 127, expected text: put it in quotes/],
  },
  'no flag': { yaml: 'budget: { enabled: yes }', says: [/found "yes", expected true or false/] },
  'no choice': {
    yaml: 'budget: { mode: enforced }',
    says: [/found "enforced", expected enforce or alert or shadow \(did you mean "enforce"\?\)/],
  },
  'an empty limit': {
    yaml: 'budget:\n  daily_limit_cents:',
    says: [/daily_limit_cents: is empty/],
  },
  'a negative limit': { yaml: 'budget: { daily_limit_cents: -1 }', says: [/found -1, .*negative/] },
  'a limit that is no number': {
    yaml: 'budget: { daily_limit_cents: .nan }',
    says: [/finite decimal/],
  },
  'an infinite limit': { yaml: 'budget: { daily_limit_cents: .inf }', says: [/finite decimal/] },
  'a hexadecimal limit': { yaml: 'budget: { daily_limit_cents: 0x10 }', says: [/finite decimal/] },
  'a limit in dollars': {
    yaml: 'budget: { daily_limit_cents: $10 }',
    says: [/"\$10", expected cents/],
  },
  'a quoted limit': { yaml: 'budget: { daily_limit_cents: "5" }', says: [/remove the quotes/] },
  'a limit that is too fine': {
    yaml: 'budget: { daily_limit_cents: 0.00000001 }',
    says: [/at most 7 decimals/],
  },
  'a limit that is too large': {
    yaml: 'budget: { daily_limit_cents: 1e12 }',
    says: [/at most 100000000000 /],
  },
  'a negative price': {
    yaml: `${MOCK}models: {m: {provider: p, estimated_input_cost_per_1k: -3}}`,
    says: [/models\.m\.estimated_input_cost_per_1k: found -3, expected cents per 1,000 tokens/],
  },
  'a model of no provider': {
    yaml: 'providers: {openai: {type: mock}}\nmodels: {m: {provider: opnai}}',
    says: [/models\.m\.provider: "opnai" is not under providers \(did you mean "openai"\?\)/],
  },
  'a model without a provider': {
    yaml: 'models: {m: {}}',
    says: [/models\.m\.provider: is missing/],
  },
  'a fallback that is no model': {
    yaml: `${MOCK}budget: {fallback_model_on_exceed: gpt-3}\nmodels: {gpt-3.5: {provider: p}}`,
    says: [/"gpt-3" is not under models: add it there \(did you mean "gpt-3\.5"\?\)/],
  },
  'an unknown time zone': {
    yaml: 'budget: { timezone: Europe/Berlni }',
    says: [/did you mean "Europe\/Berlin"/],
  },
  'a threshold twice': { yaml: 'budget: { alert_threshold_pct: [80, 80.0] }', says: [/twice/] },
  'a threshold of 0': {
    yaml: 'budget: { alert_threshold_pct: [0] }',
    says: [/pct\.0: found 0, expected a number from 1 to 100000/],
  },
  'a plain webhook': {
    yaml: 'budget: { alert_webhook: http://a.example/x }',
    says: [/loopback hosts only/],
  },
  'a webhook of another kind': {
    yaml: 'budget: { alert_webhook: [ftp://a] }',
    says: [/found ftp:/],
  },
  'a mail address of none': {
    yaml: 'budget: { alert_webhook: "mailto:ops" }',
    says: [/mailto:ops@example/],
  },
  'a webhook twice': {
    yaml: 'budget: { alert_webhook: [https://a.example, https://a.example/] }',
    says: [/twice/],
  },
  'a user name with a line break': {
    yaml: 'budget: {per_user_limits: {user_limits: {"a\\nb": {}}}}',
    says: [/control characters/],
  },
  'a user name that is too long': {
    yaml: `budget: {per_user_limits: {user_limits: {? ${'ä'.repeat(129)} : {}}}}`,
    says: [/at most 256 bytes/],
  },
  'an open admin listener': {
    yaml: 'admin: { host: 0.0.0.0 }',
    says: [/admin\.host: .*admin\.token/],
  },
  'one port for two': { yaml: 'admin: { port: 8000 }', says: [/admin\.port: 8000 is also/] },
  'no key': {
    yaml: 'providers: {o: {type: openai}}',
    says: [/^config\.yaml:1:13 providers\.o\.api_key: is missing/],
  },
  'an empty key': {
    yaml: 'providers: {o: {type: anthropic, api_key: "${K:-}"}}',
    says: [/api_key: is missing/],
  },
  'no address': {
    yaml: 'providers: {o: {type: openai-compatible}}',
    says: [/base_url: is missing/],
  },
  'an address of a mock': {
    yaml: 'providers: {o: {type: mock, base_url: "http://a"}}',
    says: [/base_url: type: mock/],
  },
  'a mock of another type': {
    yaml: 'providers: {o: {type: openai, api_key: k, mock: {}}}',
    says: [/o\.mock: is for type: mock only/],
  },
  'a base URL with a query': {
    yaml: 'providers: {o: {type: openai, api_key: k, base_url: "https://a/v1?x=1"}}',
    says: [/query or a fragment/],
  },
  'a base URL of another kind': {
    yaml: 'providers: {o: {type: openai, api_key: k, base_url: "file:///etc"}}',
    says: [/found file:/],
  },
  'a short webhook secret': { yaml: 'alerts: { webhook_secret: whsec_abc }', says: [/base64/] },
  'a fallback of nothing': {
    yaml: 'alerts: { fallback: https://a.example }',
    says: [/alerts\.fallback: is only used after budget\.alert_webhook/],
  },
  'a fallback that is the webhook': {
    yaml: 'budget: { alert_webhook: https://a.example }\nalerts: { fallback: https://a.example }',
    says: [/alerts\.fallback: is named twice/],
  },
  'a mail server of another kind': {
    yaml: 'alerts: { smtp: { url: "https://CANARY@a", from: a@b } }',
    says: [/alerts\.smtp\.url: expected smtp:/],
  },
  'a sender that is no address': {
    yaml: 'alerts: { smtp: { url: "smtp://a", from: "Ops <a@b>" } }',
    says: [/alerts\.smtp\.from: expected an address/],
  },
  'prices over http': { yaml: 'pricing: { source: "http://a/b" }', says: [/pricing\.source/] },
  'a nameless reference': { yaml: 'server: { host: "${1X}" }', says: [/\$\{NAME\}/] },
};

for (const [name, { yaml, says }] of Object.entries(FAULTS)) {
  t.test(`refuses ${name}`, async (t) => {
    const problems = problemsOf(yaml);
    t.equal(problems.length, says.length, problems.join('\n'));
    for (const [index, pattern] of says.entries()) t.match(problems[index], pattern);
  });
}

t.test('reports every problem in one pass, in the order of the file', async (t) => {
  const problems = problemsOf(`server: { port: x }
budget:
  daily_limit_cents: -1
  colour: red
models:
  m: { provider: p }`);
  t.same(
    problems.map((problem) => problem.split(': ')[0]),
    [
      'config.yaml:1:11 server.port',
      'config.yaml:3:3 budget.daily_limit_cents',
      'config.yaml:4:3 budget.colour',
      'config.yaml:6:8 models.m.provider',
    ],
  );
});

t.test('never shows a secret, however wrong it is', async (t) => {
  const texts = [
    'providers: {o: {type: openai, api_key: "CANARY 7"}}',
    'providers: {o: {type: openai, api_key: 7771777}}',
    'providers: {o: {type: openai, api_key: k, base_url: "https://u:CANARY@a/"}}',
    'providers: {o: {type: openai, api_key: k, base_url: "CANARY"}}',
    'providers: {o: {type: openai, api_key: "${K}"}}',
    'budget: {alert_webhook: "http://a.example/CANARY"}',
    'budget: {alert_webhook: [CANARY]}',
    'alerts: {webhook_secret: whsec_CANARY}',
    'alerts: {webhook_secret: [text, whsec_CANARY]}',
    'alerts: {fallback: "http://a.example/CANARY"}',
    'alerts: {smtp: {url: "CANARY", from: a@b.example}}',
  ];
  for (const text of texts) {
    const problems = problemsOf(text, { K: 'CANARY\n' });
    t.equal(problems.length, 1, text);
    t.notMatch(problems.join(), /CANARY|7771777/);
  }
});
