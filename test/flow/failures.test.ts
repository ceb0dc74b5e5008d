// What a provider does badly on the way to its first byte: what the client is told, what is asked
// again, and what is charged.

import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import t, { type Test } from 'tap';
import { type Answer, get, post, startProxy, temporaryFolder } from './harness.js';

const PRICES = 'estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6';

/** A provider of bare sockets, and the requests that have reached it. */
async function startSockets(answer: (socket: Socket) => void) {
  let hangUp: () => void = () => undefined;
  const hungUp = new Promise<void>((resolve) => (hangUp = resolve));
  const seen = { requests: 0, port: 0, hungUp };
  const server = createServer((socket) => {
    socket.on('error', () => undefined).on('close', () => hangUp());
    socket.on('data', (data: Buffer) => {
      if (!data.includes('POST /')) return;
      seen.requests += 1;
      answer(socket);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  seen.port = (server.address() as AddressInfo).port;
  return seen;
}

const silent = await startSockets(() => undefined);
const cutting = await startSockets((socket) => socket.destroy());
const flooding = await startSockets((socket) => {
  socket.write('HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n');
  const flood = (): void => {
    while (socket.writable && socket.write(`: ${'x'.repeat(60_000)}\n\n`));
  };
  socket.on('drain', flood);
  flood();
});
const absent = await startSockets(() => undefined);

const folder = temporaryFolder(t);
const provider = (origin: string): string =>
  `{ type: openai, base_url: "${origin}/v1", api_key: sk-test, ` +
  'connect_timeout_seconds: 1, first_byte_timeout_seconds: 1 }';
const proxy = await startProxy(t, {
  folder,
  workers: 1,
  config: `
budget: { per_user_limits: { default: { daily_limit_cents: 100000 } } }
server: { request_timeout_seconds: 3 }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  silent: ${provider(`http://127.0.0.1:${silent.port}`)}
  cutting: ${provider(`http://127.0.0.1:${cutting.port}`)}
  flooding: ${provider(`http://127.0.0.1:${flooding.port}`)}
  shaking: ${provider(`https://127.0.0.1:${absent.port}`)}
  refusing: ${provider('http://127.0.0.1:1')}
models:
  silent: { provider: silent, ${PRICES} }
  cutting: { provider: cutting, ${PRICES} }
  flooding: { provider: flooding, ${PRICES} }
  shaking: { provider: shaking, ${PRICES} }
  refusing: { provider: refusing, ${PRICES} }
`,
});

const ask = (model: string): Promise<Answer> =>
  post(`${proxy.url}/v1/chat/completions`, model, {
    model,
    max_tokens: 100,
    messages: [{ role: 'user', content: 'Hello' }],
  });

async function dayOf(user: string) {
  const { json } = await get(`${proxy.url}/v1/budget`, user);
  return (json['budgets'] as { spent_usd: string; reserved_usd: string }[])[0];
}

const isFree = async (t: Test, user: string): Promise<unknown> =>
  t.match(await dayOf(user), { spent_usd: '0.00', reserved_usd: '0.00' });

async function isCharged(t: Test, user: string): Promise<void> {
  const day = await dayOf(user);
  t.equal(day?.reserved_usd, '0.00');
  t.ok(Number(day?.spent_usd) > 0, 'it may bill the input');
}

t.test('a provider that is silent: 504 after first_byte_timeout_seconds, charged', async (t) => {
  const answer = await ask('silent');
  t.equal(answer.status, 504);
  t.match(answer.json, {
    error: { code: 'upstream_timeout', message: /silent .*1 s .*first_byte_timeout_seconds/ },
  });
  t.equal(silent.requests, 1, 'asked once');
  await isCharged(t, 'silent');
});

t.test('a provider that hangs up on a request: 502, charged, never asked again', async (t) => {
  const answer = await ask('cutting');
  t.equal(answer.status, 502);
  t.match(answer.json, { error: { code: 'upstream_unreachable' } });
  t.equal(cutting.requests, 1, 'it may be at work on the first');
  await isCharged(t, 'cutting');
});

t.test('no connection within connect_timeout_seconds: 504, free of charge', async (t) => {
  const answer = await ask('shaking');
  t.equal(answer.status, 504);
  t.match(answer.json, {
    error: { code: 'upstream_timeout', message: /shaking .*1 s .*connect_timeout_seconds/ },
  });
  await isFree(t, 'shaking');
});

t.test('a provider that refuses connections: 502, free of charge', async (t) => {
  const answer = await ask('refusing');
  t.equal(answer.status, 502);
  t.match(answer.json, { error: { code: 'upstream_unreachable', message: /ECONNREFUSED/ } });
  await isFree(t, 'refusing');
});

t.test(
  'the hard deadline holds while the client does not read and the provider waits',
  async (t) => {
    const body = JSON.stringify({ model: 'flooding', max_tokens: 100, stream: true, messages: [] });
    const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
    t.teardown(() => socket.destroy());
    socket.on('error', () => undefined).pause();
    socket.write(
      'POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer flooding\r\n' +
        `content-length: ${body.length}\r\n\r\n${body}`,
    );
    await flooding.hungUp;
    await isCharged(t, 'flooding');
  },
);
