// One secret in every input there is, and a look for it in every place that somebody may read.

import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { post, run, startProxy, startReceiver, temporaryFolder } from '../flow/harness.js';
import { completion, json, startScripted } from '../flow/scripted.js';
import { adminOf } from '../flow/setup.js';
import { startCollector } from '../telemetry/collector.js';

const SECRET = 'canary7f';
const ADMIN = { authorization: `Bearer admin-${SECRET}` };
/** One is used by the configuration, the other by nobody. */
const ENVIRONMENT = { UPSTREAM_KEY: `up-${SECRET}`, UNRELATED: SECRET };

t.setTimeout(240_000);

/** With a receiver that takes alerts, and one that never does: what fails is told of. */
const config = (folder: string, provider: string, hook: string): string => `
server: { port: 0 }
admin: { port: 0, token: admin-${SECRET} }
auth: { mode: keys }
storage: { path: ${folder}/data }
budget:
  daily_limit_cents: 100
  alert_threshold_pct: 1
  alert_webhook:
    - "${hook.replace('http://', `http://user:${SECRET}@`)}/${SECRET}?token=${SECRET}"
    - "http://user:${SECRET}@127.0.0.1:1/${SECRET}?token=${SECRET}"
alerts: { log_file: ${folder}/alerts.log, webhook_secret: hook-${SECRET} }
providers:
  openai: { type: openai, base_url: "${provider}/v1", api_key: "\${UPSTREAM_KEY}" }
models:
  gpt-4: { provider: openai, estimated_input_cost_per_1k: 1, estimated_output_cost_per_1k: 1000 }
`;

const READABLE = [
  '/',
  '/app.js',
  '/healthz',
  '/metrics',
  '/admin/alerts',
  '/admin/budgets',
  '/admin/keys',
  '/admin/openapi.json',
  '/admin/prices',
  '/admin/raises',
  '/admin/spend',
  '/admin/status',
  '/admin/users',
];

const HEADERS = {
  'content-type': `application/json; note=${SECRET}`,
  cookie: `session=${SECRET}`,
  'user-agent': SECRET,
  referer: `http://localhost/${SECRET}`,
  'x-forwarded-for': SECRET,
  'x-secret': SECRET,
  'proxy-authorization': `Basic ${SECRET}`,
  'openai-organization': SECRET,
  traceparent: SECRET,
  tracestate: `vendor=${SECRET}`,
  baggage: `password=${SECRET}`,
};

const body = (more: object = {}) => ({
  model: 'gpt-4',
  max_tokens: 10,
  messages: [{ role: 'user', content: `My password is ${SECRET}` }],
  ...more,
});

/** Every byte under a folder. */
function filesOf(folder: string): [string, string][] {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  return names
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name))
    .map((path) => [path, readFileSync(path, 'latin1')]);
}

async function firstEvents(admin: string): Promise<string> {
  const { body: stream } = await fetch(`${admin}/admin/events`, { headers: ADMIN });
  let text = '';
  for await (const chunk of stream as AsyncIterable<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if ((text.match(/^data:/gm) ?? []).length >= 2) break;
  }
  return text;
}

t.test('a secret in every input is in no place that somebody may read', async (t) => {
  const folder = temporaryFolder(t);
  const provider = await startScripted(t);
  const hook = await startReceiver(t);
  const text = config(folder, provider.url, hook.url);
  const file = join(folder, 'config.yaml');
  writeFileSync(file, text);
  const flags = ['--config', file];
  const created = await run(['keys', 'create', '--json', '--user', 'ann', ...flags], ENVIRONMENT);
  const { key } = JSON.parse(created.stdout) as { key: string };
  const seen: [string, string][] = [];
  const upstream: string[] = [];
  provider.script = ({ headers }, response, sent) => {
    t.equal(headers.authorization, `Bearer up-${SECRET}`);
    if (sent !== '') t.ok(sent.includes(SECRET), 'the prompt goes where it belongs');
    const { authorization: _, ...others } = headers;
    upstream.push(JSON.stringify(others));
    json(response, completion(5));
  };

  const collector = await startCollector(t);
  const telemetry = {
    OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
    OTEL_EXPORTER_OTLP_HEADERS: `x-token=${SECRET}`,
  };
  const proxy = await startProxy(t, {
    folder,
    config: text,
    env: { ...ENVIRONMENT, ...telemetry },
  });
  const url = `${proxy.url}/v1/chat/completions?api_key=${SECRET}`;
  const requests: Readonly<Record<string, readonly [string, unknown, number, string]>> = {
    served: [key, body(), 200, url],
    'over the limit': [key, body({ max_tokens: 9_000, n: 9 }), 402, url],
    'of a wrong key': [`tpk_${SECRET}`, body(), 401, url],
    'of a bad member': [key, body({ max_tokens: SECRET }), 400, url],
    'of no JSON': [key, `{"model":"gpt-4","messages":[${SECRET}]}`, 400, url],
    'of no endpoint': [key, body(), 404, `${proxy.url}/v1/files?key=${SECRET}`],
  };
  for (const [what, [caller, asked, status, to]] of Object.entries(requests)) {
    const answer = await post(to, caller, asked, HEADERS);
    t.equal(answer.status, status, `a request ${what}: ${answer.text}`);
    seen.push([`the answer to one ${what}`, JSON.stringify([...answer.headers]) + answer.text]);
  }
  await hook.reached(1);
  for (const { headers, body: alert } of hook.received) {
    const { authorization: _, ...others } = headers;
    seen.push(['a webhook’s body', alert], ['a webhook’s headers', JSON.stringify(others)]);
  }
  for (const headers of upstream) seen.push(['the headers upstream', headers]);

  const admin = adminOf(folder);
  for (const path of READABLE) {
    const answer = await fetch(admin + path, { headers: ADMIN });
    t.equal(answer.status, 200, path);
    seen.push([path, await answer.text()]);
  }
  const refused = await fetch(`${admin}/admin/nothing?x=${SECRET}`, { headers: ADMIN });
  seen.push(['an admin error', await refused.text()]);
  seen.push(['the dashboard’s stream', await firstEvents(admin)]);
  const verbs = [
    ['status'],
    ['doctor'],
    ['alerts', 'list'],
    ['keys', 'list'],
    ['ledger', 'export'],
  ];
  for (const verb of verbs) {
    const { stdout, stderr } = await run([...verb, ...flags], ENVIRONMENT);
    seen.push([verb.join(' '), stdout + stderr]);
  }

  t.equal(await proxy.end(), 0);
  seen.push(['what the proxy says', proxy.output()]);
  t.equal(collector.spans().length, 1);
  for (const { path, text: told } of collector.sent) seen.push([`a collector’s ${path}`, told]);
  seen.push(...filesOf(folder).filter(([path]) => path !== file));
  for (const [where, what] of seen) {
    t.notOk(what.includes(SECRET), `${where} shows no secret`);
    t.notOk(what.includes(key), `${where} shows no key`);
  }
  t.ok(seen.length > 30, 'there was something to look at');
  t.match(readFileSync(`${folder}/alerts.log`, 'utf8'), /ALERT/);
});
