import { createServer } from 'node:net';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { startAdmin } from '../../src/admin/server.js';
import { ask, runningWith, startListener } from './fixture.js';

const TOKEN = 'an-admin-token';
const withToken = { host: '127.0.0.1', port: 0, token: TOKEN };

t.test('without a token this machine alone is answered', async (t) => {
  const listener = await startListener(t, runningWith({}));
  t.equal((await ask(listener, '/admin/status')).status, 200);
  for (const host of ['localhost:1', '127.0.0.1', '[::1]:8001']) {
    t.equal((await ask(listener, '/admin/status', { headers: { host } })).status, 200, host);
  }
  for (const host of ['evil.example', '127.0.0.1.evil.example', '10.0.0.1:8001']) {
    const answer = await ask(listener, '/admin/status', { headers: { host } });
    t.match(answer, { status: 403, text: /"code":"forbidden"/ }, host);
  }
});

t.test("another site's page is not answered, its own is", async (t) => {
  for (const admin of [withToken, { ...withToken, token: null }]) {
    const listener = await startListener(t, runningWith({ admin }));
    const host = `127.0.0.1:${listener.port}`;
    const status = async (origin: string): Promise<number> => {
      const headers = { host, origin, authorization: `Bearer ${TOKEN}` };
      return (await ask(listener, '/admin/status', { headers })).status;
    };
    t.equal(await status(`http://${host}`), 200);
    for (const origin of ['http://evil.example', 'null', 'http://127.0.0.1:1']) {
      t.equal(await status(origin), 403, origin);
    }
  }
});

t.test('with a token nothing but health is told without it', async (t) => {
  const listener = await startListener(t, runningWith({ admin: withToken }));
  const bearer = (token: string) => ({ headers: { authorization: `Bearer ${token}` } });
  t.equal((await ask(listener, '/admin/status', bearer(TOKEN))).status, 200);
  t.equal((await ask(listener, '/healthz')).status, 200);
  for (const wrong of ['', 'x', `${TOKEN}x`, TOKEN.slice(1)]) {
    const answer = await ask(listener, '/admin/status', bearer(wrong));
    t.match(answer, { status: 401, headers: { 'www-authenticate': /Bearer/ } }, wrong);
    t.notMatch(answer.text, TOKEN);
  }
  t.equal((await ask(listener, '/nothing')).status, 401, 'not even what there is');
  const elsewhere = { host: 'proxy.example', authorization: `Bearer ${TOKEN}` };
  t.equal(
    (await ask(listener, '/admin/status', { headers: elsewhere })).status,
    200,
    'under any name',
  );
});

t.test('what is wrong with a request is said in JSON', async (t) => {
  const listener = await startListener(t, runningWith({}));
  t.match(await ask(listener, '/nothing'), { status: 404, text: /"code":"not_found"/ });
  t.match(await ask(listener, '/%'), { status: 404 });
  t.match(await ask(listener, '/admin/status', { method: 'DELETE' }), {
    status: 405,
    text: /takes GET/,
  });
  const sending = (body: string) => ({ body, headers: { 'content-length': `${body.length}` } });
  t.match(await ask(listener, '/healthz', sending('{')), { status: 400, text: /no JSON/ });
  t.match(await ask(listener, '/healthz', sending('x'.repeat(70_000))), { status: 413 });
  t.match(await ask(listener, '/healthz', { method: 'HEAD' }), { status: 200, text: '' });
});

t.test('a proxy that lets nobody in says so', async (t) => {
  const listener = await startListener(t, runningWith({ state: () => 'ledger_unavailable' }));
  t.match(await ask(listener, '/healthz'), {
    status: 503,
    text: '{"status":"ledger_unavailable"}',
  });
});

t.test('a port that is taken is an error, unless nobody asked for it', async (t) => {
  const other = createServer().listen(0, '127.0.0.1');
  t.teardown(() => other.close());
  await once(other, 'listening');
  const { port } = other.address() as AddressInfo;
  const admin = { host: '127.0.0.1', port, token: null };
  await t.rejects(startAdmin(runningWith({ admin })), {
    code: 'cannot_start',
    message: /admin\.port/,
  });
  const anyPort = { ...admin, port: null };
  await startListener(t, runningWith({ admin: anyPort }));
  const second = await startListener(t, runningWith({ admin: anyPort }));
  t.not(second.port, 8001, '8001 is taken by the first, or by a stranger');
});

t.test('a stream that cannot go on ends its connection, not the proxy', async (t) => {
  const running = runningWith({
    state: () => {
      throw new Error('a defect');
    },
  });
  const listener = await startListener(t, running);
  await t.rejects(ask(listener, '/admin/events'));
  t.equal((await ask(listener, '/admin/openapi.json')).status, 200);
});
