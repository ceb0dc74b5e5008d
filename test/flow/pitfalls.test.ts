// What other gateways are known to get wrong when one API is served by the other's models, each
// asked of the proxy from outside. A title names the fault.

import { once } from 'node:events';
import t from 'tap';
import { fixture } from '../wire/fixture.js';
import { get, post } from './harness.js';
import { completion, eventStream, json, type Script, start } from './scripted.js';

const { proxy, provider } = await start(t);

type Json = Record<string, unknown>;

const HI = { role: 'user', content: 'Hi' };
const SCHEMA = { type: 'object', properties: { city: { type: 'string' } } };
const TOOL = { name: 'get_weather', input_schema: SCHEMA };
const FUNCTION = { type: 'function', function: { name: 'get_weather', parameters: SCHEMA } };

const messages = (body: Json, headers = {}) =>
  post(`${proxy.url}/v1/messages`, 'ann', { model: 'gpt-4', max_tokens: 50, ...body }, headers);
const chat = (body: Json) =>
  post(`${proxy.url}/v1/chat/completions`, 'ann', { model: 'claude', max_tokens: 2_048, ...body });

const sent = (): Json => JSON.parse(provider.lastBody) as Json;

const streaming = (text: string | Buffer): Script => {
  return (_, response) => void response.writeHead(200, eventStream).end(text);
};

const dataOf = (text: string): Json[] =>
  [...text.matchAll(/^data: (\{.*)$/gm)].map(([, data]) => JSON.parse(data ?? '') as Json);

const message = (more: Json = {}): string =>
  JSON.stringify({
    type: 'message',
    role: 'assistant',
    content: [{ type: 'text', text: 'Hi' }],
    stop_reason: 'end_turn',
    usage: {
      input_tokens: 100,
      cache_creation_input_tokens: 30,
      cache_read_input_tokens: 40,
      output_tokens: 7,
    },
    ...more,
  });

t.beforeEach(() => {
  provider.script = (request, response) =>
    json(response, request.url === '/v1/messages' ? message() : completion(5));
});

t.test('message_start tells zero input tokens', async (t) => {
  provider.script = streaming(fixture('chat-with-usage.sse'));
  const [first] = dataOf((await messages({ messages: [HI], stream: true })).text);
  const begun = first?.['message'] as { usage?: { input_tokens?: number } } | undefined;
  const inputTokens = begun?.usage?.input_tokens ?? 0;
  t.ok(inputTokens > 0);
  // The bound is some four times the truth, and would fill a context window that is not full.
  t.ok(inputTokens < 40, `${inputTokens}`);
});

t.test("a call's arguments are dropped from the stream", async (t) => {
  for (const name of ['chat-tools', 'chat-tools-interleaved', 'chat-tools-arguments-first']) {
    provider.script = streaming(fixture(`${name}.sse`));
    const events = dataOf((await messages({ messages: [HI], tools: [TOOL], stream: true })).text);
    const inputs = new Map<unknown, string>();
    for (const { index, delta, content_block: block } of events) {
      const piece = (delta as { partial_json?: string } | undefined)?.partial_json ?? '';
      const isCall = (block as { type?: string } | undefined)?.type === 'tool_use';
      if (isCall || inputs.has(index)) inputs.set(index, (inputs.get(index) ?? '') + piece);
    }
    t.ok(inputs.size > 0, name);
    for (const input of inputs.values()) t.type(JSON.parse(input || '{}'), 'object');
    t.match([...inputs.values()].join(), /\{"/, name);
  }
});

t.test('the name of a call is lost when its chunk brings text too', async (t) => {
  const call = { index: 0, id: 'call_1', function: { name: 'get_weather', arguments: '{"a":1}' } };
  const delta = { content: 'Let me see.', tool_calls: [call] };
  const chunk = { choices: [{ index: 0, delta, finish_reason: 'tool_calls' }] };
  provider.script = streaming(`data: ${JSON.stringify(chunk)}\n\ndata: [DONE]\n\n`);
  const { text } = await messages({ messages: [HI], tools: [TOOL], stream: true });
  t.match(dataOf(text), [
    { type: 'message_start' },
    { type: 'ping' },
    { content_block: { type: 'text' } },
    { delta: { text: 'Let me see.' } },
    { type: 'content_block_stop' },
    { content_block: { type: 'tool_use', id: 'call_1', name: 'get_weather' } },
    { delta: { partial_json: '{"a":1}' } },
    { type: 'content_block_stop' },
    { delta: { stop_reason: 'tool_use' } },
    { type: 'message_stop' },
  ]);
});

t.test("a tool's own type overwrites that of its parameters", async (t) => {
  await messages({ messages: [HI], tools: [{ type: 'custom', ...TOOL }] });
  t.match(sent()['tools'], [{ type: 'function', function: { parameters: { type: 'object' } } }]);
});

t.test('the history of calls and results is dropped', async (t) => {
  const use = { type: 'tool_use', id: 'toolu_1', name: 'get_weather', input: { city: 'Bern' } };
  const result = { type: 'tool_result', tool_use_id: 'toolu_1', content: 'sun' };
  const history = [
    HI,
    { role: 'assistant', content: [use] },
    { role: 'user', content: [result, { type: 'text', text: 'And now?' }] },
  ];
  await messages({ messages: history, tools: [TOOL] });
  t.match(sent()['messages'], [
    HI,
    { role: 'assistant', tool_calls: [{ id: 'toolu_1', function: { name: 'get_weather' } }] },
    { role: 'tool', tool_call_id: 'toolu_1', content: 'sun' },
    { role: 'user' },
  ]);
  await chat({ messages: sent()['messages'], tools: [FUNCTION] });
  t.match(sent()['messages'], [
    { role: 'user' },
    { role: 'assistant', content: [{ type: 'tool_use', input: { city: 'Bern' } }] },
    { role: 'user', content: [{ type: 'tool_result', tool_use_id: 'toolu_1' }, { type: 'text' }] },
  ]);
});

t.test('the switch for parallel calls is ignored', async (t) => {
  const tool_choice = { type: 'auto', disable_parallel_tool_use: true };
  await messages({ messages: [HI], tools: [TOOL], tool_choice });
  t.equal(sent()['parallel_tool_calls'], false);
  await chat({ messages: [HI], tools: [FUNCTION], parallel_tool_calls: false });
  t.match(sent()['tool_choice'], tool_choice);
});

t.test('prompt_tokens leave the cache out, or the total counts it twice', async (t) => {
  const { usage } = (await chat({ messages: [HI] })).json;
  t.match(usage, {
    prompt_tokens: 170,
    completion_tokens: 7,
    total_tokens: 177,
    prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 30 },
  });
});

t.test('a history without its thinking is sent to think on, and refused', async (t) => {
  const thinking = { type: 'enabled', budget_tokens: 1_024 };
  const thought = { type: 'thinking', thinking: 'hm', signature: 'x' };
  const history = [HI, { role: 'assistant', content: [thought, { type: 'text', text: 'A' }] }, HI];
  await messages({ messages: history, thinking, max_tokens: 2_048 });
  t.notMatch(provider.lastBody, /thinking|reasoning|signature/);
  const call = { id: 'c1', type: 'function', function: { name: 'get_weather', arguments: '{}' } };
  const loop = [HI, { role: 'assistant', tool_calls: [call] }];
  const results = [...loop, { role: 'tool', tool_call_id: 'c1', content: 'sun' }];
  await chat({ messages: results, tools: [FUNCTION], reasoning_effort: 'high' });
  t.equal(sent()['thinking'], undefined, 'inside a loop that was not thought in');
});

t.test('anthropic-beta is rewritten', async (t) => {
  const beta = {
    'anthropic-beta': 'context-1m-2025-08-07, fine-grained-tool-streaming-2025-05-14',
  };
  const version = { 'anthropic-version': '2026-10-21' };
  await messages({ model: 'claude', messages: [HI] }, { ...beta, ...version });
  t.match(provider.lastHeaders, { ...beta, ...version });
  await messages({ messages: [HI] }, { ...beta, ...version });
  t.equal(provider.lastHeaders['anthropic-beta'], undefined, 'it means nothing to another vendor');
});

t.test('what a client that hangs up has had is billed to nobody', async (t) => {
  const stream = fixture('messages.sse');
  const half = stream.indexOf('\n\n', stream.length >> 1) + 2;
  const leave = new AbortController();
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    response.write(stream.subarray(0, half));
    leave.signal.addEventListener('abort', () => response.end(stream.subarray(half)));
  };
  const response = await fetch(`${proxy.url}/v1/messages`, {
    method: 'POST',
    headers: { authorization: 'Bearer leaver' },
    body: JSON.stringify({ model: 'claude', max_tokens: 50, stream: true, messages: [HI] }),
    signal: leave.signal,
  });
  await response.body!.getReader().read();
  const left = once(leave.signal, 'abort');
  leave.abort();
  await left;
  for (;;) {
    const { json } = await get(`${proxy.url}/v1/budget`, 'leaver');
    const [day] = json['budgets'] as { spent_usd: string; reserved_usd: string }[];
    if (day?.reserved_usd !== '0.00') continue;
    // 25 × 3 + 40 cached × 3 + 20 written × 3.75 + 10 written for an hour × 6 + 15 × 6: 0.42 cents
    t.equal(day.spent_usd, '0.0042', 'all that the provider has reported in the end');
    break;
  }
});
