import { execFile } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer, type TLSSocket } from 'node:tls';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { Worker } from 'node:worker_threads';
import t, { type Test } from 'tap';
import { ask, upstreamAt } from './asking.js';

type Script = (socket: Socket, connection: number) => void;

const ok = (body: string, headers = ''): string =>
  `HTTP/1.1 200 OK\r\n${headers}content-length: ${body.length}\r\n\r\n${body}`;

async function listening(t: Test, server: Server): Promise<number> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => server.close());
  return (server.address() as AddressInfo).port;
}

/** A provider that does as the script says with each request, and a client of it. */
async function start(t: Test, script: Script) {
  const sockets: Socket[] = [];
  const server = createServer((socket) => {
    const connection = sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (data: Buffer) => {
      if (data.includes('POST /')) script(socket, connection);
    });
  });
  const port = await listening(t, server);
  const upstream = upstreamAt(`http://127.0.0.1:${port}`);
  t.teardown(() => {
    upstream.close();
    for (const socket of sockets) socket.destroy();
  });
  return { upstream, sockets, port };
}

t.test('a connection serves one request after the other, and only one at a time', async (t) => {
  const { upstream } = await start(t, (socket, connection) => socket.write(ok(`c${connection}`)));
  t.same(await Promise.all([ask(upstream), ask(upstream)]), ['200 c1', '200 c2']);
  const later = await ask(upstream);
  t.match(later, /^200 c[12]$/);
  t.equal(await ask(upstream), later, 'the latest one first');
});

t.test('small and large bodies arrive as they are', async (t) => {
  for (const length of [0, 1, 16 * 1024, 16 * 1024 + 1, 3_000_000]) {
    const text = 'é'.repeat(length / 2);
    let got = '';
    const server = createServer((socket) => {
      got = '';
      socket.on('data', (data: Buffer) => {
        got += data.toString('latin1');
        const at = got.indexOf('\r\n\r\n');
        const expected = Number(/content-length: (\d+)/.exec(got)?.[1]);
        if (got.length - at - 4 >= expected) socket.end(ok('read', 'Connection: close\r\n'));
      });
    });
    const upstream = upstreamAt(`http://127.0.0.1:${await listening(t, server)}`);
    for (const body of [text, Buffer.from(text)]) {
      t.equal(await ask(upstream, body as string), '200 read');
      const sent = Buffer.from(got.slice(got.indexOf('\r\n\r\n') + 4), 'latin1').toString();
      t.ok(sent === text, `${length} bytes`);
    }
    upstream.close();
  }
});

const USED_UP: Readonly<Record<string, Script>> = {
  'the provider says goodbye': (socket, own) =>
    socket.write(ok(`c${own}`, 'Connection: close\r\n')),
  'more came than the answer': (socket, own) => socket.write(`${ok(`c${own}`)}HTTP/1.1 200`),
  'the provider will close it within a second': (socket, own) =>
    socket.write(ok(`c${own}`, 'Keep-Alive: timeout=1, max=5\r\n')),
};

for (const [why, script] of Object.entries(USED_UP)) {
  t.test(`a connection is not used again when ${why}`, async (t) => {
    const { upstream } = await start(t, script);
    t.equal(await ask(upstream), '200 c1');
    t.equal(await ask(upstream), '200 c2');
  });
}

t.test('an answer that overtakes its request ends the connection', async (t) => {
  const { upstream } = await start(t, (socket, own) => {
    socket.pause();
    socket.write(ok(`c${own}`));
  });
  t.equal(await ask(upstream, 'x'.repeat(8_000_000)), '200 c1');
  t.equal(await ask(upstream), '200 c2');
});

t.test('what an idle connection says unasked is no answer to the next request', async (t) => {
  const { upstream, sockets } = await start(t, (socket, own) => socket.write(ok(`c${own}`)));
  t.equal(await ask(upstream), '200 c1');
  sockets[0]?.write('HTTP/1.1 408 Request Timeout\r\ncontent-length: 0\r\n\r\n');
  await once(sockets[0] as Socket, 'close');
  t.equal(await ask(upstream), '200 c2');
});

t.test('a malformed answer ends its request and its connection', async (t) => {
  const { upstream } = await start(t, (socket, own) =>
    socket.write(own === 1 ? 'HTTP/1.1 200 OK\r\ncontent-length: -1\r\n\r\n' : ok('well')),
  );
  t.match(await ask(upstream), /^sent: cannot be understood: its answer is malformed/);
  t.equal(await ask(upstream), '200 well');
});

t.test('a header that would end its line is not sent', async (t) => {
  const { upstream, sockets } = await start(t, (socket) => socket.write(ok('')));
  for (const value of ['a\r\nx-evil: 1', 'a\x7fb', 'a\u010ab']) {
    t.match(await ask(upstream, '{}', { 'idempotency-key': value }), /^not sent: /);
  }
  t.same(sockets, []);
});

t.test('a connection that broke before a byte of the request left is replaced', async (t) => {
  const step = new SharedArrayBuffer(4);
  const server = new Worker(new URL('./reset-server.js', import.meta.url), { workerData: step });
  t.teardown(() => server.terminate());
  const [{ port }] = (await once(server, 'message')) as [AddressInfo];
  const upstream = upstreamAt(`http://127.0.0.1:${port}`);
  t.equal(await ask(upstream), '200 c1');
  // This loop stands still while the connection breaks, and so cannot know of it.
  server.postMessage('reset');
  Atomics.wait(new Int32Array(step), 0, 0);
  t.equal(await ask(upstream), '200 c2');
  upstream.close();
});

t.test(
  'TLS is spoken only with the host that was asked for, if its name is vouched for',
  async (t) => {
    const file = (name: string): string =>
      fileURLToPath(new URL(`../../../fixtures/tls/localhost.${name}.pem`, import.meta.url));
    const names: unknown[] = [];
    const options = { key: readFileSync(file('key')), cert: readFileSync(file('cert')) };
    const server = createTlsServer(options, (socket: TLSSocket) => {
      names.push(socket.servername);
      socket.on('error', () => undefined);
      socket.on('data', () => socket.end(ok('secret', 'Connection: close\r\n')));
    });
    const port = await listening(t, server);
    const entry = fileURLToPath(new URL('./ask-once.js', import.meta.url));
    const asking = async (host: string, trusted: boolean): Promise<string> => {
      const env = trusted ? { NODE_EXTRA_CA_CERTS: file('cert') } : {};
      const url = `https://${host}:${port}`;
      return (await promisify(execFile)(process.execPath, [entry, url], { env })).stdout;
    };
    t.match(await asking('localhost', false), /^not sent: .*self-signed certificate/);
    t.match(await asking('127.0.0.1', true), /^not sent: .*IP: 127.0.0.1 is not in the cert/);
    t.equal(await asking('localhost', true), '200 secret');
    t.same(names, ['localhost'], 'the name is told');
  },
);

const upperQuartile = (times: readonly number[]): number =>
  times.toSorted((a, b) => a - b)[Math.floor(times.length * 0.75)] as number;

t.test('Nagle: no request waits for the provider to acknowledge half of it', async (t) => {
  const { upstream, port } = await start(t, (socket, own) => socket.write(ok(`c${own}`)));
  const plain = connect({ port, host: '127.0.0.1', noDelay: true });
  const body = 'x'.repeat(20_000);
  const times = { direct: [] as number[], ours: [] as number[] };
  for (let at = 0; at < 30; at++) {
    const begun = performance.now();
    plain.write(`POST / HTTP/1.1\r\n\r\n${body}`);
    await once(plain, 'data');
    const between = performance.now();
    await ask(upstream, body);
    times.direct.push(between - begun);
    times.ours.push(performance.now() - between);
  }
  plain.destroy();
  // A delayed acknowledgement takes 40 ms, and would hold up every second request.
  const later = upperQuartile(times.ours) - upperQuartile(times.direct);
  t.ok(later < 30, `${later} ms later`);
});
