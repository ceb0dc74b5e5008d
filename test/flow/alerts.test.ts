// Alerts as whoever runs the proxy meets them: receivers that fail and come back, a mailbox, the
// verbs, and a user who may not write to the system's log folder.

import { spawnSync } from 'node:child_process';
import { chmodSync, chownSync, existsSync, readFileSync } from 'node:fs';
import { setTimeout as wait } from 'node:timers/promises';
import { Webhook } from 'standardwebhooks';
import t, { type Test } from 'tap';
import { channelOf } from '../../src/alert/channels.js';
import type { ChannelState, OwedAlert } from '../../src/kernel/alert.js';
import { Store } from '../../src/ledger/store.js';
import { mailbox } from '../alert/mailbox.js';
import { type Receiver, receiver } from '../alert/receiver.js';
import { MAIN, post, run, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { noonZone } from './setup.js';

const SECRET = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;
const NOBODY = 65_534;
/** Between two looks into the outbox of another process. */
const LOOK_MS = 50;

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

/** Looks into the outbox of a running proxy until its newest alert is as it is to be. */
async function until(folder: string, so: (alert: OwedAlert) => boolean): Promise<OwedAlert> {
  for (;;) {
    if (Store.exists(`${folder}/data`)) {
      const store = new Store(`${folder}/data`, 'read');
      const [alert] = store.outbox.list();
      await store.close();
      if (alert !== undefined && so(alert)) return alert;
    }
    await wait(LOOK_MS);
  }
}

const stateOf = ({ channels }: OwedAlert, url: string): ChannelState | undefined =>
  channels[channelOf(url)];

const verifies = ({ received }: Receiver): unknown => {
  const { body, headers } = received.at(-1)!;
  return new Webhook(SECRET).verify(body, headers as Record<string, string>);
};

t.test('a receiver that is down across a kill -9 gets the alert once it is back', async (t) => {
  let up = false;
  const hook = await receiver(t, (response) => response.writeHead(up ? 204 : 503).end());
  const folder = temporaryFolder(t);
  const url = `${hook.origin}/hook/CANARY`;
  const parts = {
    folder,
    budget: `alert_webhook: "${url}"`,
    alerts: `log_file: ${folder}/alerts.log`,
  };
  const first = await startProxy(t, { folder, config: config(parts) });
  await spendMost(first);
  const isLogged = (alert: OwedAlert): boolean => alert.channels['log']?.state === 'delivered';
  const pending = await until(
    folder,
    (alert) => isLogged(alert) && (stateOf(alert, url)?.attempts ?? 0) > 0,
  );
  t.match(stateOf(pending, url), { state: 'pending', lastError: 'HTTP 503' });
  await first.end('SIGKILL');

  up = true;
  const second = await startProxy(t, { folder, config: config(parts) });
  const { event } = await until(folder, (alert) => stateOf(alert, url)?.state === 'delivered');
  t.match(verifies(hook), { event_id: event.eventId, spent_usd: '0.90', threshold_pct: 80 });
  t.equal(new Set(hook.received.map(({ headers }) => headers['webhook-id'])).size, 1);
  t.equal(await second.end(), 0);
  const lines = readFileSync(`${folder}/alerts.log`, 'utf8').trimEnd().split('\n');
  t.equal(lines.length, 1, 'the log has had it once');
  const { stdout } = await run(['alerts', 'list', '--config', `${folder}/config.yaml`]);
  t.match(stdout, /budget_threshold_exceeded \* daily 90% \(over 80%\)/);
  t.notMatch(stdout + first.output() + second.output(), /CANARY/);
});

t.test('mail takes over from a webhook that fails; verbs try both, and send again', async (t) => {
  const box = await mailbox(t, { password: 'secret' });
  let up = false;
  const accepted: string[] = [];
  const hook = await receiver(t, (response) => {
    if (up) accepted.push(String(response.req.headers['webhook-id']));
    response.writeHead(up ? 204 : 500).end();
  });
  const folder = temporaryFolder(t);
  const smtp = `{ url: "smtp://me:secret@localhost:${box.port}", from: tokenpak@example.com }`;
  const fallback = 'fallback: "mailto://ops@example.com", fallback_after_seconds: 0';
  const parts = {
    folder,
    budget: `alert_webhook: "${hook.origin}"`,
    alerts: `log_file: ${folder}/alerts.log, smtp: ${smtp}, ${fallback}`,
  };
  const env = { NODE_EXTRA_CA_CERTS: box.caFile };
  const flags = ['--config', `${folder}/config.yaml`];
  const proxy = await startProxy(t, { folder, config: config(parts), env });
  await spendMost(proxy);
  const mailed = (alert: OwedAlert): boolean =>
    stateOf(alert, 'mailto:ops@example.com')?.state === 'delivered';
  const { eventId } = (await until(folder, mailed)).event;
  t.match(box.received, [{ to: ['ops@example.com'], encrypted: true, user: 'me' }]);
  t.match(box.received[0]!.source, /Subject: \[TokenPak\] All users together: 80% of the/);

  const tested = await run(['alerts', 'test', ...flags], env);
  t.equal(tested.code, 3, 'one of them takes no alerts');
  t.match(tested.stdout, /^✗ http:\S+ takes no alerts: HTTP 500$/m);
  t.match(tested.stdout, /^✓ mailto:ops@example\.com takes alerts$/m);
  t.match(box.received[1]?.source, /Subject: \[TokenPak\] A test/);
  const unknown = await run(['alerts', 'test', 'pigeon', ...flags], env);
  t.match(unknown, { code: 2, stderr: /mailto:ops/ });
  up = true;
  const probe = ['validate-config', '--probe', `${folder}/config.yaml`];
  const probed = await run(probe, env);
  t.match(probed, { code: 0, stdout: /^✓ mailto:ops@example\.com takes alerts$/m });
  const { findings, channels } = JSON.parse((await run([...probe, '--json'], env)).stdout);
  t.match(findings[0], { verdict: 'ok', found: 'Config valid' });
  t.match(channels.at(-1), { channel: 'mailto:ops@example.com', ok: true, error: null });
  const toLog = await run(['alerts', 'test', 'log', '--json', ...flags], env);
  t.match(JSON.parse(toLog.stdout), { channels: [{ channel: /alerts\.log$/, ok: true }] });
  t.equal(box.received.length, 2, 'a probe of a mailbox only logs in');

  const sent = { code: 0, stdout: /^✓ 1 alert is sent again/ };
  t.match(await run(['alerts', 'replay', eventId, ...flags], env), sent);
  t.equal(await proxy.end(), 0);
  const again = await run(['alerts', 'replay', eventId, '--json', ...flags], env);
  t.same(JSON.parse(again.stdout), { replayed: 1 }, 'without a proxy, too');
  t.ok(accepted.filter((id) => id === eventId).length >= 2, 'the webhook has had both');
  t.equal(box.received.length, 4);
});

function asNobody(t: Test): string | null {
  if (process.getuid?.() !== 0) return null;
  // Node and checkout may lie in a folder that is root's alone.
  const look = 'require("node:fs").accessSync(process.argv[1])';
  const seen = spawnSync(process.execPath, ['-e', look, MAIN], { uid: NOBODY });
  if (seen.status !== 0) return null;
  const folder = temporaryFolder(t);
  chmodSync(folder, 0o755);
  chownSync(folder, NOBODY, NOBODY);
  return folder;
}

t.test('a user who cannot write to /var/log finds the line in the data directory', async (t) => {
  const folder = asNobody(t);
  if (folder === null) return t.comment('no other user can start the program here');
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
