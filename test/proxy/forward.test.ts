import t from 'tap';
import type { Call } from '../../src/proxy/call.js';
import type { Exchange } from '../../src/proxy/exchange.js';
import { forward } from '../../src/proxy/forward.js';
import type { Proxy } from '../../src/proxy/proxy.js';
import type { Quote } from '../../src/proxy/quote.js';
import { Upstream } from '../../src/upstream/upstream.js';
import { MODELS } from '../model/provider.js';
import { provider } from '../pricing/prices.js';

t.test('what was priced for one address is sent to no other', (t) => {
  const priced = provider('openai', { baseUrl: 'http://127.0.0.1:9/v1' });
  const moved = { ...priced, baseUrl: 'http://127.0.0.1:10/v1' };
  const request = { stream: false, model: 'dear', wanted: {} };
  const quote = { body: {}, request } as unknown as Quote;
  const answers: unknown[] = [];
  const call = {
    quote,
    requestId: '1',
    clamped: null,
    candidate: { model: { ...MODELS.dear, provider: priced }, imposed: false },
    release: (status: number) => answers.push(status),
    underway: () => t.fail('nothing is sent'),
  } as unknown as Call;
  const exchange = {
    api: 'chat',
    body: Buffer.from('{}'),
    tally: { rejected: () => undefined },
    reply: (_status: number, _headers: unknown, body: string) => answers.push(body),
  } as unknown as Exchange;
  const upstreams = new Map([['openai', new Upstream(moved, () => 0)]]);
  forward({ upstreams } as unknown as Proxy, exchange, call, quote);
  t.match(answers, [502, /has changed in the configuration meanwhile\. Send it again/]);
  t.end();
});
