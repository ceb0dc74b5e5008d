// The Vercel AI SDK and LangChain, unchanged, on each API and on models of the other vendor: texts,
// streams, tools, schemas, images, embeddings, and a rejection that nobody tries again.

import { createAnthropic } from '@ai-sdk/anthropic';
import { createOpenAI } from '@ai-sdk/openai';
import { ChatAnthropic } from '@langchain/anthropic';
import { AIMessageChunk, HumanMessage } from '@langchain/core/messages';
import { ChatOpenAI, OpenAIEmbeddings } from '@langchain/openai';
import {
  APICallError,
  embed,
  generateText,
  type LanguageModel,
  Output,
  stepCountIs,
  streamText,
  tool,
} from 'ai';
import t from 'tap';
import { z } from 'zod';
import { startMock } from '../../src/mock/provider.js';
import { startProxy, temporaryFolder } from './harness.js';
import { places } from './setup.js';

const mock = await startMock({ record: true });
t.teardown(() => mock.close());
const folder = temporaryFolder(t);
const PRICE = 'estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6';
const proxy = await startProxy(t, {
  folder,
  config: `
budget:
  daily_limit_cents: 100000
  per_user_limits: { user_limits: { poor: { daily_limit_cents: 0 } } }
${places(folder, mock.url)}
models:
  gpt: { provider: openai, upstream_model: gpt-5, max_output_tokens: 5000, ${PRICE} }
  claude: { provider: anthropic, upstream_model: claude-opus-5, max_output_tokens: 5000, ${PRICE} }
  embedder: { provider: openai, upstream_model: text-embedding-3-small, ${PRICE} }
`,
});
const baseURL = `${proxy.url}/v1`;

let attempts = 0;
const countingFetch: typeof fetch = (...args) => {
  attempts++;
  return fetch(...args);
};

const PLACE = z.object({ city: z.string() });
const CALL = '[mock tool=place arguments={"city":"Zürich }\\""}]';
const CALLED = { city: 'Zürich }"' };
const JSON_ANSWER = '[mock json={"city":"Bern"}]';
/** The only pixel of a GIF. */
const PIXEL = 'data:image/gif;base64,R0lGODlhAQABAAAAACwAAAAAAQABAAA=';

const lastRequest = (): string => mock.requests().at(-1)?.text ?? '';

/** In both vendors' figures the whole answer of the mock. */
const TEXT = /^The mock provider gives this answer/;

const viaOpenAI = (apiKey: string) => createOpenAI({ baseURL, apiKey, fetch: countingFetch });
const viaAnthropic = (apiKey: string) => createAnthropic({ baseURL, apiKey, fetch: countingFetch });

const AI_SDK: Readonly<Record<string, (apiKey: string) => LanguageModel>> = {
  'chat of gpt': (apiKey) => viaOpenAI(apiKey).chat('gpt'),
  'chat of claude': (apiKey) => viaOpenAI(apiKey).chat('claude'),
  'responses of gpt': (apiKey) => viaOpenAI(apiKey).responses('gpt'),
  'messages of claude': (apiKey) => viaAnthropic(apiKey)('claude'),
  'messages of gpt': (apiKey) => viaAnthropic(apiKey)('gpt'),
};

for (const [name, modelOf] of Object.entries(AI_SDK)) {
  t.test(`AI SDK, ${name}: text, stream, tools, schema, image`, async (t) => {
    const model = modelOf('ann');
    const plain = await generateText({ model, prompt: 'Hi' });
    t.match(plain, { text: TEXT, finishReason: 'stop', usage: { outputTokens: 22 } });
    const streamed = streamText({ model, prompt: 'Hi' });
    t.equal(await streamed.text, plain.text);
    t.match(await streamed.usage, { outputTokens: 22 });
    const place = tool({ inputSchema: PLACE, execute: async ({ city }) => `sun in ${city}` });
    const loop = streamText({ model, prompt: CALL, tools: { place }, stopWhen: stepCountIs(3) });
    const parts: string[] = [];
    for await (const { type } of loop.fullStream) parts.push(type);
    t.ok(parts.filter((type) => type === 'tool-input-delta').length > 1, 'arguments in pieces');
    t.match(await loop.steps, [
      { toolCalls: [{ input: CALLED }], toolResults: [{ output: 'sun in Zürich }"' }] },
      { text: TEXT },
    ]);
    const output = Output.object({ schema: PLACE });
    t.same((await generateText({ model, prompt: JSON_ANSWER, output })).output, { city: 'Bern' });
    const content = [{ type: 'image' as const, image: PIXEL }];
    await generateText({ model, messages: [{ role: 'user', content }] });
    t.match(lastRequest(), PIXEL.slice(-32), 'the provider sees the image');
  });

  t.test(`AI SDK, ${name}: a rejection is met once`, async (t) => {
    const model = modelOf('poor');
    attempts = 0;
    const served = mock.requests().length;
    const plain: unknown = await generateText({ model, prompt: 'Hi' }).catch((error) => error);
    t.ok(APICallError.isInstance(plain));
    t.match(plain, { statusCode: 402, isRetryable: false, message: /daily budget limit/ });
    const errors: unknown[] = [];
    const onError = ({ error }: { error: unknown }): void => void errors.push(error);
    await streamText({ model, prompt: 'Hi', onError }).consumeStream();
    t.match(errors, [{ statusCode: 402 }]);
    t.equal(attempts, 2, 'nobody tried again');
    t.equal(mock.requests().length, served, 'nothing was sent');
  });
}

const configuration = { baseURL, fetch: countingFetch };
const langchainOpenAI = (apiKey: string, model: string, useResponsesApi = false) =>
  new ChatOpenAI({ model, apiKey, useResponsesApi, configuration });
const langchainAnthropic = (apiKey: string, model: string) =>
  new ChatAnthropic({
    model,
    apiKey,
    anthropicApiUrl: proxy.url,
    clientOptions: { fetch: countingFetch },
  });

const LANGCHAIN: Readonly<Record<string, (apiKey: string) => ChatOpenAI | ChatAnthropic>> = {
  'chat of gpt': (apiKey) => langchainOpenAI(apiKey, 'gpt'),
  'chat of claude': (apiKey) => langchainOpenAI(apiKey, 'claude'),
  'responses of gpt': (apiKey) => langchainOpenAI(apiKey, 'gpt', true),
  'messages of claude': (apiKey) => langchainAnthropic(apiKey, 'claude'),
  'messages of gpt': (apiKey) => langchainAnthropic(apiKey, 'gpt'),
};

async function gathered(stream: AsyncIterable<AIMessageChunk>): Promise<AIMessageChunk> {
  let all: AIMessageChunk | null = null;
  for await (const chunk of stream) all = all === null ? chunk : all.concat(chunk);
  return all ?? new AIMessageChunk('');
}

for (const [name, modelOf] of Object.entries(LANGCHAIN)) {
  t.test(`LangChain, ${name}: text, stream, tools, schema, image`, async (t) => {
    const model = modelOf('ann');
    const plain = await model.invoke('Hi');
    t.match(plain, { text: TEXT, usage_metadata: { output_tokens: 22 } });
    t.equal((await gathered(await model.stream('Hi'))).text, plain.text);
    const place = { name: 'place', description: 'A place.', schema: PLACE };
    const called = await gathered(await model.bindTools([place]).stream(CALL));
    t.match(called.tool_calls, [{ name: 'place', args: CALLED }]);
    for (const method of ['functionCalling', 'jsonSchema'] as const) {
      const structured = model.withStructuredOutput(PLACE, { method, name: 'place' });
      const prompt = method === 'jsonSchema' ? JSON_ANSWER : CALL;
      t.same(await structured.invoke(prompt), method === 'jsonSchema' ? { city: 'Bern' } : CALLED);
    }
    const content = [{ type: 'image_url', image_url: { url: PIXEL } }];
    await model.invoke([new HumanMessage({ content })]);
    t.match(lastRequest(), PIXEL.slice(-32), 'the provider sees the image');
  });

  t.test(`LangChain, ${name}: a rejection is met once`, async (t) => {
    const model = modelOf('poor');
    attempts = 0;
    const served = mock.requests().length;
    t.match(await model.invoke('Hi').catch((error: unknown) => error), { status: 402 });
    t.match(await model.stream('Hi').catch((error: unknown) => error), { status: 402 });
    t.equal(attempts, 2, 'nobody tried again');
    t.equal(mock.requests().length, served, 'nothing was sent');
  });
}

t.test('both embed texts', async (t) => {
  const model = viaOpenAI('ann').textEmbeddingModel('embedder');
  t.ok((await embed({ model, value: 'Hi' })).embedding.length > 0);
  const langchain = new OpenAIEmbeddings({ model: 'embedder', apiKey: 'ann', configuration });
  t.ok((await langchain.embedQuery('Hi')).length > 0);
});
