// The metered endpoints beside chat and messages, as the official clients see them.

import Anthropic from '@anthropic-ai/sdk';
import OpenAI from 'openai';
import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { get, post, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { places } from './setup.js';

const PRICES = 'estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6';
/** 1,000 input tokens at 3 cents and 100 output tokens at 6 cents the thousand. */
const COUNTS = { latencyMs: 0, inputTokens: 1000, outputTokens: 100, errorStatus: null };

let mock: MockProvider;
let proxy: RunningProxy;

t.before(async () => {
  mock = await startMock({ behaviour: COUNTS, record: true });
  const folder = temporaryFolder(t);
  proxy = await startProxy(t, {
    folder,
    config: `
budget:
  daily_limit_cents: 1000
  fallback_model_on_exceed: gpt-4
  per_user_limits: { enabled: true, user_limits: { poor: { daily_limit_cents: 20 } } }
${places(folder, mock.url)}
models:
  gpt-4: { provider: openai, ${PRICES} }
  davinci-002: { provider: openai, ${PRICES} }
  text-embedding-3-small: { provider: openai, ${PRICES} }
  claude: { provider: anthropic, upstream_model: claude-sonnet-5, ${PRICES} }
`,
  });
});
t.teardown(() => mock.close());

const openai = (apiKey: string) =>
  new OpenAI({ apiKey, baseURL: `${proxy.url}/v1`, maxRetries: 0 });

const spent = async (user: string): Promise<unknown> => {
  const [day] = (await get(`${proxy.url}/v1/budget`, user)).json['budgets'] as object[];
  return day;
};

t.test('embeddings of a text, of texts and of token ids cost their input', async (t) => {
  const client = openai('embedder');
  for (const input of ['one text', ['two', 'texts'], [[1, 2, 3], [4]]]) {
    const answer = await client.embeddings.create({ model: 'text-embedding-3-small', input });
    t.equal(answer.data.length, typeof input === 'string' ? 1 : 2);
    t.equal(answer.usage.prompt_tokens, 1000);
    t.equal((answer as unknown as Record<string, unknown>)['request_cost_cents'], 3);
  }
  t.match(await spent('embedder'), { spent_usd: '0.09', reserved_usd: '0.00' });
});

t.test('a response, plain and streamed, costs what its last event reports', async (t) => {
  const client = openai('responder');
  const request = { model: 'gpt-4', input: 'Say hello.', max_output_tokens: 200 };
  const plain = await client.responses.create(request);
  t.equal(plain.usage?.output_tokens, 100);
  t.ok(plain.output_text.length > 0);
  const types: string[] = [];
  let cost: unknown;
  for await (const event of await client.responses.create({ ...request, stream: true })) {
    types.push(event.type);
    cost = (event as unknown as Record<string, unknown>)['cost_cents'] ?? cost;
  }
  t.equal(types[0], 'response.created');
  t.equal(types.at(-1), 'response.completed');
  t.equal(cost, 7.2, 'the running tally stands in the last event');
  t.match(await spent('responder'), { spent_usd: '0.072', reserved_usd: '0.00' });
});

t.test('a response that goes on from another is bounded by the whole window', async (t) => {
  const request = { model: 'gpt-4', input: 'Go on.', max_output_tokens: 100 };
  const alone = await post(`${proxy.url}/v1/responses`, 'poor', request);
  t.equal(alone.status, 200, alone.text);
  const linked = { ...request, previous_response_id: 'resp_1' };
  const refused = await post(`${proxy.url}/v1/responses`, 'poor', linked);
  t.equal(refused.status, 402, '8,192 tokens of input might be billed, and do not fit');
  t.equal((await post(`${proxy.url}/v1/responses`, 'rich', linked)).status, 200);
  const later = await post(`${proxy.url}/v1/responses`, 'rich', { ...request, background: true });
  t.equal(later.status, 404, 'what is billed after the call ends is refused');
  t.match(later.json, { error: { code: 'unmetered_endpoint' } });
});

t.test('a legacy completion, plain and streamed', async (t) => {
  const client = openai('completer');
  const request = { model: 'davinci-002', prompt: 'Once upon', max_tokens: 200 };
  const plain = await client.completions.create(request);
  t.ok((plain.choices[0]?.text.length ?? 0) > 0);
  let text = '';
  for await (const chunk of await client.completions.create({ ...request, stream: true })) {
    text += chunk.choices[0]?.text ?? '';
  }
  t.ok(text.length > 0);
  t.match(await spent('completer'), { spent_usd: '0.072', reserved_usd: '0.00' });
});

t.test('counting tokens is free, by the provider or by our tokenizer', async (t) => {
  const client = new Anthropic({ apiKey: 'counter', baseURL: proxy.url });
  const messages = [{ role: 'user' as const, content: 'hello world' }];
  const before = mock.requests().length;
  const own = await client.messages.countTokens({ model: 'gpt-4', messages });
  t.equal(own.input_tokens, 9, '3 for the message, 1 for its role, 2 words, 3 to prime the answer');
  t.equal(mock.requests().length, before, 'nobody was asked');
  const theirs = await client.messages.countTokens({ model: 'claude', messages });
  t.ok(theirs.input_tokens > 0);
  t.match(mock.requests().at(-1), { path: '/v1/messages/count_tokens' });
  t.match(await spent('counter'), { spent_usd: '0.00', reserved_usd: '0.00' });
  const unknown = await post(`${proxy.url}/v1/messages/count_tokens`, 'counter', {
    model: 'x',
    messages,
  });
  t.match(unknown.json, { type: 'error', error: { code: 'model_not_found' } });
});

t.test('an API that the provider does not have is refused, not guessed at', async (t) => {
  const answer = await post(`${proxy.url}/v1/embeddings`, 'ann', { model: 'claude', input: 'x' });
  t.equal(answer.status, 400);
  t.match(answer.json, { error: { code: 'invalid_request', param: 'model' } });
});
