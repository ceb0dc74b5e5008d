// Each API asked of the other one's provider by its official client: tools and their results,
// thinking, images, schemas, errors. The mock provider refuses what the real ones refuse.

import Anthropic, { RateLimitError as AnthropicRateLimitError } from '@anthropic-ai/sdk';
import OpenAI, { RateLimitError as OpenAIRateLimitError } from 'openai';
import t, { type Test } from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { get, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { places } from './setup.js';

let mock: MockProvider;
let proxy: RunningProxy;

t.before(async () => {
  mock = await startMock({ record: true });
  const folder = temporaryFolder(t);
  const price = 'estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6';
  proxy = await startProxy(t, {
    folder,
    config: `
budget: { daily_limit_cents: 100000000 }
${places(folder, mock.url)}
models:
  gpt: { provider: openai, upstream_model: gpt-5, max_output_tokens: 5000, ${price} }
  claude: { provider: anthropic, upstream_model: claude-opus-5, max_output_tokens: 5000, ${price} }
`,
  });
});
t.teardown(() => mock.close());

const openai = (apiKey: string) =>
  new OpenAI({ apiKey, baseURL: `${proxy.url}/v1`, maxRetries: 0 });
const anthropic = (apiKey: string) => new Anthropic({ apiKey, baseURL: proxy.url, maxRetries: 0 });

const DIRECTIVES =
  '[mock tool=get_weather arguments={"city":"Zürich }\\""}] [mock tool=ping] ' +
  '[mock thinking with_text interleave]';
const INPUT = { city: 'Zürich }"' };
const SCHEMA = {
  type: 'object' as const,
  properties: { city: { type: 'string' as const } },
  required: ['city'],
  additionalProperties: false,
};

/** The only pixel of a GIF. */
const PIXEL = 'R0lGODlhAQABAAAAACwAAAAAAQABAAA=';

const lastBody = () => mock.requests().at(-1)?.body ?? {};

/** What the caller has spent is what the provider's own bill comes to. */
async function spentIsBilled(t: Test, user: string, billed: () => number): Promise<void> {
  const budgets = (await get(`${proxy.url}/v1/budget`, user)).json['budgets'] as {
    scope: string;
    window: string;
    spent_usd: string;
  }[];
  const day = budgets.find(({ scope, window }) => scope === `user:${user}` && window === 'daily');
  t.equal(Number(day?.spent_usd).toFixed(6), billed().toFixed(6));
}

const bill = (model: string): number => {
  const { inputTokens = 0, outputTokens = 0 } = mock.bill().byModel[model] ?? {};
  return (inputTokens * 3 + outputTokens * 6) / 100_000;
};

const ANTHROPIC_TOOLS: Anthropic.Tool[] = [
  { name: 'get_weather', description: 'The weather.', input_schema: SCHEMA },
  { name: 'ping', input_schema: { type: 'object', properties: {} } },
];

t.test('an Anthropic client runs a tool loop on an OpenAI model', async (t) => {
  const client = anthropic('loop-a');
  const user = { role: 'user' as const, content: DIRECTIVES };
  const request = {
    model: 'gpt',
    max_tokens: 2_000,
    tools: ANTHROPIC_TOOLS,
    tool_choice: { type: 'auto' as const, disable_parallel_tool_use: false },
    messages: [user],
  };
  const plain = await client.messages.create(request);
  const streamed = await client.messages.stream(request).finalMessage();
  for (const message of [plain, streamed]) {
    t.match(message, {
      model: 'gpt',
      content: [
        { type: 'thinking' },
        { type: 'text', text: /tools/ },
        { type: 'tool_use', name: 'get_weather', input: INPUT },
        { type: 'tool_use', name: 'ping', input: {} },
      ],
      stop_reason: 'tool_use',
    });
  }
  const results = streamed.content.flatMap((block) =>
    block.type === 'tool_use'
      ? [{ type: 'tool_result' as const, tool_use_id: block.id, content: `by ${block.name}` }]
      : [],
  );
  const answer = await client.messages.create({
    ...request,
    messages: [
      user,
      { role: 'assistant', content: streamed.content },
      { role: 'user', content: results },
    ],
  });
  t.equal(answer.stop_reason, 'end_turn');
  t.match(lastBody()['messages'], [
    { role: 'user' },
    { role: 'assistant', tool_calls: [{ function: { name: 'get_weather' } }, {}] },
    { role: 'tool', content: 'by get_weather' },
    { role: 'tool', content: 'by ping' },
  ]);
  await spentIsBilled(t, 'loop-a', () => bill('gpt-5'));
});

t.test('an OpenAI client runs a tool loop on an Anthropic model', async (t) => {
  const client = openai('loop-o');
  const user = { role: 'user' as const, content: DIRECTIVES };
  const tools: OpenAI.ChatCompletionTool[] = [
    { type: 'function', function: { name: 'get_weather', parameters: SCHEMA } },
    { type: 'function', function: { name: 'ping' } },
  ];
  const request = { model: 'claude', tools, parallel_tool_calls: true, messages: [user] };
  const called = (name: string, args: object) => ({
    type: 'function',
    function: { name, arguments: JSON.stringify(args) },
  });
  const calls = [called('get_weather', INPUT), called('ping', {})];
  const plain = await client.chat.completions.create(request);
  const streamed = await client.chat.completions.stream(request).finalChatCompletion();
  for (const completion of [plain, streamed]) {
    t.match(completion, {
      model: 'claude',
      choices: [{ message: { content: /tools/, tool_calls: calls }, finish_reason: 'tool_calls' }],
    });
  }
  t.equal(plain.usage?.total_tokens, plain.usage!.prompt_tokens + plain.usage!.completion_tokens);
  const { message } = streamed.choices[0]!;
  const results = (message.tool_calls ?? []).map(({ id }) => ({
    role: 'tool' as const,
    tool_call_id: id,
    content: 'done',
  }));
  const answer = await client.chat.completions.create({
    ...request,
    reasoning_effort: 'high',
    messages: [{ role: 'developer', content: 'Be kind.' }, user, message, ...results],
  });
  t.equal(answer.choices[0]?.finish_reason, 'stop');
  t.match(lastBody(), {
    model: 'claude-opus-5',
    system: 'Be kind.',
    max_tokens: 5_000,
    messages: [
      { role: 'user' },
      { role: 'assistant', content: [{ type: 'text' }, { type: 'tool_use' }, { input: {} }] },
      { role: 'user', content: [{ type: 'tool_result' }, { type: 'tool_result' }] },
    ],
    output_config: { effort: 'high' },
  });
  await spentIsBilled(t, 'loop-o', () => bill('claude-opus-5'));
});

t.test('images and schemas reach an OpenAI model', async (t) => {
  const source = { type: 'base64' as const, media_type: 'image/gif' as const, data: PIXEL };
  const message = await anthropic('media').messages.create({
    model: 'gpt',
    max_tokens: 100,
    messages: [{ role: 'user', content: [{ type: 'image', source }] }],
    output_config: { format: { type: 'json_schema', schema: SCHEMA } },
  });
  t.equal(message.type, 'message');
  t.match(lastBody(), {
    messages: [{ content: [{ image_url: { url: `data:image/gif;base64,${PIXEL}` } }] }],
    response_format: { json_schema: { schema: SCHEMA, strict: true } },
  });
});

t.test('images and schemas reach an Anthropic model', async (t) => {
  const url = `data:image/gif;base64,${PIXEL}`;
  await openai('media').chat.completions.create({
    model: 'claude',
    messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }],
    response_format: { type: 'json_schema', json_schema: { name: 'place', schema: SCHEMA } },
    temperature: 1.5,
    seed: 7,
  });
  t.match(lastBody(), {
    messages: [{ content: [{ type: 'image', source: { media_type: 'image/gif', data: PIXEL } }] }],
    output_config: { format: { type: 'json_schema', schema: SCHEMA } },
    temperature: 1,
  });
});

t.test('an OpenAI client sees usage where it asked, and the cost', async (t) => {
  const request = {
    model: 'claude',
    messages: [{ role: 'user' as const, content: '[mock cached_tokens=4 input_tokens=9]' }],
    stream: true as const,
  };
  const read = async (more: object): Promise<Record<string, unknown>[]> => {
    const stream = await openai('usage').chat.completions.create({ ...request, ...more });
    const chunks: Record<string, unknown>[] = [];
    for await (const chunk of stream) chunks.push(chunk as unknown as Record<string, unknown>);
    return chunks;
  };
  const asked = await read({ stream_options: { include_usage: true } });
  t.match(asked.at(-1), {
    choices: { length: 0 },
    usage: { prompt_tokens: 9, prompt_tokens_details: { cached_tokens: 4 } },
    request_cost_cents: Number,
  });
  t.ok((await read({})).every((chunk) => !('usage' in chunk)));
});

t.test('a refusal is one in the other API', async (t) => {
  const messages = [{ role: 'user' as const, content: '[mock refusal]' }];
  const message = await anthropic('no').messages.create({ model: 'gpt', max_tokens: 99, messages });
  t.equal(message.stop_reason, 'refusal');
  const completion = await openai('no').chat.completions.create({ model: 'claude', messages });
  t.equal(completion.choices[0]?.finish_reason, 'content_filter');
});

t.test("a provider's error is the client's own typed error", async (t) => {
  const messages = [{ role: 'user' as const, content: '[mock status=429]' }];
  const byOpenai = await openai('error')
    .chat.completions.create({ model: 'claude', messages })
    .catch((error: unknown) => error);
  t.ok(byOpenai instanceof OpenAIRateLimitError);
  t.match(byOpenai, { type: 'rate_limit_error', message: /429/ });
  const byAnthropic = await anthropic('error')
    .messages.create({ model: 'gpt', max_tokens: 9, messages })
    .catch((error: unknown) => error);
  t.ok(byAnthropic instanceof AnthropicRateLimitError);
});

t.test('what cannot be translated is a 400 that names the field, and costs nothing', async (t) => {
  const messages = [{ role: 'user' as const, content: 'hi' }];
  const sent = mock.requests().length;
  const byOpenai = await openai('untranslatable')
    .chat.completions.create({ model: 'claude', messages, n: 2 })
    .catch((error: unknown) => error);
  t.match(byOpenai, { status: 400, param: 'n' });
  const byAnthropic = await anthropic('untranslatable')
    .messages.create({ model: 'gpt', max_tokens: 0, messages })
    .catch((error: unknown) => error);
  t.match(byAnthropic, { status: 400, message: /max_tokens/ });
  t.equal(mock.requests().length, sent);
  await spentIsBilled(t, 'untranslatable', () => 0);
});
