// Requests that a seed breaks, heads without end, clients that take their time: whatever arrives,
// both listeners go on, say 5xx to none of it, and hold no budget for it.

import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import t from 'tap';
import { afterwards, AT_ONCE, cutOff, hostileRound, numbers, startTarget } from './hostile.js';
import type { Target } from './hostile.js';
import { BODY, dial, LENGTH, sent, statuses } from './raw.js';

/** FUZZ_SEED repeats a run, FUZZ_ROUNDS makes it longer; so does `npm run torture`. */
const SEED = Number(process.env['FUZZ_SEED'] ?? randomInt(2 ** 31));
const ROUNDS = Number(process.env['FUZZ_ROUNDS'] ?? 300);

const HEAD = 'POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer slow\r\n';
/** What each has sent at once, and sends a byte of every half second from then on. */
const SLOW: Readonly<Record<string, readonly [atOnce: string, byte: string]>> = {
  'nothing at all': ['', ''],
  'a head without end': [`${HEAD}X-A: `, 'a'],
  'a body that never begins': [`${HEAD}${LENGTH}\r\n`, ''],
  'a body byte by byte': [`${HEAD}Content-Length: 100000\r\n\r\n{"model":"`, 'a'],
};

t.setTimeout(240_000);

let target: Target;
let hungUp: Promise<(readonly [what: string, answer: string])[]>;

/** What a slow client has got when it was hung up on. */
async function slowly(what: string, [atOnce, byte]: readonly [string, string]) {
  const socket = dial(target.proxy.url);
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
  socket.write(atOnce);
  const dripping = setInterval(() => socket.write(byte), 500);
  await once(socket, 'close');
  clearInterval(dripping);
  return [what, answer] as const;
}

t.before(async () => {
  target = await startTarget(t);
  // They are given ten seconds: meanwhile the others have their turn.
  hungUp = Promise.all(Object.entries(SLOW).map(([what, how]) => slowly(what, how)));
});

t.test('whatever arrives, both listeners go on and hold nothing for it', async (t) => {
  t.comment(`FUZZ_SEED=${SEED}`);
  const below = numbers(SEED);
  for (let round = 0; round < ROUNDS; round += AT_ONCE) {
    for (const fault of await hostileRound(target, below)) t.fail(fault);
  }
  const odd = ['//', 'http://[', '/%', '/admin/keys/%ff', '/admin/spend?from=%00'];
  for (const path of odd) {
    const asked = `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
    t.notMatch(await cutOff(target.admin, asked), /^HTTP\/1\.1 5/, path);
  }
  t.same(await afterwards(target), []);
});

t.test('a head may have 32 KiB and a hundred lines', async (t) => {
  const asked = (lines: string): Promise<string> =>
    sent(target.proxy, `${HEAD}Connection: close\r\n${lines}${LENGTH}\r\n${BODY}`);
  t.same(statuses(await asked(`X-A: ${'a'.repeat(40_000)}\r\n`)), [431]);
  t.same(statuses(await asked('A: b\r\n'.repeat(120))), [431]);
  const long = `POST /healthz HTTP/1.1\r\nHost: x\r\nX-A: ${'a'.repeat(30_000)}\r\n\r\n`;
  t.same(statuses(await sent(target.proxy, long)), [400], 'this one is read');
});

t.test('who sends slowly is hung up on, and is not answered', async (t) => {
  for (const [what, answer] of await hungUp) t.equal(answer, '', what);
  t.same(await afterwards(target), []);
});
