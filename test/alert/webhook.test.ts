import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { Webhook } from 'standardwebhooks';
import t from 'tap';
import { deliver, payload } from '../../src/alert/webhook.js';
import { alertOf, NOTICE, RECIPE_ALERT } from './event.js';
import { receiver } from './receiver.js';

// The verifier of `standardwebhooks` compares with the real clock.
const options = () => ({ secret: null, timeoutMs: 5_000, nowMs: Date.now() });
const SECRET = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;

t.test('posts the alert as JSON', async (t) => {
  const { origin, received } = await receiver(t);
  t.same(await deliver(`${origin}/hook?x=1`, RECIPE_ALERT, options()), { ok: true });
  t.equal(received[0]!.path, '/hook?x=1');
  t.equal(received[0]!.headers['content-type'], 'application/json');
  t.equal(received[0]!.headers['webhook-id'], 'evt_1');
  t.notOk('webhook-signature' in received[0]!.headers, 'no secret, no signature');
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
  await deliver(origin, RECIPE_ALERT, { ...options(), secret: SECRET });
  await deliver(origin, RECIPE_ALERT, { ...options(), secret: 'plain text' });
  const [base64, plain] = received;
  const headers = (of: typeof base64) => of!.headers as Record<string, string>;
  t.match(new Webhook(SECRET).verify(base64!.body, headers(base64)), { user: 'user-a' });
  const raw = new Webhook('plain text', { format: 'raw' });
  t.match(raw.verify(plain!.body, headers(plain)), { user: 'user-a' });
  t.throws(() => new Webhook(SECRET).verify(`${base64!.body} `, headers(base64)));
});

t.test('follows no redirect', async (t) => {
  const target = await receiver(t);
  const { origin } = await receiver(t, (response) => {
    response.writeHead(307, { location: target.origin }).end();
  });
  const delivery = await deliver(`${origin}/token`, RECIPE_ALERT, options());
  t.same(delivery, { ok: false, status: 307, error: `${origin}/…: HTTP 307` });
  t.same(target.received, []);
});

t.test('gives up on an answer that does not come, or does not end', async (t) => {
  const silent = await receiver(t, () => undefined);
  const delivery = await deliver(silent.origin, RECIPE_ALERT, { ...options(), timeoutMs: 50 });
  t.match(delivery, { ok: false, error: /no answer within 50 ms/ });

  const endless = await receiver(t, (response) => {
    response.writeHead(200);
    response.write('x'.repeat(100_000));
  });
  t.match(await deliver(endless.origin, RECIPE_ALERT, options()), { ok: true });
});

t.test('shows no more of a URL than its origin', async (t) => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const url = `http://u:CANARY@127.0.0.1:${port}/CANARY?t=CANARY`;
  const delivery = await deliver(url, RECIPE_ALERT, options());
  t.same(delivery, { ok: false, error: `http://127.0.0.1:${port}/…: ECONNREFUSED` });
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
