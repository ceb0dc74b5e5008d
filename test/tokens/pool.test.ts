// Counting across threads: real Piscina, real WASM, both ends of the port.

import { once } from 'node:events';
import { MessageChannel } from 'node:worker_threads';
import { get_encoding } from '@dqbd/tiktoken';
import t from 'tap';
import { ENCODINGS } from '../../src/kernel/encoding.js';
import { TokenClient } from '../../src/tokens/client.js';
import { TokenPool } from '../../src/tokens/pool.js';
import type { CountRequest } from '../../src/tokens/protocol.js';

/** Long enough that a busy machine never misses it. */
const PATIENT = { deadlineMs: 60_000 };

t.test('a real pool', async (t) => {
  const pool = new TokenPool({ threads: 1 });
  const { port1, port2 } = new MessageChannel();
  pool.serve(port1);
  await pool.warm(ENCODINGS);
  const client = new TokenClient(port2, PATIENT);
  t.teardown(() => pool.close());

  const texts = ['', 'Hello, world', '<|endoftext|>', '\ud800', '日本語 😀👍🏽', 'a'.repeat(2_000)];
  for (const encoding of ENCODINGS) {
    const encoder = get_encoding(encoding);
    for (const text of texts) {
      const exact = encoder.encode(text, [], []).length;
      t.equal(await client.count([text], encoding), exact, `${encoding}: ${text.slice(0, 20)}`);
    }
    const sum = texts.reduce((total, text) => total + encoder.encode(text, [], []).length, 0);
    t.equal(await client.count(texts, encoding), sum, 'the sum over the texts');
    encoder.free();
  }

  // 262,144 pieces' worth of eight-letter tokens, plus one for each cut.
  t.equal(await client.count(['a'.repeat(2 << 20)], 'o200k_base'), (2 << 20) / 8 + 8_191);
  t.equal(await client.count(['a'.repeat(5 << 20)], 'o200k_base'), null, 'too much text');

  const countAll = (texts: string[]) =>
    Promise.all(texts.map((text) => client.count([text], 'cl100k_base')));
  const short = Array.from({ length: 500 }, (_, index) => `${index % 1000}`);
  t.ok(
    (await countAll(short)).every((tokens) => tokens === 1),
    'a burst of short prompts',
  );

  const long = Array.from({ length: 100 }, (_, index) => `${index % 10} word`.repeat(4_000));
  const answers = await countAll(long);
  const counts = new Set(answers.filter((tokens) => tokens !== null));
  t.equal(counts.size, 1, 'those that fit are counted');
  t.ok(answers.includes(null), 'a full pool says at once that it cannot');
  t.equal(await client.count(['again'], 'cl100k_base'), 1, 'and counts again when it has room');
});

t.test('a client', async (t) => {
  const { port1: server, port2: port } = new MessageChannel();
  t.teardown(() => server.close());
  const next = async (): Promise<CountRequest> =>
    ((await once(server, 'message')) as [CountRequest])[0];
  const long = 'a system prompt '.repeat(100);

  const client = new TokenClient(port, { deadlineMs: 1 });
  // The client lets its thread end while nothing is asked; this one has to wait for late answers.
  port.ref();
  const asked = next();
  t.equal(await client.count([long, 'short'], 'o200k_base'), null, 'misses its deadline');
  const { id, texts } = await asked;
  t.same(texts, [long, 'short']);

  server.postMessage({ id, counts: [301, 1] });
  server.postMessage({ id, counts: [999, 9] });
  await once(port, 'message');
  t.equal(await client.count([long], 'o200k_base'), 301, 'remembers what came too late');
  t.equal(await client.count([long, long], 'o200k_base'), 602, 'and asks nobody');

  const again = next();
  t.equal(await client.count([long], 'cl100k_base'), null, 'by encoding');
  t.same((await again).texts, [long]);
});

t.test('a closed port answers nothing', async (t) => {
  const { port1: server, port2: port } = new MessageChannel();
  const client = new TokenClient(port, PATIENT);
  const pending = client.count(['x'], 'cl100k_base');
  server.close();
  t.equal(await pending, null);
  t.equal(await client.count(['x'], 'cl100k_base'), null);
});
