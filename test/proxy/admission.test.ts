import t from 'tap';
import { assert } from '../../src/kernel/assert.js';
import { admission, isAdmitted } from '../../src/proxy/admission.js';
import type { Exchange, Headers } from '../../src/proxy/exchange.js';
import { serve } from '../../src/proxy/pipeline.js';
import { quoteFor } from '../../src/proxy/quote.js';
import { countingProxy, LARGE } from './counting.js';

const USER = { user: 'user-a', models: null };

t.test('a limit that is lowered while a prompt is counted holds for it', async (t) => {
  const scene = countingProxy(t, Date.UTC(2026, 2, 25, 12));
  scene.whileCounting = scene.lower;
  const { proxy } = scene;
  const exchange = { api: 'chat', body: LARGE } as Exchange;
  const quote = quoteFor(proxy, exchange, USER);
  assert('candidates' in quote, 'it has a price');
  const outcome = await new Promise((resolve) => admission(proxy, exchange, quote, resolve));
  t.notOk(isAdmitted(outcome as never));
});

t.test('a rejection that midnight comes before is one of the new day', async (t) => {
  const scene = countingProxy(t, Date.UTC(2026, 2, 25, 23, 59, 59));
  scene.whileCounting = () => {
    scene.lower();
    scene.nowMs += 2_000;
  };
  const answer = await new Promise<{ status: number; headers: object }>((resolve) => {
    const exchange = {
      api: 'chat',
      body: LARGE,
      tally: { rejected: () => undefined },
      reply: (status: number, headers: Headers, _body: string, common: Headers) =>
        resolve({ status, headers: Object.fromEntries([...headers, ...common]) }),
    } as unknown as Exchange;
    serve(scene.proxy, exchange, USER, () => 'none');
  });
  t.match(answer, {
    status: 402,
    headers: { 'x-tokenpak-budget-reset': '2026-03-27T00:00:00Z' },
  });
  t.match(scene.alerts, [{ event: 'budget_exceeded', window: 'daily', date: 20260326 }]);
});
