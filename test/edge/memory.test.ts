// What a worker holds of bodies and answers, and whom it turns away when that is too much.

import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import t from 'tap';
import { type Answer, get, post, type RunningProxy } from '../flow/harness.js';
import { completion, delta, eventStream, json, start, STREAM_END } from '../flow/scripted.js';
import { adminOf } from '../flow/setup.js';
import { chat, dial, statuses } from './raw.js';

const BODY_MAX = 400_000;
/** Two such bodies fit, a third does not. */
const HELD_MAX = 1_048_576;

t.setTimeout(60_000);

let proxy: RunningProxy;
let provider: Awaited<ReturnType<typeof start>>['provider'];
let admin = '';

t.before(async () => {
  const server = `max_body_bytes: ${BODY_MAX}, max_held_bytes: ${HELD_MAX}`;
  const budget = 'daily_limit_cents: 1000000';
  const started = await start(t, { server, budget });
  ({ proxy, provider } = started);
  admin = adminOf(started.folder);
});

const asking = (bytes: number, more: object = {}): string => {
  const body = (content: string): string =>
    JSON.stringify({
      model: 'gpt-4',
      max_tokens: 9,
      messages: [{ role: 'user', content }],
      ...more,
    });
  return body('x'.repeat(bytes - body('').length));
};
const LARGE = asking(BODY_MAX);
const ask = (body: string, path = '/v1/chat/completions'): Promise<Answer> =>
  post(proxy.url + path, 'ann', body);

async function heldBytes(): Promise<number> {
  const { text } = await get(`${admin}/metrics`, null);
  return Number(/^tokenpak_held_bytes\{worker="0"\} (\d+)$/m.exec(text)?.[1]);
}

async function untilHeld(bytes: number): Promise<void> {
  while ((await heldBytes()) !== bytes);
}

/** All of a large body but its last byte. */
async function almost(): Promise<Socket> {
  const socket = dial(proxy.url);
  await once(socket, 'connect');
  socket.write(chat(`Content-Length: ${LARGE.length}\r\n`, LARGE.slice(0, -1)));
  return socket;
}

t.test('uploads that are held leave no room for more, until they end or leave', async (t) => {
  const [first, second] = [await almost(), await almost()];
  await untilHeld(2 * (BODY_MAX - 1));
  const refused = await ask(LARGE);
  t.equal(refused.status, 503);
  t.match(refused.json, { error: { code: 'overloaded', message: /server\.max_held_bytes/ } });
  t.equal(refused.headers.get('retry-after'), '1');
  const claude = await ask(LARGE, '/v1/messages');
  t.match(claude.json, { type: 'error', error: { type: 'overloaded_error' } });
  const chunked = dial(proxy.url);
  chunked.write(chat('Transfer-Encoding: chunked\r\n', `${BODY_MAX.toString(16)}\r\n${LARGE}`));
  const [head] = (await once(chunked, 'data')) as [Buffer];
  t.same(statuses(head.toString()), [503], 'nor is there for a body of no declared length');
  t.equal((await ask(asking(1000))).status, 200, 'a small one fits');

  first.write('}');
  const [answer] = (await once(first, 'data')) as [Buffer];
  t.same(statuses(answer.toString()), [200]);
  first.destroy();
  second.destroy();
  await untilHeld(0);
  t.equal((await ask(LARGE)).status, 200);
});

t.test('a body is held until its call is over, whenever the client leaves', async (t) => {
  const open: ServerResponse[] = [];
  provider.script = (_, response) => {
    open.push(response.writeHead(200, eventStream));
    response.write(delta('Hi'));
  };
  for (let count = 0; count < 2; count++) {
    const left = new AbortController();
    const body = asking(BODY_MAX, { stream: true });
    const headers = { authorization: 'Bearer ann' };
    const { signal } = left;
    await fetch(`${proxy.url}/v1/chat/completions`, { method: 'POST', headers, body, signal });
    left.abort();
  }
  provider.script = (_, response) => json(response, completion(5));
  t.equal(await heldBytes(), 2 * BODY_MAX);
  t.equal((await ask(LARGE)).status, 503);
  for (const response of open) response.end(STREAM_END);
  await untilHeld(0);
  t.equal((await ask(LARGE)).status, 200);
});

t.test('an answer that is held counts too, and is never cut for it', async (t) => {
  let finish = (): void => undefined;
  const text = completion(5).replace('Hi', 'x'.repeat(2 * HELD_MAX));
  provider.script = (_, response) => {
    response.writeHead(200, { 'content-type': 'application/json' });
    response.write(text.slice(0, -1));
    finish = () => response.end('}');
  };
  const large = ask(asking(1000));
  await untilHeld(text.length - 1 + 1000);
  t.equal((await ask(asking(1000))).status, 503);
  finish();
  t.match(await large, { status: 200 });
  await untilHeld(0);
  t.equal(await proxy.end(), 0);
});
