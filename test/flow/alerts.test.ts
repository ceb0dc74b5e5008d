// Alerts as whoever runs the proxy meets them: receivers that fail and come back, a mailbox, the
// verbs, and a user who may not write to the system's log folder.

import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs';
import { Webhook } from 'standardwebhooks';
import t, { type Test } from 'tap';
import { mailbox } from '../alert/mailbox.js';
import { type Receiver, receiver } from '../alert/receiver.js';
import { post, run, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { noonZone } from './setup.js';

const SECRET = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;
const NOBODY = 65_534;

interface Parts {
  readonly folder: string;
  /** Members of `budget` and of `alerts`, in YAML's flow style. */
  readonly budget: string;
  readonly alerts: string;
}

const config = ({ folder, budget, alerts }: Parts): string => `
server: { port: 0 }
admin: { port: 0 }
storage: { path: ${folder}/data }
budget: { timezone: ${noonZone()}, daily_limit_cents: 100, ${budget} }
alerts: { webhook_secret: ${SECRET}, ${alerts} }
providers: { embedded: { type: mock, mock: { input_tokens: 0, output_tokens: 90 } } }
models:
  m: { provider: embedded, estimated_input_cost_per_1k: 0, estimated_output_cost_per_1k: 1000 }
`;

/** Spends 90 of 100 cents. */
async function spendMost(proxy: RunningProxy): Promise<void> {
  const body = { model: 'm', max_tokens: 95, messages: [{ role: 'user', content: 'Hello' }] };
  const answer = await post(`${proxy.url}/v1/chat/completions`, 'alice', body);
  if (answer.json['request_cost_cents'] !== 90) throw new Error(answer.text);
}

interface Row {
  readonly event_id: string;
  readonly event: string;
  readonly channels: { channel: string; state: string; attempts: number; last_error: string }[];
}

/** What `alerts list --json` says of the newest alert. */
async function newest(folder: string): Promise<Row | undefined> {
  const { stdout } = await run(['alerts', 'list', '--json', '--config', `${folder}/config.yaml`]);
  return (JSON.parse(stdout) as { alerts: Row[] }).alerts[0];
}

/** Asks until it is so: each question is a process of its own, so there is nothing to wait for. */
async function until<T>(look: () => Promise<T>, so: (seen: T) => boolean): Promise<T> {
  for (;;) {
    const seen = await look();
    if (so(seen)) return seen;
  }
}

const stateOf = (row: Row | undefined, channel: RegExp) =>
  row?.channels.find((one) => channel.test(one.channel));

const verifies = ({ received }: Receiver): unknown => {
  const { body, headers } = received.at(-1)!;
  return new Webhook(SECRET).verify(body, headers as Record<string, string>);
};

t.test('a receiver that is down across a kill -9 gets the alert once it is back', async (t) => {
  let up = false;
  const hook = await receiver(t, (response) => response.writeHead(up ? 204 : 503).end());
  const folder = temporaryFolder(t);
  const parts = {
    folder,
    budget: `alert_webhook: "${hook.origin}/hook/CANARY"`,
    alerts: `log_file: ${folder}/alerts.log`,
  };
  const first = await startProxy(t, { folder, config: config(parts) });
  await spendMost(first);
  const pending = await until(
    () => newest(folder),
    (row) => (stateOf(row, /^http/)?.attempts ?? 0) > 0,
  );
  t.match(stateOf(pending, /^http/), { state: 'pending', last_error: 'HTTP 503' });
  await first.end('SIGKILL');

  up = true;
  const second = await startProxy(t, { folder, config: config(parts) });
  const done = await until(
    () => newest(folder),
    (row) => stateOf(row, /^http/)?.state === 'delivered',
  );
  t.match(verifies(hook), { event_id: done?.event_id, spent_usd: '0.90', threshold_pct: 80 });
  t.equal(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size, 1);
  t.equal(await second.end(), 0);
  const lines = readFileSync(`${folder}/alerts.log`, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 1, 'the log has had it once');
  const { stdout } = await run(['alerts', 'list', '--config', `${folder}/config.yaml`]);
  t.match(stdout, /budget_threshold_exceeded \* daily 90% \(over 80%\)/);
  t.notMatch(stdout + first.output() + second.output(), /CANARY/);
});

t.test('mail takes over from a webhook that does not take it', async (t) => {
  const box = await mailbox(t, { password: 'secret' });
  const dead = await receiver(t, (response) => response.writeHead(500).end());
  const folder = temporaryFolder(t);
  const smtp = `{ url: "smtp://me:secret@localhost:${box.port}", from: tokenpak@example.com }`;
  const fallback = 'fallback: "mailto://ops@example.com", fallback_after_seconds: 0';
  const parts = {
    folder,
    budget: `alert_webhook: "${dead.origin}"`,
    alerts: `log_file: ${folder}/alerts.log, smtp: ${smtp}, ${fallback}`,
  };
  const env = { NODE_EXTRA_CA_CERTS: box.caFile };
  const proxy = await startProxy(t, { folder, config: config(parts), env });
  await spendMost(proxy);
  await until(
    () => newest(folder),
    (row) => stateOf(row, /^mailto/)?.state === 'delivered',
  );
  t.match(box.received, [{ to: ['ops@example.com'], encrypted: true, user: 'me' }]);
  t.match(box.received[0]!.source, /Subject: \[TokenPak\] All users together: 80% of the/);

  const flags = ['--config', `${folder}/config.yaml`];
  const tested = await run(['alerts', 'test', ...flags], env);
  t.equal(tested.code, 3, 'one of them takes no alerts');
  t.match(tested.stdout, /^✗ http:\S+ takes no alerts: HTTP 500$/m);
  t.match(tested.stdout, /^✓ mailto:ops@example\.com takes alerts$/m);
  t.match(box.received[1]?.source, /Subject: \[TokenPak\] A test/);
  t.equal((await run(['alerts', 'test', 'mail', ...flags], env)).code, 0);
  t.match(await run(['alerts', 'test', 'pigeon', ...flags], env), {
    code: 2,
    stderr: /mailto:ops/,
  });
  t.equal((await run(['validate-config', '--probe', `${folder}/config.yaml`], env)).code, 3);
  t.equal(box.received.length, 3, 'a probe only logs in');
});

t.test('alerts replay sends again, with a proxy and without', async (t) => {
  const hook = await receiver(t);
  const folder = temporaryFolder(t);
  const parts = {
    folder,
    budget: `alert_webhook: "${hook.origin}"`,
    alerts: `log_file: ${folder}/alerts.log`,
  };
  const flags = ['--config', `${folder}/config.yaml`];
  const proxy = await startProxy(t, { folder, config: config(parts) });
  await spendMost(proxy);
  const row = await until(
    () => newest(folder),
    (seen) => stateOf(seen, /^http/)?.state === 'delivered',
  );
  const id = row?.event_id ?? '';
  t.match(await run(['alerts', 'replay', id, ...flags]), { code: 0, stdout: /^✓ 1 alert is sent/ });
  t.match(await run(['alerts', 'replay', '--dead', ...flags]), { code: 0, stdout: /^✓ No alert/ });
  t.match(await run(['alerts', 'replay', 'evt_0', ...flags]), {
    code: 1,
    stderr: /no alert evt_0/,
  });
  t.equal((await run(['alerts', 'replay', ...flags])).code, 2);
  t.equal(await proxy.end(), 0);
  t.match(await run(['alerts', 'replay', id, ...flags]), { code: 0 });
  t.same(
    hook.received.map(({ headers }) => headers['webhook-id']),
    [id, id, id],
  );
});

function asNobody(t: Test): string | null {
  if (process.getuid?.() !== 0) return null;
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  chownSync(folder, NOBODY, NOBODY);
  return folder;
}

t.test('a user who cannot write to /var/log finds the line in the data directory', async (t) => {
  const folder = asNobody(t);
  if (folder === null) return t.comment('only root can start a process as another user');
  const text = config({ folder, budget: 'alert_webhook: []', alerts: '' });
  const proxy = await startProxy(t, { folder, config: text, uid: NOBODY });
  await spendMost(proxy);
  t.equal(await proxy.end(), 0);
  t.ok(existsSync(`${folder}/data/alerts.log`));
  const lines = readFileSync(`${folder}/data/alerts.log`, 'utf8').split('\n');
  t.match(
    lines.filter((line) => /budget.*threshold/.test(line)),
    [
      /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ ALERT budget_threshold_exceeded user=\* spent=\$0\.90 daily_limit=\$1\.00 pct=90%$/,
    ],
  );
});
