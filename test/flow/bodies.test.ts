import type { Server } from 'node:http';
import t from 'tap';
import { post } from './harness.js';
import { completion, json, start } from './scripted.js';

/** In kilobytes. */
const SIZES = [3, 5, 10, 70, 300, 900, 1_500];

/** Resolves when so many requests have begun to arrive. */
const arrivals = ({ server }: { readonly server: Server }, count: number): Promise<void> =>
  new Promise((resolve) => {
    let begun = 0;
    const one = (): void => {
      begun += 1;
      if (begun < count) return;
      server.off('request', one);
      resolve();
    };
    server.on('request', one);
  });

t.test('large bodies one after the other reach the provider as each was sent', async (t) => {
  const { proxy, provider } = await start(t);
  const arrived = new Map<string, string>();
  provider.script = (_request, response, body) => {
    const { messages } = JSON.parse(body) as { messages: { content: string }[] };
    const content = messages[0]?.content ?? '';
    arrived.set(content.slice(0, 8), content);
    json(response, completion(1));
  };
  const send = async (name: string, kilobytes: number): Promise<void> => {
    const mark = `${name}-${kilobytes}`.padEnd(8, '.');
    const content = mark.repeat((kilobytes * 1024) / mark.length);
    const body = { model: 'gpt-4', max_tokens: 5, messages: [{ role: 'user', content }] };
    const { status } = await post(`${proxy.url}/v1/chat/completions`, 'ann', body);
    // Compared here: what differs would be printed whole.
    t.same([status, arrived.get(mark) === content], [200, true], mark);
  };
  for (const round of [1, 2, 3]) {
    const [firstBegun, allBegun] = [1, 2].map((times) => arrivals(provider, times * SIZES.length));
    // None is read before all have begun to arrive, and the second half is sent when the first has:
    // of that the proxy then has most yet to send.
    provider.reading = allBegun as Promise<void>;
    const first = SIZES.map((size) => send(`a${round}`, size));
    await firstBegun;
    await Promise.all([...first, ...SIZES.map((size) => send(`b${round}`, size))]);
  }
});
