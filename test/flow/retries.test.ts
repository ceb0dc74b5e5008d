// What the official clients try again, and what the ledger then knows of it.

import OpenAI from 'openai';
import t from 'tap';
import { run } from './harness.js';
import { completion, json, start } from './scripted.js';

t.test('a request that a client sends again is booked with its number', async (t) => {
  const { proxy, provider, folder } = await start(t);
  let requests = 0;
  provider.script = (_, response) => {
    requests++;
    if (requests === 1) response.writeHead(500, { 'x-should-retry': 'true' }).end('{}');
    else json(response, completion(5));
  };
  const client = new OpenAI({ apiKey: 'again', baseURL: `${proxy.url}/v1` });
  const messages = [{ role: 'user' as const, content: 'Hi' }];
  await client.chat.completions.create({ model: 'gpt-4', max_tokens: 10, messages });
  // What is no number is nobody's count.
  await client.chat.completions.create(
    { model: 'gpt-4', max_tokens: 10, messages },
    { headers: { 'x-stainless-retry-count': 'often' } },
  );
  await proxy.end();
  const { stdout } = await run(['ledger', 'export', '--config', `${folder}/config.yaml`]);
  const entries = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as object);
  t.match(entries, [
    { kind: 'void', status: 500, retry_count: 0 },
    { kind: 'settle', status: 200, retry_count: 1 },
    { kind: 'settle', status: 200, retry_count: 0 },
  ]);
});
