// Who is slow holds up nobody else, and nothing is kept for him: a client that does not read pauses
// the provider, a provider that does not read holds one body.

import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import t from 'tap';
import { post, type RunningProxy } from './harness.js';
import { completion, delta, eventStream, json, start, STREAM_END } from './scripted.js';

/** The client did not ask for usage: it sees the cost in its place. */
const USAGE_EVENT = /data: \{"choices":\[\],[^\n]*\n\n/;
const COMMENT = ': tokenpak request_cost_cents=0.15 cost_cents=0.15\n\n';

const EVENT = delta('x'.repeat(50_000));
const BLOCK_BYTES = 50_000;
const STREAM_BYTES = 50_000_000;
/** Twice what systems take of a stream that nobody reads. */
const WARM_BYTES = 16_000_000;
const WARM_ROUNDS_MAX = 10;
const GROWTH_BYTES_MAX = 5_000_000;
/** Set it to more than 10, which is what uWebSockets waits for a client that takes nothing. */
const IDLE_SECONDS = Number(process.env['SLOW_READER_SECONDS'] ?? 0);

const { proxy, provider } = await start(t, { server: 'request_timeout_seconds: 120' });

/** The most that it has ever had. */
const peakBytes = ({ pid }: RunningProxy): number =>
  Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]) * 1024;

/** The most from now on counts, beginning with what it has. */
const forgetPeak = ({ pid }: RunningProxy): void => writeFileSync(`/proc/${pid}/clear_refs`, '5');

const CHAT = {
  model: 'gpt-4',
  max_tokens: 10,
  stream: true,
  messages: [{ role: 'user', content: 'Hi' }],
};
const chat = () => post(`${proxy.url}/v1/chat/completions`, 'ann', CHAT);

/** A provider's answer of so many bytes, written as fast as they are taken. */
function streamOf(bytes: number, { event = EVENT, from = provider } = {}) {
  const progress = { written: 0, done: false };
  // Small events come many at once.
  const block = event.repeat(Math.ceil(BLOCK_BYTES / event.length));
  const more = (response: ServerResponse): void => {
    while (progress.written < bytes) {
      progress.written += block.length;
      if (!response.write(block)) return void response.once('drain', () => more(response));
    }
    progress.done = true;
    response.end(STREAM_END);
  };
  from.script = (_, response) => {
    response.writeHead(200, eventStream);
    more(response);
  };
  return progress;
}

/** Resolves once the provider has not got rid of a byte in a while. */
async function stalled(progress: { readonly written: number }): Promise<void> {
  let before = -1;
  while (before !== progress.written || before === 0) {
    before = progress.written;
    await after(500);
  }
}

function ask(body: string, url = `${proxy.url}/v1/chat/completions`): Socket {
  const { port, pathname } = new URL(url);
  const socket = connect(Number(port), '127.0.0.1');
  socket.write(
    `POST ${pathname} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer slow\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  return socket;
}

/** An answer in chunks, some of it read before: what they hold. */
async function readToEnd(socket: Socket, received: Buffer[]): Promise<string> {
  let tail = '';
  for await (const data of socket as AsyncIterable<Buffer>) {
    received.push(data);
    tail = (tail + data.subarray(-16).toString('latin1')).slice(-16);
    if (tail.endsWith('\r\n0\r\n\r\n')) break;
  }
  const text = Buffer.concat(received).toString('latin1');
  const parts: string[] = [];
  for (let at = text.indexOf('\r\n\r\n') + 4; at < text.length;) {
    const line = text.indexOf('\r\n', at);
    const size = Number.parseInt(text.slice(at, line), 16);
    parts.push(text.slice(line + 2, line + 2 + size));
    at = line + 4 + size;
  }
  return parts.join('');
}

/** What each wire sends for a text. */
const WIRES = {
  chat: { path: '/v1/chat/completions', model: 'gpt-4', event: delta },
  messages: {
    path: '/v1/messages',
    model: 'claude',
    event: (text: string): string => {
      const data = { type: 'content_block_delta', index: 0, delta: { type: 'text_delta', text } };
      return `event: content_block_delta\ndata: ${JSON.stringify(data)}\n\n`;
    },
  },
} as const;

for (const [name, wire] of Object.entries(WIRES)) {
  for (const bytes of [100, 8_000, 200_000]) {
    const title = `the first stream of a process costs none, ${name}, ${bytes} bytes an event`;
    t.test(title, async (t) => {
      const fresh = await start(t, { server: 'request_timeout_seconds: 120' });
      const url = `${fresh.proxy.url}${wire.path}`;
      const body = { ...CHAT, model: wire.model };
      t.equal((await post(url, 'ann', { ...body, stream: false })).status, 200);
      const event = wire.event('x'.repeat(bytes));
      const progress = streamOf(STREAM_BYTES, { event, from: fresh.provider });
      forgetPeak(fresh.proxy);
      const before = peakBytes(fresh.proxy);
      const socket = ask(JSON.stringify(body), url).pause();
      await stalled(progress);
      for (let second = 0; second < IDLE_SECONDS; second++) {
        socket.read(1024);
        await after(1000);
      }
      t.notOk(progress.done, `the provider is held at ${progress.written} bytes`);
      const growth = peakBytes(fresh.proxy) - before;
      t.ok(growth < GROWTH_BYTES_MAX, `the proxy grew by ${growth} bytes`);
      socket.destroy();
      await fresh.proxy.end('SIGKILL');
    });
  }
}

t.test('a client that reads slowly pauses the provider, and costs no memory', async (t) => {
  // What a process grows by when it first does something, and before it first tidies up, is not
  // what is asked here: it has served streams until one more did not make it grow.
  let before = 0;
  for (let round = 0; round < WARM_ROUNDS_MAX && peakBytes(proxy) > before; round++) {
    before = peakBytes(proxy);
    streamOf(WARM_BYTES);
    await chat();
  }
  before = peakBytes(proxy);
  const progress = streamOf(STREAM_BYTES);
  const socket = ask(JSON.stringify(CHAT)).pause();
  await stalled(progress);
  t.notOk(progress.done, `the provider is held at ${progress.written} bytes`);
  const growth = peakBytes(proxy) - before;
  t.ok(growth < GROWTH_BYTES_MAX, `the proxy grew by ${growth} bytes`);
  const received: Buffer[] = [];
  for (let second = 0; second < IDLE_SECONDS; second++) {
    received.push((socket.read(1024) as Buffer | null) ?? Buffer.alloc(0));
    await after(1000);
  }
  const text = await readToEnd(socket, received);
  socket.destroy();
  t.ok(progress.done);
  const sent = EVENT.repeat(Math.ceil(STREAM_BYTES / EVENT.length)) + STREAM_END;
  const expected = sent.replace(USAGE_EVENT, COMMENT);
  // Compared as one flag: a difference of megabytes is nothing to print.
  t.ok(text.replaceAll(':\n\n', '') === expected, 'and in the end not a byte is lost');
});

t.test('a large answer reaches a client that reads it late, whole', async (t) => {
  const body = completion(5).replace('{', `{"filler":"${'x'.repeat(20_000_000)}",`);
  provider.script = (_, response) => json(response, body);
  const socket = ask(JSON.stringify({ ...CHAT, stream: false })).pause();
  await once(socket, 'readable');
  await after(IDLE_SECONDS * 1000);
  const received: Buffer[] = [];
  let length = 0;
  for await (const data of socket as AsyncIterable<Buffer>) {
    received.push(data);
    length += data.length;
    if (length > body.length && data.at(-1) === '}'.charCodeAt(0)) break;
  }
  socket.destroy();
  const [head, answer] = Buffer.concat(received).toString('latin1').split('\r\n\r\n');
  const members = ',"request_cost_cents":0.06,"cost_cents":';
  t.match(head, /^HTTP\/1\.1 200 /);
  t.ok(answer?.startsWith(body.slice(0, -1) + members), 'as the provider sent it');
});

t.test('a provider that is slow to read a large request holds up nobody else', async (t) => {
  const messages = [{ role: 'user', content: 'w '.repeat(5_000_000) }];
  const body = JSON.stringify({ ...CHAT, stream: false, messages });
  let read: () => void = () => undefined;
  provider.reading = new Promise((resolve) => (read = resolve));
  provider.script = (_, response) => json(response, completion(5));
  const reached = once(provider.server, 'request');
  const large = post(`${proxy.url}/v1/chat/completions`, 'ann', body);
  await reached;
  provider.reading = Promise.resolve();
  for (let count = 0; count < 20; count++) {
    t.equal((await post(`${proxy.url}/v1/chat/completions`, 'bob', CHAT)).status, 200);
  }
  read();
  t.equal((await large).status, 200);
  t.ok(provider.lastBody === body, 'in the end it has every byte');
});
