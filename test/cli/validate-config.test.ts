import { writeFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { validateConfig } from '../../src/cli/validate-config.js';
import { PriceTable } from '../../src/pricing/table.js';
import { RECIPE } from '../config/recipe-file.js';

function validate(t: Test, text: string, env: Record<string, string> = {}) {
  const file = `${t.testdir({})}/config.yaml`;
  // Out of the way of the machine's own /var/log, unless the test is about it.
  const quiet = text.includes('alerts:') ? text : `${text}\nalerts: { log_file: alerts.log }\n`;
  writeFileSync(file, quiet);
  const { lines, exitCode } = validateConfig(file, env, (config) => new PriceTable(config));
  return { lines: lines.map((line) => line.replace(file, 'config.yaml')), exitCode };
}

const warningsOf = (t: Test, text: string) => {
  const { lines, exitCode } = validate(t, text);
  t.equal(exitCode, 0, 'warnings alone do not fail');
  return lines.filter((line) => line.startsWith('⚠')).map((line) => line.slice(2));
};

const MODELS = `
providers: { m: { type: mock } }
models:
  gpt-4: { provider: m, estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6,
    max_output_tokens: 1000 }
`;

t.test("prints the recipe's three lines first, to the letter", async (t) => {
  const { lines, exitCode } = validate(t, RECIPE, { OPENAI_API_KEY: 'sk-1' });
  t.equal(exitCode, 0);
  t.same(lines.slice(0, 3), [
    '✓ Config valid',
    '✓ Budget tracking enabled (daily: $10.00, monthly: $200.00)',
    '✓ Per-user limits: user-a ($3.00/day), user-b ($5.00/day)',
  ]);
  t.same(
    lines.filter((line) => !line.startsWith('✓')),
    [],
  );
});

t.test('says what a mode and a reservation below the worst case mean', async (t) => {
  const said = (budget: string): string => {
    const { lines, exitCode } = validate(t, `${MODELS}\nbudget: { ${budget} }`);
    t.equal(exitCode, 0);
    return lines.filter((line) => /Mode|Reserve/.test(line)).join();
  };
  t.equal(said('mode: enforce, reserve: worst_case'), '', 'the ordinary needs no words');
  t.match(said('mode: alert'), /^✓ Mode: alert \(everything is served; .* is alerted\)$/);
  t.match(said('mode: shadow'), /^✓ Mode: shadow \(everything is served; .* is only logged\)$/);
  t.match(
    said('reserve: expected'),
    /^✓ Reserve: expected output size; each request .* by up to: gpt-4 \(\$0\.06\)$/,
  );
});

t.test('warns of a key that is not exported yet', async (t) => {
  const { lines, exitCode } = validate(t, RECIPE);
  t.equal(exitCode, 0);
  const warnings = lines.slice(3).filter((line) => !line.startsWith('✓'));
  t.match(warnings, [
    /^⚠ config\.yaml:30:5 providers\.openai\.api_key: .*OPENAI_API_KEY is not set: export OPEN/,
  ]);
});

t.test('lists limits by day and month, those of others, and none', async (t) => {
  const { lines } = validate(
    t,
    `${MODELS}
budget:
  per_user_limits:
    default: { daily_limit_cents: 100, monthly_limit_cents: 2000 }
    user_limits: { a: { monthly_limit_cents: 5000 }, b: { daily_limit_cents: 0.5 }, c: {} }`,
  );
  t.same(lines.slice(1, 3), [
    '✓ Budget tracking enabled (daily: none, monthly: none)',
    '✓ Per-user limits: a ($50.00/month), b ($0.005/day), c (no limit), ' +
      'others ($1.00/day, $20.00/month)',
  ]);
});

t.test('says that a disabled budget limits nothing', async (t) => {
  const { lines } = validate(t, `${MODELS}budget: { enabled: false, daily_limit_cents: 1 }`);
  t.match(lines[1], /^✓ Budget tracking disabled/);
  t.notMatch(lines.join('\n'), '⚠');
});

t.test('prints problems with file, line and column, and exits 2', async (t) => {
  const { lines, exitCode } = validate(t, 'budget:\n  daily_limit_cents: -5\nserver: { port: x }');
  t.equal(exitCode, 2);
  t.match(lines, [
    /^✗ config\.yaml:2:3 budget\.daily_limit_cents: found -5, /,
    /^✗ config\.yaml:3:11 server\.port: found "x", /,
  ]);
});

t.test('warns of users who may spend more than a fair share', async (t) => {
  const warnings = warningsOf(
    t,
    `${MODELS}
budget:
  daily_limit_cents: 1000
  per_user_limits:
    user_limits: { a: { daily_limit_cents: 1000 }, b: { daily_limit_cents: 500 } }`,
  );
  t.match(warnings, [
    /daily limit above total .*, \$10\.00 \/ 2 × 1\.2 = \$6\.00, of a \(\$10\.00\)$/,
    /daily limits add up to \$15\.00, .*\(\$10\.00 × 1\.2 = \$12\.00\)/,
  ]);
});

t.test('warns of a limit below twice the largest single request', async (t) => {
  // gpt-4: 8,192 tokens of context, 1,000 of them output: 7.192 × 3 + 6 cents.
  const warnings = warningsOf(
    t,
    `${MODELS}
budget:
  daily_limit_cents: 50
  per_user_limits: { user_limits: { a: { daily_limit_cents: 0 }, b: { daily_limit_cents: 20 } } }`,
  );
  t.equal(warnings.length, 1);
  t.match(warnings[0], 'daily limit of all users together ($0.50), b ($0.20) is below twice');
  t.match(warnings[0], '$0.2758 × 2 = $0.5515 (gpt-4: 7192 in, 1000 out)');
});

t.test('warns of a fallback that is dearer than what it replaces', async (t) => {
  const warnings = warningsOf(
    t,
    `${MODELS}
  big: { provider: m, estimated_input_cost_per_1k: 4, estimated_output_cost_per_1k: 6,
    max_output_tokens: 1000 }
budget: { fallback_model_on_exceed: big }`,
  );
  t.match(warnings, [
    /fallback_model_on_exceed: big \(\$40\.00 in, \$60\.00 out\) is dearer .* gpt-4 \(\$30/,
  ]);
});

t.test('warns of a model without a price, and of a fallback to it', async (t) => {
  const warnings = warningsOf(
    t,
    `${MODELS}
  house-blend: { provider: m }
budget: { fallback_model_on_exceed: house-blend }`,
  );
  t.match(warnings, [
    /^models\.house-blend: has no price/,
    /house-blend cannot be served \(model_not_priced\)/,
  ]);
});

t.test('warns of a model whose maximum output is unknown', async (t) => {
  const warnings = warningsOf(
    t,
    `${MODELS}
  own: { provider: m, estimated_input_cost_per_1k: 1, estimated_output_cost_per_1k: 1 }`,
  );
  t.match(warnings, [/^models\.own: its maximum output is unknown.*set max_output_tokens/]);
});

t.test('warns of a monthly limit below the daily one', async (t) => {
  const warnings = warningsOf(
    t,
    `${MODELS}
budget:
  daily_limit_cents: 900
  monthly_limit_cents: 800
  per_user_limits: { user_limits: { a: { daily_limit_cents: 300, monthly_limit_cents: 200 } } }`,
  );
  t.match(warnings, [
    /^monthly limit below the daily one.*: budget \(\$8\.00 a month, \$9\.00 a day\), budget\.per/,
  ]);
});

t.test('warns of an alert log that cannot be written, and says where alerts go', async (t) => {
  const warnings = warningsOf(t, `${MODELS}alerts: { log_file: config.yaml/alerts.log }`);
  t.match(warnings, [/^alerts\.log_file: .* cannot be written: .*\/tokenpak-data\/alerts\.log/]);
});

t.test('warns of a host that anyone can reach', async (t) => {
  const warnings = warningsOf(t, `${MODELS}server: { host: 0.0.0.0 }`);
  t.match(warnings, [/server\.host: 0\.0\.0\.0 is not loopback.*the proxy does not start/]);
});

t.test('counts what would be too many to name', async (t) => {
  const users = Array.from({ length: 30 }, (_, i) => `u${i}: { daily_limit_cents: 900 }`);
  const text = `${MODELS}budget: { daily_limit_cents: 1000, per_user_limits: { user_limits: {
    ${users.join(', ')} } } }`;
  const { lines } = validate(t, text);
  t.match(lines[2], /u19 \(\$9\.00\/day\) and 10 more$/);
  t.match(lines.join('\n'), / u0 \(\$9\.00\), u1 \(\$9\.00\), u2 \(\$9\.00\) and 27 more$/m);
});
