// Requests that a seed breaks, over raw sockets: whatever arrives, both listeners go on, say 5xx to
// none of it, and hold no budget for it.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { get, post } from '../flow/harness.js';
import { adminOf, atRest, CENT_A_TOKEN, started } from '../flow/setup.js';
import { BODY, chat, dial, LENGTH, statuses } from './raw.js';

/** FUZZ_SEED repeats a run, FUZZ_ROUNDS makes it longer. */
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 300);
const AT_ONCE = 20;

t.setTimeout(240_000);

/** A Lehmer generator: whole numbers below `max`. */
function numbers(seed: number): (max: number) => number {
  let state = (seed % 2_147_483_646) + 1;
  return (max) => (state = (state * 48_271) % 2_147_483_647) % max;
}

const SCRAPS = ['\r\n', '\n', '\0', ':', ' ', '{', '"', '[[[[', '-1', '1e999', '\xff', 'null', '%'];

function broken(text: string, below: (max: number) => number): string {
  const at = below(text.length);
  switch (below(5)) {
    case 0:
      return text.slice(0, at);
    case 1:
      return text.slice(0, at) + text.slice(at + 1 + below(8));
    case 2:
      return text.slice(0, at) + SCRAPS[below(SCRAPS.length)] + text.slice(at);
    case 3:
      return text.slice(0, at) + String.fromCharCode(below(256)) + text.slice(at + 1);
    default:
      return Array.from({ length: 1 + below(400) }, () => String.fromCharCode(below(256))).join('');
  }
}

/** A body that is broken, behind a head that is whole. */
const hostile = (below: (max: number) => number): string => {
  const body = broken(BODY, below);
  return chat(`Content-Length: ${body.length}\r\n`, body, 'fuzz');
};

/** Says that it has ended: nobody waits for the rest. */
async function cutOff(url: string, bytes: string): Promise<string> {
  const socket = dial(url);
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
  socket.end(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return answer;
}

t.test('whatever arrives, both listeners go on and hold nothing for it', async (t) => {
  t.comment(`FUZZ_SEED=${SEED}`);
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const { proxy, folder } = await started(t, {
    providerUrl: mock.url,
    budget: 'daily_limit_cents: 100000',
    more: 'admin: { port: 0 }',
  });
  const admin = adminOf(folder);
  const below = numbers(SEED);
  const asked = chat(LENGTH, BODY, 'fuzz');
  const raise =
    'POST /admin/raises HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\n{}' +
    'GET /admin/spend?from=2026-01-01 HTTP/1.1\r\nHost: localhost\r\n\r\n';
  for (let round = 0; round < ROUNDS; round += AT_ONCE) {
    const sent = Array.from({ length: AT_ONCE }, (_, index) => {
      const toAdmin = index % 4 === 0;
      const whole = toAdmin ? raise : asked;
      const bytes = index % 4 === 1 ? hostile(below) : broken(whole, below);
      return { url: toAdmin ? admin : proxy.url, bytes };
    });
    await Promise.all(
      sent.map(async ({ url, bytes }) => {
        const faults = statuses(await cutOff(url, bytes)).filter((is) => is > 499 && is !== 505);
        if (faults.length > 0) t.fail(`${faults.join()} to ${JSON.stringify(bytes)}`);
      }),
    );
  }
  const odd = ['//', 'http://[', '/%', '/admin/keys/%ff', '/admin/spend?from=%00'];
  for (const target of odd) {
    const answer = await cutOff(admin, `GET ${target} HTTP/1.1\r\nHost: localhost\r\n\r\n`);
    t.notMatch(answer, /^HTTP\/1\.1 5/, target);
  }
  await atRest(proxy, 'fuzz');
  t.equal((await post(`${proxy.url}/v1/chat/completions`, 'ann', BODY)).status, 200);
  t.equal((await get(`${admin}/healthz`, null)).status, 200);
  t.notMatch(proxy.output(), /defect/);
});
