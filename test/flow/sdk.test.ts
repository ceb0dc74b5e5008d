// The official clients, unchanged, with only their base URL pointed at the proxy.

import Anthropic, { APIError as AnthropicError } from '@anthropic-ai/sdk';
import OpenAI, { APIError, NotFoundError } from 'openai';
import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { type RunningProxy, startProxy, temporaryFolder } from './harness.js';

const COUNTS = { latencyMs: 0, inputTokens: 1000, outputTokens: 100, errorStatus: null };

let mock: MockProvider;
let proxy: RunningProxy;

t.before(async () => {
  mock = await startMock({ behaviour: COUNTS });
  const folder = temporaryFolder(t);
  proxy = await startProxy(t, {
    folder,
    config: `
budget:
  daily_limit_cents: 100000
  clamp_output: false
  per_user_limits: { enabled: true, user_limits: { poor: { daily_limit_cents: 1 } } }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai: { type: openai, base_url: "${mock.url}/v1", api_key: sk-test }
  anthropic: { type: anthropic, base_url: "${mock.url}", api_key: sk-test }
models:
  gpt-4: { provider: openai, estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6 }
  claude-sonnet-5:
    provider: anthropic
    estimated_input_cost_per_1k: 3
    estimated_output_cost_per_1k: 6
`,
  });
});
t.teardown(() => mock.close());

let attempts = 0;
const countingFetch: typeof fetch = (...args) => {
  attempts++;
  return fetch(...args);
};
const openai = (apiKey: string) =>
  new OpenAI({ apiKey, baseURL: `${proxy.url}/v1`, fetch: countingFetch });
const anthropic = (apiKey: string) =>
  new Anthropic({ apiKey, baseURL: proxy.url, fetch: countingFetch });

const MESSAGES = [{ role: 'user' as const, content: 'Say hello.' }];
const CHAT = { model: 'gpt-4', max_tokens: 200, messages: MESSAGES };

t.test('openai: a completion, plain and streamed', async (t) => {
  const client = openai('sdk-openai');
  const plain = await client.chat.completions.create(CHAT);
  t.equal(plain.choices[0]?.message.role, 'assistant');
  t.equal(plain.usage?.total_tokens, 1100);
  t.equal((plain as unknown as Record<string, unknown>)['cost_cents'], 3.6);

  const stream = await client.chat.completions.create({ ...CHAT, stream: true });
  let text = '';
  for await (const chunk of stream) {
    t.ok(chunk.choices.length > 0, 'no event that was not asked for');
    text += chunk.choices[0]?.delta.content ?? '';
  }
  t.ok(text.length > 0);
  t.equal((await client.models.list()).data[0]?.id, 'gpt-4');
});

for (const model of ['claude-sonnet-5', 'gpt-4']) {
  t.test(`anthropic: a message from ${model}, plain and streamed`, async (t) => {
    const client = anthropic(`sdk-anthropic-${model}`);
    const request = { model, max_tokens: 200, messages: MESSAGES };
    const plain = await client.messages.create(request);
    t.equal(plain.content[0]?.type, 'text');
    t.equal(plain.usage.output_tokens, 100);
    const stream = client.messages.stream(request);
    const message = await stream.finalMessage();
    t.equal(message.stop_reason, 'end_turn');
    t.equal(message.usage.output_tokens, 100);
    t.ok((await stream.finalText()).length > 0);
  });
}

t.test('a budget rejection is a typed error, met once', async (t) => {
  const served = mock.bill().requests;
  attempts = 0;
  const byOpenai = await openai('poor')
    .chat.completions.create(CHAT)
    .catch((error: unknown) => error);
  t.ok(byOpenai instanceof APIError);
  t.match(byOpenai, { status: 402, code: 'budget_exceeded', type: 'budget_exceeded' });
  const byAnthropic = await anthropic('poor')
    .messages.create({ ...CHAT, model: 'claude-sonnet-5' })
    .catch((error: unknown) => error);
  t.ok(byAnthropic instanceof AnthropicError);
  t.match(byAnthropic, { status: 402, error: { error: { type: 'billing_error' } } });
  t.equal(attempts, 2, 'neither client tried again');
  t.equal(mock.bill().requests, served, 'the provider heard of neither');
});

t.test('an unknown model is the error that the client knows', async (t) => {
  const asked = openai('sdk-unknown').chat.completions.create({ ...CHAT, model: 'nope' });
  const error: unknown = await asked.catch((reason: unknown) => reason);
  t.ok(error instanceof NotFoundError);
});
