import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { type ForwardHandler, Upstream } from '../../src/upstream/upstream.js';
import { provider } from '../pricing/prices.js';

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise((resolve) => server.close(resolve));
  return port;
}

const now = (): number => performance.now();

/** Forwards one request; resolves to the answer's body, or to why it failed. */
function asked(upstream: Upstream): Promise<string> {
  return new Promise((resolve) => {
    const chunks: Buffer[] = [];
    const handler: ForwardHandler = {
      onStart: () => undefined,
      onData: (chunk) => void chunks.push(chunk),
      onEnd: () => resolve(Buffer.concat(chunks).toString()),
      onFailure: ({ message, sent }) => resolve(`${sent ? 'sent' : 'not sent'}: ${message}`),
    };
    upstream.forward({ target: 'chat', body: '{}', headers: {} }, handler);
  });
}

t.test('a connection that is refused is tried again, and then given up', async (t) => {
  const port = await freePort();
  const upstream = new Upstream(provider('late', { baseUrl: `http://127.0.0.1:${port}/v1` }), now);
  t.match(await asked(upstream), /^not sent: cannot be reached: .*ECONNREFUSED/);
  const server = createServer((_request, response) => response.end('here'));
  t.teardown(() => server.close());
  const answer = asked(upstream);
  // After the first attempt, in any case before the last: all three wait in this loop.
  setTimeout(() => server.listen(port, '127.0.0.1'), 20);
  t.equal(await answer, 'here');
  await upstream.close();
});
