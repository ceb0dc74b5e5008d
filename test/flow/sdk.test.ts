// The official clients, unchanged, with only their base URL pointed at the proxy.

import Anthropic, { APIError as AnthropicError } from '@anthropic-ai/sdk';
import { zodOutputFormat } from '@anthropic-ai/sdk/helpers/zod';
import OpenAI, { APIError, NotFoundError } from 'openai';
import { zodResponseFormat } from 'openai/helpers/zod';
import t from 'tap';
import { z } from 'zod';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { places } from './setup.js';

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
${places(folder, mock.url)}
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

const CALL = '[mock tool=place arguments={"city":"Zürich }\\""}] [mock tool=ping]';
const PLACE = z.object({ city: z.string() });
const PARAMETERS = {
  type: 'object' as const,
  properties: { city: { type: 'string' } },
  required: ['city'],
  additionalProperties: false,
};
const IMAGE = 'R0lGODlhAQABAAAAACwAAAAAAQABAAA=';

t.test('openai: tools with streamed arguments, a schema, an image, by either API', async (t) => {
  const client = openai('sdk-openai-more');
  const about = { name: 'place', parameters: PARAMETERS };
  const messages = [{ role: 'user' as const, content: CALL }];
  const tools = [{ type: 'function' as const, function: about }];
  const pieces: string[] = [];
  const stream = client.chat.completions.stream({ ...CHAT, messages, tools });
  stream.on('tool_calls.function.arguments.delta', ({ arguments_delta }) => {
    pieces.push(arguments_delta);
  });
  const [choice] = (await stream.finalChatCompletion()).choices;
  const args = JSON.stringify({ city: 'Zürich }"' });
  t.match(choice?.message.tool_calls, [{ function: { arguments: args } }, {}]);
  t.equal(choice?.finish_reason, 'tool_calls');
  t.ok(pieces.length > 2);
  const parsed = await client.chat.completions.parse({
    ...CHAT,
    messages: [{ role: 'user', content: '[mock json={"city":"Bern"}]' }],
    response_format: zodResponseFormat(PLACE, 'place'),
  });
  t.same(parsed.choices[0]?.message.parsed, { city: 'Bern' });
  const input = [{ role: 'user' as const, content: [{ type: 'input_text' as const, text: CALL }] }];
  const request = { model: 'gpt-4', max_output_tokens: 200, input };
  const strict = { type: 'function' as const, strict: true, ...about };
  const response = await client.responses.stream({ ...request, tools: [strict] }).finalResponse();
  t.match(response.output, [{ type: 'function_call', arguments: args }, { name: 'ping' }]);
  const image_url = `data:image/gif;base64,${IMAGE}`;
  const content = [{ type: 'input_image' as const, detail: 'low' as const, image_url }];
  const seen = await client.responses.create({ ...request, input: [{ role: 'user', content }] });
  t.equal(seen.status, 'completed');
});

t.test('anthropic: tools with streamed arguments, a schema, an image', async (t) => {
  const client = anthropic('sdk-anthropic-more');
  const about = { model: 'claude-sonnet-5', max_tokens: 200 };
  const messages = [{ role: 'user' as const, content: CALL }];
  const tools = [{ name: 'place', input_schema: PARAMETERS }];
  const pieces: string[] = [];
  const stream = client.messages.stream({ ...about, messages, tools });
  stream.on('inputJson', (piece) => pieces.push(piece));
  const message = await stream.finalMessage();
  const calls = message.content.filter(({ type }) => type === 'tool_use');
  t.match(calls, [{ input: { city: 'Zürich }"' } }, { name: 'ping', input: {} }]);
  t.ok(pieces.length > 1);
  const parsed = await client.messages.parse({
    ...about,
    messages: [{ role: 'user', content: '[mock json={"city":"Bern"}]' }],
    output_config: { format: zodOutputFormat(PLACE) },
  });
  t.same(parsed.parsed_output, { city: 'Bern' });
  const source = { type: 'base64' as const, media_type: 'image/gif' as const, data: IMAGE };
  const content = [{ type: 'image' as const, source }];
  const seen = await client.messages.create({ ...about, messages: [{ role: 'user', content }] });
  t.equal(seen.stop_reason, 'end_turn');
});

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
