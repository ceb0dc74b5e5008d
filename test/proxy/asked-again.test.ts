import t from 'tap';
import { AskedAgain, type Request } from '../../src/proxy/asked-again.js';
import type { Caller } from '../../src/proxy/caller.js';
import type { Exchange } from '../../src/proxy/exchange.js';
import type { Proxy } from '../../src/proxy/proxy.js';

const proxy = { config: {}, prices: {} } as Proxy;
const ann: Caller = { user: 'ann', models: null };
const exchange = (body: string, api = 'chat'): Exchange =>
  ({ api, body: Buffer.from(body) }) as Exchange;
/** Told from others by what it is, as a quote's request is. */
const said = (): Request => ({ request: {} }) as Request;

t.test('the same bytes of the same caller are found, and nothing else', async (t) => {
  const asked = new AskedAgain();
  const first = said();
  asked.refused(proxy, exchange('{"n":1}'), ann, first);
  t.equal(asked.find(proxy, exchange('{"n":1}'), ann), first);

  t.equal(asked.find(proxy, exchange('{"n":2}'), ann), null, 'other bytes');
  t.equal(asked.find(proxy, exchange('{"n":1} '), ann), null, 'a byte more');
  t.equal(asked.find(proxy, exchange('{"n":1}', 'messages'), ann), null, 'another API');
  t.equal(asked.find(proxy, exchange('{"n":1}'), { ...ann, user: 'bob' }), null, 'another user');
  const narrow = { ...ann, models: ['gpt-4'] };
  t.equal(asked.find(proxy, exchange('{"n":1}'), narrow), null, 'a key that may ask less');
  const synced = { ...proxy, prices: {} } as Proxy;
  t.equal(asked.find(synced, exchange('{"n":1}'), ann), null, 'other prices');
  const reloaded = { ...proxy, config: {} } as Proxy;
  t.equal(asked.find(reloaded, exchange('{"n":1}'), ann), null, 'another configuration');
});

t.test('only the last of a user is remembered, of few users, and no long one', async (t) => {
  const asked = new AskedAgain();
  asked.refused(proxy, exchange('1'), ann, said());
  asked.refused(proxy, exchange('2'), ann, said());
  t.equal(asked.find(proxy, exchange('1'), ann), null);
  t.ok(asked.find(proxy, exchange('2'), ann));

  const long = 'x'.repeat(16 * 1024 + 1);
  asked.refused(proxy, exchange(long), ann, said());
  t.equal(asked.find(proxy, exchange(long), ann), null);

  const users = Array.from({ length: 1000 }, (_, n): Caller => ({ user: `u${n}`, models: null }));
  for (const user of users) asked.refused(proxy, exchange('3'), user, said());
  const found = users.filter((user) => asked.find(proxy, exchange('3'), user) !== null);
  t.ok(found.length > 0 && found.length <= 64, `${found.length} of 1000`);
});
