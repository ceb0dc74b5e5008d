import { lookup, type LookupAddress, type LookupOptions } from 'node:dns';
import { once } from 'node:events';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import t, { type Test } from 'tap';
import { payload, WebhookChannel } from '../../src/alert/webhook.js';
import { alertOf, NOTICE, RECIPE_ALERT } from './event.js';
import { type Received, receiver } from './receiver.js';

const secretOf = (text: string): string => `whsec_${Buffer.from(text).toString('base64')}`;
const SECRET = secretOf('0123456789abcdef01234567');
const NEXT_SECRET = secretOf('76543210fedcba9876543210');

// The verifier of `standardwebhooks` compares with the real clock.
const now = () => ({ nowMs: Date.now() });

function channel(t: Test, url: string, secrets: string[] = [], timeoutMs = 5_000): WebhookChannel {
  const webhook = new WebhookChannel({ url, secrets, timeoutMs, plan: PLAN });
  t.teardown(() => webhook.close());
  return webhook;
}
type Resolved = (error: Error | null, found: string | LookupAddress[]) => void;

const PLAN = { name: 'hook', standbyMs: null };

/** Every name is at loopback. */
const toLoopback = ((_: string, options: LookupOptions, done: Resolved) =>
  lookup('127.0.0.1', options, done)) as typeof lookup;

const verified = (secret: string, { body, headers }: Received, format?: 'raw'): unknown =>
  new Webhook(secret, format && { format }).verify(body, headers as Record<string, string>);

t.test('posts the alert as JSON', async (t) => {
  const { origin, received } = await receiver(t);
  t.same(await channel(t, `${origin}/hook?x=1`).send(RECIPE_ALERT, now()), { ok: true });
  t.equal(received[0]!.path, '/hook?x=1');
  t.equal(received[0]!.headers['content-type'], 'application/json');
  t.equal(received[0]!.headers['webhook-id'], 'evt_1');
  t.notOk('webhook-signature' in received[0]!.headers, 'no secret, no signature');
  t.notOk('authorization' in received[0]!.headers);
  t.same(JSON.parse(received[0]!.body), {
    event_id: 'evt_1',
    event: 'budget_threshold_exceeded',
    user: 'user-a',
    window: 'daily',
    window_start: '2026-03-25T00:00:00Z',
    window_end: '2026-03-26T00:00:00Z',
    threshold_pct: 80,
    spent_usd: '9.00',
    limit_usd: '3.00',
    pct: 300,
    occurred_at: '2026-03-25T09:45:00Z',
  });
});

t.test('signs as the Standard Webhooks library verifies', async (t) => {
  const { origin, received } = await receiver(t);
  await channel(t, origin, [SECRET]).send(RECIPE_ALERT, now());
  await channel(t, origin, ['plain text']).send(RECIPE_ALERT, now());
  const [base64, plain] = received as [Received, Received];
  t.match(verified(SECRET, base64), { user: 'user-a' });
  t.match(verified('plain text', plain, 'raw'), { user: 'user-a' });
  t.throws(() => verified(SECRET, { ...base64, body: `${base64.body} ` }));
  t.throws(() => verified(NEXT_SECRET, base64));
});

t.test('while one secret replaces another, receivers of both verify', async (t) => {
  const { origin, received } = await receiver(t);
  await channel(t, origin, [NEXT_SECRET, SECRET]).send(RECIPE_ALERT, now());
  t.equal(String(received[0]!.headers['webhook-signature']).split(' ').length, 2);
  for (const secret of [SECRET, NEXT_SECRET]) {
    t.match(verified(secret, received[0]!), { user: 'user-a' });
  }
});

t.test("sends a URL's name and password as such, not in the URL", async (t) => {
  const { origin, received } = await receiver(t);
  await channel(t, origin.replace('://', '://me:p%40ss@')).send(RECIPE_ALERT, now());
  const expected = `Basic ${Buffer.from('me:p@ss').toString('base64')}`;
  t.equal(received[0]!.headers['authorization'], expected);
});

t.test('follows no redirect', async (t) => {
  const target = await receiver(t);
  const { origin } = await receiver(t, (response) => {
    response.writeHead(302, { location: target.origin }).end();
  });
  const delivery = await channel(t, `${origin}/token`).send(RECIPE_ALERT, now());
  t.same(delivery, { ok: false, error: 'HTTP 302' });
  t.same(target.received, []);
});

t.test('hears when the receiver wants to be left alone', async (t) => {
  const nowMs = Date.UTC(2026, 2, 25, 12);
  const cases: [string, number | undefined][] = [
    ['120', 120_000],
    ['Wed, 25 Mar 2026 12:01:00 GMT', 60_000],
    ['Wed, 25 Mar 2026 11:00:00 GMT', undefined],
    ['99999999', 86_400_000],
    ['soon', undefined],
  ];
  for (const [header, retryAfterMs] of cases) {
    const { origin } = await receiver(t, (response) => {
      response.writeHead(429, { 'retry-after': header }).end();
    });
    const delivery = await channel(t, origin).send(RECIPE_ALERT, { nowMs });
    const told = retryAfterMs === undefined ? {} : { retryAfterMs };
    t.same(delivery, { ok: false, error: 'HTTP 429', ...told }, header);
  }
});

t.test('gives up on an answer that does not come, or does not end', async (t) => {
  const silent = await receiver(t, () => undefined);
  const delivery = await channel(t, silent.origin, [], 50).send(RECIPE_ALERT, now());
  t.same(delivery, { ok: false, error: 'no answer within 50 ms' });

  const endless = await receiver(t, (response) => {
    response.writeHead(200);
    response.write('x'.repeat(100_000));
  });
  t.same(await channel(t, endless.origin).send(RECIPE_ALERT, now()), { ok: true });
});

t.test('shows no more of a URL than its origin', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const webhook = channel(t, `http://u:CANARY@127.0.0.1:${port}/CANARY?t=CANARY`);
  t.equal(webhook.label, `http://127.0.0.1:${port}/…`);
  t.same(await webhook.send(RECIPE_ALERT, now()), { ok: false, error: 'ECONNREFUSED' });
});

t.test('reaches no address that is not public', async (t) => {
  for (const host of ['10.0.0.1', '169.254.169.254', '[::ffff:a9fe:a9fe]', '2852039166']) {
    const delivery = await channel(t, `https://${host}/hook`).send(RECIPE_ALERT, now());
    t.match(delivery, { ok: false, error: /is at an address that is not public/ }, host);
  }
  const { origin, received } = await receiver(t);
  const url = origin.replace('127.0.0.1', 'rebound.example');
  const webhook = new WebhookChannel({ url, secrets: [], plan: PLAN, resolve: toLoopback });
  t.teardown(() => webhook.close());
  const delivery = await webhook.send(RECIPE_ALERT, now());
  t.same(delivery, { ok: false, error: 'rebound.example is at an address that is not public' });
  t.same(received, []);
});

t.test('a probe is a test alert', async (t) => {
  const { origin, received } = await receiver(t);
  t.same(await channel(t, origin).probe(now()), { ok: true });
  t.match(JSON.parse(received[0]!.body), { event: 'test', user: null, spent_usd: null });
});

t.test('the longest names fit, and stay data', async (t) => {
  const { origin, received } = await receiver(t);
  const user = '\u0000"\r\n'.padEnd(256, '\u0001');
  const event = alertOf({ scope: `user:${user}` });
  t.same(await channel(t, origin).send(event, now()), { ok: true });
  t.ok(received[0]!.body.length < 4_000);
  t.equal((JSON.parse(received[0]!.body) as { user: string }).user, user);
  const large = { ...NOTICE, details: { reason: 'x'.repeat(20_000) } };
  t.same(await channel(t, origin).send(large, now()), { ok: false, error: 'alert too large' });
});

t.test("speaks Slack's dialect to Slack, without letting a name mention a channel", async (t) => {
  const url = new URL('https://hooks.slack.com/services/T/B/X');
  const body = payload(alertOf({ scope: 'user:<!channel>&' }), url);
  t.same(Object.keys(JSON.parse(body) as object), ['text']);
  t.match(body, 'user=&lt;!channel&gt;&amp; spent=$9.00');
});

t.test('says nothing of a budget where an event is about none', async (t) => {
  t.same(JSON.parse(payload(NOTICE, new URL('https://example.com'))), {
    event_id: 'evt_2',
    event: 'pricing_stale',
    user: null,
    window: null,
    window_start: null,
    window_end: null,
    threshold_pct: null,
    spent_usd: null,
    limit_usd: null,
    pct: null,
    occurred_at: '2026-03-25T09:45:00Z',
    source: 'models.dev',
    since: 'never',
    reason: 'HTTP 500',
  });
});
