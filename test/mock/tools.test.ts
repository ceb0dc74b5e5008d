// What the mock provider does beyond text, and what it refuses as the real ones do.

import t, { type Test } from 'tap';
import { startMock } from '../../src/mock/provider.js';

const CHAT = '/v1/chat/completions';
const MESSAGES = '/v1/messages';

type Json = Record<string, unknown>;

async function provider(t: Test) {
  const mock = await startMock();
  t.teardown(() => mock.close());
  return async (path: string, body: Json, version = '2023-06-01') => {
    const headers = { authorization: 'Bearer k', 'anthropic-version': version };
    const sent = { method: 'POST', headers, body: JSON.stringify(body) };
    const response = await fetch(mock.url + path, sent);
    const text = await response.text();
    const json = (text.startsWith('{') ? JSON.parse(text) : {}) as Json;
    return { status: response.status, text, json };
  };
}

const DIRECTIVES =
  '[mock tool=get_weather arguments={"in":[{"city":"Bern"}]}] [mock tool=ping] ' +
  '[mock thinking with_text interleave]';
const prompt = (content: string, more: Json = {}): Json => ({
  model: 'gpt-4',
  messages: [{ role: 'user', content }],
  ...more,
});

t.test('calls the tools that the prompt names, after thinking and a word', async (t) => {
  const post = await provider(t);
  const chat = await post(CHAT, prompt(DIRECTIVES));
  const called = (name: string, args: string) => ({
    id: /^call_\w{1,35}$/,
    type: 'function',
    function: { name, arguments: args },
  });
  t.match(chat.json['choices'], [
    {
      message: {
        content: /tools/,
        reasoning_content: /weighs/,
        tool_calls: [called('get_weather', '{"in":[{"city":"Bern"}]}'), called('ping', '')],
      },
      finish_reason: 'tool_calls',
    },
  ]);
  const message = await post(MESSAGES, prompt(DIRECTIVES, { max_tokens: 500 }));
  t.match(message.json, {
    content: [
      { type: 'thinking', signature: /./ },
      { type: 'text', text: /tools/ },
      { type: 'tool_use', name: 'get_weather', input: { in: [{ city: 'Bern' }] } },
      { type: 'tool_use', name: 'ping', input: {} },
    ],
    stop_reason: 'tool_use',
  });
});

t.test('streams the arguments of parallel calls in pieces', async (t) => {
  const post = await provider(t);
  const chat = await post(CHAT, prompt(DIRECTIVES, { stream: true }));
  const order = [...chat.text.matchAll(/"tool_calls":\[\{"index":(\d)/g)].map(([, index]) => index);
  t.same(order.slice(0, 3), ['0', '1', '0'], 'in turns');
  const message = await post(MESSAGES, prompt(DIRECTIVES, { stream: true, max_tokens: 500 }));
  t.equal(message.text.match(/input_json_delta/g)?.length, 4);
  t.match(message.text, /signature_delta/);
});

t.test('declines when told to', async (t) => {
  const post = await provider(t);
  t.match((await post(CHAT, prompt('[mock refusal]'))).json, {
    choices: [{ message: { content: null, refusal: /cannot/ }, finish_reason: 'stop' }],
  });
  t.match((await post(MESSAGES, prompt('[mock refusal]', { max_tokens: 99 }))).json, {
    stop_reason: 'refusal',
  });
});

t.test('a client that comes back with a result gets a text', async (t) => {
  const post = await provider(t);
  const call = { id: 'one', type: 'function', function: { name: 'ping', arguments: '{}' } };
  const messages = [
    { role: 'user', content: DIRECTIVES },
    { role: 'assistant', tool_calls: [call] },
    { role: 'tool', tool_call_id: 'one', content: 'pong' },
  ];
  t.match((await post(CHAT, { model: 'gpt-4', messages })).json, {
    choices: [{ finish_reason: 'stop' }],
  });
});

t.test('refuses what OpenAI refuses', async (t) => {
  const post = await provider(t);
  const hi = { role: 'user', content: 'hi' };
  const call = { id: 'one', type: 'function', function: { name: 'f', arguments: '{}' } };
  const assistant = { role: 'assistant', tool_calls: [call] };
  const format = (json_schema: Json) => ({ response_format: { type: 'json_schema', json_schema } });
  const definition = (more: Json) => ({ tools: [{ type: 'function', function: more }] });
  const refusals: [Json, RegExp][] = [
    [{ tool_choice: 'auto' }, /only allowed when 'tools'/],
    [{ tools: [] }, /empty array/],
    [definition({ name: 'f'.repeat(65) }), /does not match pattern/],
    [definition({ name: 'f', parameters: { type: 'custom' } }), /type object/],
    [{ stop: ['1', '2', '3', '4', '5'] }, /too long/],
    [{ user: 'u'.repeat(65) }, /too long/],
    [{ reasoning_effort: 'low' }, /reasoning_effort/],
    [{ model: 'gpt-5', temperature: 1 }, /'temperature'/],
    [{ messages: [hi, { role: 'assistant', content: null }] }, /got null/],
    [{ messages: [{ role: 'user', content: [] }] }, /empty array/],
    [{ messages: [{ role: 'tool', tool_call_id: 'x', content: [{ type: 'image_url' }] }] }, /con/],
    [{ messages: [hi, assistant, hi] }, /must be followed by tool messages/],
    [{ messages: [hi, { role: 'tool', tool_call_id: 'one', content: '' }] }, /must be a response/],
    [{ messages: [hi, { ...assistant, tool_calls: [{ ...call, id: 'i'.repeat(41) }] }] }, /long/],
    [format({ schema: {} }), /name/],
    [format({ name: 'n', strict: true, schema: { type: 'object' } }), /additionalProperties/],
  ];
  for (const [body, message] of refusals) {
    const { status, json } = await post(CHAT, prompt('x', body));
    t.match({ status, json }, { status: 400, json: { error: { message } } }, String(message));
  }
});

t.test('refuses what Anthropic refuses', async (t) => {
  const post = await provider(t);
  const hi = { role: 'user', content: 'hi' };
  const use = { type: 'tool_use', id: 'one', name: 'f', input: {} };
  const result = { type: 'tool_result', tool_use_id: 'one', content: 'x' };
  const says = (...content: Json[]) => ({ role: 'user', content });
  const calls = { role: 'assistant', content: [use] };
  const text = { type: 'text', text: 'x' };
  const thinking = { type: 'enabled', budget_tokens: 1024 };
  const tools = [{ name: 'f', input_schema: { type: 'object' } }];
  const image = { type: 'image', source: { type: 'base64', media_type: 'image/tiff' } };
  const refusals: [Json, RegExp][] = [
    [{ n: 1 }, /Extra inputs/],
    [{ temperature: 1.5 }, /range/],
    [{ temperature: 1, top_p: 1 }, /cannot both/],
    [{ tool_choice: { type: 'auto' } }, /providing tools/],
    [{ tools: [{ name: 'f', input_schema: {} }] }, /input_schema.type/],
    [{ tools, tool_choice: { type: 'none', disable_parallel_tool_use: true } }, /Extra inputs/],
    [{ messages: [] }, /at least one/],
    [{ messages: [says({ type: 'text', text: '' })] }, /non-empty/],
    [{ messages: [says()] }, /non-empty/],
    [{ messages: [says({ type: 'image_url' })] }, /image_url/],
    [{ messages: [says(image)] }, /media_type/],
    [{ messages: [{ role: 'tool', content: 'x' }] }, /role/],
    [{ messages: [hi, { role: 'assistant', content: 'x ' }] }, /trailing whitespace/],
    [{ messages: [hi, calls] }, /without `tool_result`/],
    [{ messages: [hi, says(result)] }, /unexpected `tool_use_id`/],
    [{ messages: [hi, calls, says(text, result)] }, /must come first/],
    [{ messages: [hi, { ...calls, content: [{ ...use, id: 'a.b' }] }] }, /pattern/],
    [{ thinking: { ...thinking, budget_tokens: 99 } }, /1024/],
    [{ thinking: { ...thinking, budget_tokens: 4000 } }, /greater than `thinking/],
    [{ thinking, temperature: 0.5 }, /only be set to 1/],
    [{ thinking, tools, tool_choice: { type: 'any' } }, /forces tool use/],
    [{ thinking, messages: [hi, calls, says(result)] }, /Expected `thinking`/],
  ];
  for (const [body, message] of refusals) {
    const { status, json } = await post(MESSAGES, prompt('x', { max_tokens: 2000, ...body }));
    t.match({ status, json }, { status: 400, json: { error: { message } } }, String(message));
  }
  const newer = await post(MESSAGES, prompt('x', { max_tokens: 9, top_k: 1 }), '2026-10-21');
  t.match(newer.json, { error: { message: /version/ } });
});
