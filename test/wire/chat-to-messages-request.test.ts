import t from 'tap';
import { toMessagesRequest } from '../../src/wire/chat-to-messages-request.js';

type Json = Record<string, unknown>;

const OPTIONS = { upstreamModel: 'claude-sonnet-4-5', maxTokens: 5_000 };
const hi = { role: 'user', content: 'hi' };

const crossed = (body: Json, upstreamModel = OPTIONS.upstreamModel) => {
  const options = { ...OPTIONS, upstreamModel };
  const result = toMessagesRequest({ model: 'm', messages: [hi], ...body }, options);
  if ('invalid' in result) throw new Error(result.invalid);
  return result;
};

const translated = (body: Json, upstreamModel?: string): Json => crossed(body, upstreamModel).body;

const refused = (body: Json) => {
  const result = toMessagesRequest({ model: 'm', messages: [hi], ...body }, OPTIONS);
  return 'invalid' in result ? result : null;
};

t.test('sets the most the model may answer, and the version it is written for', async (t) => {
  t.same(crossed({}), {
    body: { model: 'claude-sonnet-4-5', max_tokens: 5_000, messages: [hi] },
    headers: { 'anthropic-version': '2023-06-01' },
    dropped: [],
  });
  t.match(translated({ max_tokens: 9 }), { max_tokens: 5_000 }, 'the given one holds');
});

t.test('hoists all instructions in order, and merges turns of one speaker', async (t) => {
  const messages = [
    { role: 'system', content: 'a' },
    hi,
    { role: 'developer', content: [{ type: 'text', text: 'b' }] },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'there' },
        { type: 'text', text: '' },
      ],
    },
    { role: 'assistant', content: 'one' },
    { role: 'assistant', content: null, refusal: 'two' },
    { role: 'assistant', content: '' },
  ];
  const { system, messages: turns } = translated({ messages });
  t.equal(system, 'a\n\nb');
  const text = (value: string) => ({ type: 'text', text: value });
  t.same(turns, [
    { role: 'user', content: [text('hi'), text('there')] },
    { role: 'assistant', content: [text('one'), text('two')] },
  ]);
});

t.test('an answer to be continued does not end in white space', async (t) => {
  const last = (content: string) =>
    translated({ messages: [hi, { role: 'assistant', content }] })['messages'];
  t.same(last('{ \n'), [hi, { role: 'assistant', content: '{' }]);
  t.same(last(' \n'), [hi]);
});

t.test('translates images and files', async (t) => {
  const part = (value: Json) =>
    translated({ messages: [{ role: 'user', content: [value] }] })['messages'];
  const image = (url: string) => part({ type: 'image_url', image_url: { url, detail: 'low' } });
  const block = (value: Json) => [{ role: 'user', content: [value] }];
  t.same(
    image('data:image/PNG;base64,QUJD'),
    block({ type: 'image', source: { type: 'base64', media_type: 'image/png', data: 'QUJD' } }),
  );
  t.same(
    image('https://example.com/a.png'),
    block({ type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } }),
  );
  const file = (type: string) =>
    part({ type: 'file', file: { filename: 'a', file_data: `data:${type};base64,QUJD` } });
  const pdf = { type: 'base64', media_type: 'application/pdf', data: 'QUJD' };
  t.same(file('application/pdf'), block({ type: 'document', source: pdf, title: 'a' }));
  const plain = { type: 'text', media_type: 'text/plain', data: 'ABC' };
  t.same(file('text/plain;charset=utf-8'), block({ type: 'document', source: plain, title: 'a' }));
});

const call = (id: string, args: unknown = '{"a":1}') => ({
  id,
  type: 'function',
  function: { name: 'f', arguments: args },
});

t.test('groups results in one turn, before what the user says', async (t) => {
  const messages = [
    hi,
    { role: 'assistant', content: null, tool_calls: [call('one'), call('two', ''), call('3.')] },
    { role: 'user', content: 'early' },
    { role: 'tool', tool_call_id: 'one', content: 'r1' },
    { role: 'tool', tool_call_id: 'two', content: [{ type: 'text', text: 'r2' }] },
    { role: 'tool', tool_call_id: '3.', content: '' },
    { role: 'user', content: 'late' },
  ];
  const turns = translated({ messages })['messages'] as { content: Json[] }[];
  const use = (id: unknown, input: object) => ({ type: 'tool_use', id, name: 'f', input });
  const result = (id: unknown, content: string) => ({
    type: 'tool_result',
    tool_use_id: id,
    content,
  });
  t.match(turns, [
    hi,
    {
      role: 'assistant',
      content: [use('one', { a: 1 }), use('two', {}), use(/^3__\w+$/, { a: 1 })],
    },
    {
      role: 'user',
      content: [
        result('one', 'r1'),
        result('two', 'r2'),
        result(turns[1]?.content[2]?.['id'], ''),
        { type: 'text', text: 'early' },
        { type: 'text', text: 'late' },
      ],
    },
  ]);
  t.equal(turns.length, 3);
});

t.test('arguments that are no object reach the model all the same', async (t) => {
  for (const [args, input] of [
    ['{"a":', { raw_arguments: '{"a":' }],
    ['7', { raw_arguments: '7' }],
    [null, {}],
    [{ b: 1 }, { b: 1 }],
  ] as const) {
    const messages = [hi, { role: 'assistant', tool_calls: [call('one', args)] }];
    t.match(translated({ messages }), { messages: [hi, { content: [{ input }] }] });
  }
});

const tool = (more: Json = {}) => ({ type: 'function', function: { name: 'f', ...more } });

t.test('translates tools, their choice, and the switch for parallel calls', async (t) => {
  const parameters = { properties: { type: { type: 'string' } } };
  t.same(translated({ tools: [tool({ description: 'd', parameters }), tool()] })['tools'], [
    { name: 'f', description: 'd', input_schema: { type: 'object', ...parameters } },
    { name: 'f', input_schema: { type: 'object', properties: {} } },
  ]);
  t.same(crossed({ tools: [tool({ strict: true })] }).dropped, ['tools.strict']);
  const choice = (more: Json) => translated({ tools: [tool()], ...more })['tool_choice'];
  t.same(choice({ tool_choice: 'auto' }), { type: 'auto' });
  t.same(choice({ tool_choice: 'required' }), { type: 'any' });
  t.same(choice({ tool_choice: 'none', parallel_tool_calls: false }), { type: 'none' });
  const forced = { type: 'function', function: { name: 'f' } };
  t.same(choice({ tool_choice: forced, parallel_tool_calls: false }), {
    type: 'tool',
    name: 'f',
    disable_parallel_tool_use: true,
  });
  t.same(choice({ parallel_tool_calls: false }), {
    type: 'auto',
    disable_parallel_tool_use: true,
  });
  t.equal(choice({ parallel_tool_calls: true }), undefined);
  const toolless = { tools: [], tool_choice: 'auto', parallel_tool_calls: false };
  t.same(translated(toolless), translated({}), 'no choice among no tools');
});

t.test('clamps the temperature, and sends one of the two samplings', async (t) => {
  t.match(translated({ temperature: 1.7 }), { temperature: 1 });
  t.match(translated({ temperature: 0 }), { temperature: 0 });
  t.match(translated({ top_p: 0.5 }), { top_p: 0.5 });
  const both = crossed({ temperature: 0.3, top_p: 0.5 });
  t.same(both.dropped, ['top_p']);
  t.equal('top_p' in both.body, false);
});

t.test('translates stops, formats, the user, the tier and streaming', async (t) => {
  t.match(translated({ stop: 'x' }), { stop_sequences: ['x'] });
  t.match(translated({ stop: ['x', 'y'] }), { stop_sequences: ['x', 'y'] });
  const schema = { type: 'object', properties: {}, additionalProperties: false };
  const json_schema = { name: 'n', schema, strict: true };
  t.match(translated({ response_format: { type: 'json_schema', json_schema } }), {
    output_config: { format: { type: 'json_schema', schema } },
  });
  t.same(translated({ response_format: { type: 'text' } }), translated({}));
  const messages = [{ role: 'system', content: 'a' }, hi];
  t.match(translated({ messages, response_format: { type: 'json_object' } }), {
    system: /^a\n\nAnswer with one JSON object/,
  });
  t.match(translated({ user: 'u' }), { metadata: { user_id: 'u' } });
  t.match(translated({ user: 'u', safety_identifier: 's' }), { metadata: { user_id: 's' } });
  t.match(translated({ user: 'u'.repeat(257) }), { metadata: { user_id: /^[0-9a-f]{64}$/ } });
  t.match(translated({ service_tier: 'default' }), { service_tier: 'standard_only' });
  t.equal('service_tier' in translated({ service_tier: 'auto' }), false);
  const streamed = translated({ stream: true, stream_options: { include_usage: true } });
  t.equal(streamed['stream'], true);
  t.equal('stream_options' in streamed, false);
});

t.test('an effort becomes a budget, or the effort of newer models', async (t) => {
  const thinking = (budget_tokens: number) => ({ thinking: { type: 'enabled', budget_tokens } });
  t.match(translated({ reasoning_effort: 'low' }), thinking(1_024));
  t.match(translated({ reasoning_effort: 'high' }), thinking(2_500), 'half of the maximum');
  t.match(translated({ reasoning_effort: 'xhigh' }, 'claude-opus-5'), {
    thinking: { type: 'adaptive' },
    output_config: { effort: 'xhigh' },
  });
  t.same(translated({ reasoning_effort: 'none' }), translated({}));
  t.same(crossed({ reasoning_effort: 'low' }, 'claude-3-5-sonnet-20241022').dropped, [
    'reasoning_effort',
  ]);
  const hot = crossed({ reasoning_effort: 'low', temperature: 0.5, top_p: 0.5 });
  t.same(hot.dropped, ['temperature', 'top_p'], 'a thinking model takes neither');
  t.equal('temperature' in hot.body, false);
});

t.test('does not think where Anthropic would refuse it', async (t) => {
  const loop = [hi, { role: 'assistant', tool_calls: [call('one')] }];
  const messages = [...loop, { role: 'tool', tool_call_id: 'one', content: 'x' }];
  for (const body of [{ messages }, { tools: [tool()], tool_choice: 'required' }]) {
    const result = crossed({ ...body, reasoning_effort: 'high' });
    t.same(result.dropped, ['reasoning_effort']);
    t.equal('thinking' in result.body, false);
    const newer = crossed({ ...body, reasoning_effort: 'high' }, 'claude-opus-5');
    t.match(newer, { body: { output_config: { effort: 'high' } }, dropped: { length: 0 } });
    t.equal('thinking' in newer.body, false);
  }
  const small = { ...OPTIONS, maxTokens: 1_024 };
  const body = { model: 'm', messages: [hi], reasoning_effort: 'low' };
  t.match(toMessagesRequest(body, small), { dropped: ['reasoning_effort'] });
});

t.test('tells what it left out, by names that a header can hold', async (t) => {
  const { dropped } = crossed({
    seed: 1,
    logprobs: true,
    frequency_penalty: 0,
    logit_bias: null,
    'bad\r\nname': 1,
    messages: [{ ...hi, name: 'ann' }],
  });
  t.same(dropped, ['seed', 'logprobs', 'frequency_penalty', 'other', 'messages.name']);
});

t.test('refuses what it cannot translate, by name', async (t) => {
  const message = (value: Json) => refused({ messages: [hi, value] });
  t.match(refused({ n: 2 }), { param: 'n', invalid: /openai provider/ });
  t.equal(refused({ n: 1 }), null);
  t.match(refused({ functions: [{}] }), { param: 'functions' });
  t.match(refused({ tools: [tool(), { type: 'custom' }] }), { param: 'tools[1]' });
  t.match(refused({ tools: [tool()], tool_choice: { type: 'allowed_tools' } }), {
    param: 'tool_choice',
  });
  t.match(refused({ response_format: { type: 'grammar' } }), { param: 'response_format' });
  t.match(refused({ messages: [{ role: 'system', content: 'x' }] }), { param: 'messages' });
  t.match(message({ role: 'function', content: 'x' }), { param: 'messages[1].role' });
  t.match(message({ role: 'user', content: 7 }), { param: 'messages[1].content' });
  t.match(message({ role: 'assistant', function_call: {} }), {
    param: 'messages[1].function_call',
  });
  const custom = { id: 'x', type: 'custom', custom: {} };
  t.match(message({ role: 'assistant', tool_calls: [custom] }), {
    param: 'messages[1].tool_calls[0]',
  });
  const part = (value: unknown) => message({ role: 'user', content: [value] });
  const at = 'messages[1].content[0]';
  t.match(part({ type: 'input_audio' }), { param: at, invalid: /input_audio/ });
  t.match(part(null), { param: at });
  t.match(part({ type: 'file', file: { file_id: 'f' } }), { param: `${at}.file` });
  for (const url of ['data:image/tiff;base64,QUJD', 'file:///etc/passwd', '']) {
    t.match(part({ type: 'image_url', image_url: { url } }), { param: `${at}.image_url` });
  }
  const image = { type: 'image_url', image_url: { url: 'https://example.com' } };
  t.match(message({ role: 'system', content: [image] }), { param: 'messages[1].content' });
});
