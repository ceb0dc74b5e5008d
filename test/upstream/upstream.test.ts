import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { Origin } from '../../src/upstream/connection.js';
import { Pool } from '../../src/upstream/pool.js';
import { ask, upstreamAt } from './asking.js';

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

t.test('a connection that is refused is tried again, and then given up', async (t) => {
  const port = await freePort();
  const upstream = upstreamAt(`http://127.0.0.1:${port}`);
  t.match(await ask(upstream), /^not sent: cannot be reached: .*ECONNREFUSED/);
  const server = createServer((_request, response) => response.end('here'));
  t.teardown(() => server.close());
  const answer = ask(upstream);
  // After the first attempt, in any case before the last: all three wait in this loop.
  setTimeout(() => server.listen(port, '127.0.0.1'), 20);
  t.equal(await answer, '200 here');
  upstream.close();
});

t.test(
  'a provider that was replaced ends what is in flight, then nothing of it is left',
  async (t) => {
    const held: ServerResponse[] = [];
    const server = createServer((_request, response) => held.push(response)).listen(0, '127.0.0.1');
    t.teardown(() => server.close());
    await once(server, 'listening');
    const upstream = upstreamAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
    const first = ask(upstream);
    await once(server, 'request');
    held[0]?.end('one');
    t.equal(await first, '200 one');
    const second = ask(upstream);
    await once(server, 'request');
    const empty = new Promise<void>((resolve) => upstream.retire(resolve));
    t.match(await ask(upstream), /^not sent: /, 'nothing new is taken');
    held[1]?.end('two');
    t.equal(await second, '200 two');
    await empty;
    await new Promise<void>((resolve) => upstream.retire(resolve));
  },
);

t.test('what waits to be tried again when its provider is replaced goes on', async (t) => {
  const port = await freePort();
  const upstream = upstreamAt(`http://127.0.0.1:${port}`);
  const server = createServer((_request, response) => response.end('here'));
  const answer = ask(upstream);
  // Nothing is left of it between the first attempt and the next, which finds the provider there.
  await new Promise<void>((resolve) => upstream.retire(resolve));
  server.listen(port, '127.0.0.1');
  t.equal(await answer, '200 here');
  t.match(await ask(upstream), /^not sent: .*another has taken its place/);
  await new Promise((resolve) => server.close(resolve));
});

t.test('what waits to be tried again when all is closed is told', async (t) => {
  const upstream = upstreamAt(`http://127.0.0.1:${await freePort()}`);
  const answer = ask(upstream);
  upstream.retire(() => upstream.close());
  t.match(await answer, /^not sent: .*the proxy is closing its connections/);
});

t.test('who waits for a connection when all are closed is told', async (t) => {
  const url = new URL(`http://127.0.0.1:${await freePort()}`);
  const limits = { connectTimeoutMs: 10_000, connectionsMax: 1, idleMs: 1_000 };
  const pool = new Pool(new Origin(url), limits, () => 0);
  const failed: string[] = [];
  for (const name of ['connects', 'waits', 'comes later']) {
    if (name === 'comes later') pool.close();
    pool.acquire({ ready: () => false, failed: () => failed.push(name) });
  }
  t.same(failed, ['connects', 'waits', 'comes later']);
});

t.test('an answer tells whether all of its request had left by then', async (t) => {
  // Answers what it has not read, and reads no more of it.
  const server = createServer((request, response) => {
    request.pause();
    response.end('early');
  }).listen(0, '127.0.0.1');
  t.teardown(() => server.close());
  await once(server, 'listening');
  const upstream = upstreamAt(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  const isSent = (bytes: number): Promise<boolean> =>
    new Promise((resolve, reject) => {
      upstream.forward(
        { target: 'chat', body: Buffer.alloc(bytes), headers: {} },
        {
          onStart: () => undefined,
          onData: () => undefined,
          onEnd: resolve,
          onFailure: ({ message }) => reject(new Error(message)),
        },
      );
    });
  t.equal(await isSent(10), true);
  t.equal(await isSent(64 * 1024 * 1024), false);
  server.closeAllConnections();
  upstream.close();
});
