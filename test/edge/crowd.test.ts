// How many requests of one user are in flight, over all workers, whatever becomes of them.

import t from 'tap';
import { type Answer, post, temporaryFolder } from '../flow/harness.js';
import type { Held } from '../flow/held-provider.js';
import { asking, budgets } from '../flow/setup.js';
import { startHeldProxy } from './held-proxy.js';

const MAX = 3;

t.setTimeout(60_000);

const { proxy, provider, killWorker } = await startHeldProxy(t, {
  folder: temporaryFolder(t),
  server: `max_concurrent_per_user: ${MAX}`,
});

const ask = (user = 'ann', more: object = {}): Promise<Answer> =>
  post(`${proxy.url}/v1/chat/completions`, user, asking(10, more));

const nextOnes = async (count: number): Promise<Held[]> => {
  const held: Held[] = [];
  while (held.length < count) held.push(await provider.next());
  return held;
};

/** So many of the answers that come first, all of them refusals. */
const refusedOf = (asked: readonly Promise<Answer>[], count: number): Promise<Answer[]> =>
  new Promise((resolve) => {
    const refused: Answer[] = [];
    for (const each of asked) {
      void each.then((answer) => {
        if (answer.status === 429 && refused.push(answer) === count) resolve(refused);
      });
    }
  });

t.test('of many at once as many are served as may be, over all workers', async (t) => {
  const asked = Array.from({ length: 30 }, () => ask());
  const held = await nextOnes(MAX);
  const refused = await refusedOf(asked, 30 - MAX);
  t.match(refused[0]?.json['error'], { code: 'too_many_requests', type: 'rate_limit_error' });
  t.match(refused[0]?.text, /User ann has 3 requests in flight.*server\.max_concurrent_per_user/);
  t.equal(refused[0]?.headers.get('retry-after'), '1');
  const claude = await post(`${proxy.url}/v1/messages`, 'ann', { ...asking(10), model: 'claude' });
  t.match(claude.json, { type: 'error', error: { type: 'rate_limit_error' } });

  const other = ask('bob');
  for (const one of [...held, await provider.next()]) one.answer(1);
  t.equal((await other).status, 200, 'nobody else is kept waiting');
  const statuses = (await Promise.all(asked)).map(({ status }) => status);
  t.equal(statuses.filter((status) => status === 200).length, MAX);
  t.match((await budgets(proxy, 'ann'))[0], { spent_usd: '0.03', reserved_usd: '0.00' });
});

t.test('every end of a request gives its place back', async (t) => {
  for (let round = 0; round < MAX + 1; round++) {
    const served = ask();
    (await provider.next()).answer(1);
    t.equal((await served).status, 200);
    t.equal((await ask('ann', { max_tokens: 10_000_000 })).status, 402, 'it was never taken');
    const left = new AbortController();
    const stream = fetch(`${proxy.url}/v1/chat/completions`, {
      method: 'POST',
      headers: { authorization: 'Bearer ann' },
      body: JSON.stringify(asking(10, { stream: true })),
      signal: left.signal,
    });
    const held = await provider.next();
    held.begin();
    await stream;
    left.abort();
    held.finish(1);
    while ((await budgets(proxy, 'ann'))[0]?.reserved_usd !== '0.00');
  }
});

t.test('so does a worker that dies', async (t) => {
  const open = Array.from({ length: MAX }, () => ask().catch(() => null));
  const held = await nextOnes(MAX);
  killWorker();
  await proxy.said('was started again');
  for (const one of held) one.answer(1);
  const answers = await Promise.all(open);
  t.ok(answers.every((answer) => answer === null || answer.status === 200));
  const asked = Array.from({ length: MAX }, () => ask());
  for (const one of await nextOnes(MAX)) one.answer(1);
  for (const answer of asked) t.equal((await answer).status, 200);
  t.equal(await proxy.end(), 0);
});
