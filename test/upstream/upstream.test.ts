import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
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
