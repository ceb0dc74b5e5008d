import t from 'tap';
import { toChatRequest } from '../../src/wire/messages-to-chat-request.js';
import type { InvalidRequest } from '../../src/wire/request.js';

type Json = Record<string, unknown>;

const OPTIONS = {
  upstreamModel: 'gpt-4-0613',
  maxTokensField: 'max_tokens',
  maxTokens: 50,
} as const;
const REASONING = {
  upstreamModel: 'gpt-5',
  maxTokensField: 'max_completion_tokens',
  maxTokens: null,
} as const;
const hi = { role: 'user', content: 'hi' };

const crossed = (body: Json, options: Parameters<typeof toChatRequest>[1] = OPTIONS) => {
  const result = toChatRequest({ model: 'gpt-4', messages: [hi], ...body }, options);
  if ('invalid' in result) throw new Error(result.invalid);
  return result;
};

const translated = (body: Json, options?: Parameters<typeof toChatRequest>[1]): Json =>
  crossed(body, options).body;

const refused = (body: Json): InvalidRequest | null => {
  const result = toChatRequest({ model: 'gpt-4', messages: [hi], ...body }, OPTIONS);
  return 'invalid' in result ? result : null;
};

const text = (value: string) => ({
  type: 'text',
  text: value,
  cache_control: { type: 'ephemeral' },
});

t.test("translates the recipe's request", async (t) => {
  t.same(translated({}), { model: 'gpt-4-0613', messages: [hi], max_tokens: 50 });
  t.same(translated({}, REASONING), { model: 'gpt-5', messages: [hi] });
  t.match(translated({ max_tokens: 9 }, REASONING), { max_completion_tokens: 9 });
  t.match(translated({ max_tokens: 9 }, { ...REASONING, maxTokens: 7 }), {
    max_completion_tokens: 7,
  });
});

t.test('translates system, blocks and several turns', async (t) => {
  const body = {
    system: [text('a'), text('b')],
    messages: [
      { role: 'user', content: [text('one')] },
      { role: 'assistant', content: [text('two, '), text('three')] },
      { role: 'system', content: 'c' },
      { role: 'user', content: [text('four'), text('five')] },
    ],
  };
  t.same(translated(body)['messages'], [
    { role: 'system', content: 'a\n\nb' },
    { role: 'user', content: 'one' },
    { role: 'assistant', content: 'two, three' },
    { role: 'system', content: 'c' },
    {
      role: 'user',
      content: [
        { type: 'text', text: 'four' },
        { type: 'text', text: 'five' },
      ],
    },
  ]);
  t.match(translated({ system: 'be brief' }), {
    messages: [{ role: 'system', content: 'be brief' }, hi],
  });
  t.match(translated({ system: [], messages: [{ role: 'user', content: [] }] }), {
    messages: [{ role: 'user', content: '' }],
  });
});

t.test('translates images and documents', async (t) => {
  const base64 = (media_type: string) => ({ type: 'base64', media_type, data: 'QUJD' });
  const content = [
    { type: 'image', source: base64('image/png') },
    { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
    { type: 'document', source: base64('application/pdf'), title: 'a.pdf', context: 'A bill.' },
    { type: 'document', source: base64('application/pdf') },
    { type: 'document', source: { type: 'text', data: 'plain' }, title: 'b', context: 'c' },
    { type: 'document', source: { type: 'content', content: [text('block')] }, title: 'd' },
  ];
  const file_data = 'data:application/pdf;base64,QUJD';
  t.same(translated({ messages: [{ role: 'user', content }] })['messages'], [
    {
      role: 'user',
      content: [
        { type: 'image_url', image_url: { url: 'data:image/png;base64,QUJD' } },
        { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
        { type: 'text', text: 'A bill.' },
        { type: 'file', file: { filename: 'a.pdf', file_data } },
        { type: 'file', file: { filename: 'document.pdf', file_data } },
        { type: 'text', text: 'b\n\nc\n\nplain' },
        { type: 'text', text: 'd' },
        { type: 'text', text: 'block' },
      ],
    },
  ]);
});

const toolUse = (id: string, input: unknown = { a: 1 }) => ({
  type: 'tool_use',
  id,
  name: 'f',
  input,
});

t.test(
  'keeps the history of tools: calls, then each result before what the user says',
  async (t) => {
    const image = { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } };
    const content = [
      { type: 'tool_result', tool_use_id: 'one', content: [text('1'), text('2')] },
      { type: 'tool_result', tool_use_id: 'two', content: [image] },
      { type: 'tool_result', tool_use_id: 'three', content: 'no such city', is_error: true },
      { type: 'tool_result', tool_use_id: 'four' },
      text('and?'),
    ];
    const calls = [toolUse('one'), toolUse('two', {}), toolUse('three'), toolUse('four')];
    const messages = [
      hi,
      { role: 'assistant', content: [text('So'), ...calls] },
      { role: 'user', content },
      { role: 'assistant', content: [toolUse('five')] },
    ];
    const call = (id: string, args = '{"a":1}') => ({
      id,
      type: 'function',
      function: { name: 'f', arguments: args },
    });
    t.same(translated({ messages })['messages'], [
      hi,
      {
        role: 'assistant',
        content: 'So',
        tool_calls: [call('one'), call('two', '{}'), call('three'), call('four')],
      },
      { role: 'tool', tool_call_id: 'one', content: '1\n2' },
      { role: 'tool', tool_call_id: 'two', content: 'The result follows in the next message.' },
      { role: 'tool', tool_call_id: 'three', content: '[tool_error] no such city' },
      { role: 'tool', tool_call_id: 'four', content: '' },
      {
        role: 'user',
        content: [
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'text', text: 'and?' },
        ],
      },
      { role: 'assistant', content: null, tool_calls: [call('five')] },
    ]);
  },
);

t.test('only results make no empty user message', async (t) => {
  const result = { type: 'tool_result', tool_use_id: 'one', content: 'x' };
  const { messages } = translated({ messages: [{ role: 'user', content: [result] }] });
  t.same(messages, [{ role: 'tool', tool_call_id: 'one', content: 'x' }]);
});

t.test('an id too long or too odd for OpenAI is the same in call and result', async (t) => {
  const ids = [`toolu_${'x'.repeat(60)}1`, `toolu_${'x'.repeat(60)}2`, 'a.b', 'a_b'];
  const messages = [
    { role: 'assistant', content: ids.map((id) => toolUse(id)) },
    { role: 'user', content: ids.map((id) => ({ type: 'tool_result', tool_use_id: id })) },
  ];
  const [calls, ...results] = translated({ messages })['messages'] as Json[];
  const called = (calls!['tool_calls'] as Json[]).map(({ id }) => String(id));
  t.same(
    results.map((result) => result['tool_call_id']),
    called,
  );
  t.equal(new Set(called).size, ids.length);
  t.ok(called.every((id) => /^[\w-]{1,40}$/.test(id)));
});

const schema = { type: 'object', properties: { type: { type: 'string' } }, required: ['type'] };
const tool = (more: Json = {}) => ({ name: 'f', input_schema: schema, ...more });

t.test("a tool's own type stays out of its parameters", async (t) => {
  const given = tool({
    type: 'custom',
    description: 'd',
    cache_control: { type: 'ephemeral' },
    eager_input_streaming: true,
    defer_loading: false,
  });
  t.same(translated({ tools: [given] })['tools'], [
    { type: 'function', function: { name: 'f', description: 'd', parameters: schema } },
  ]);
});

t.test('a name too long for OpenAI is shortened wherever it stands, and found again', async (t) => {
  const long = `mcp__${'x'.repeat(90)}`;
  const other = `${long}y`;
  const { body, toolNames } = crossed({
    tools: [tool({ name: long }), tool({ name: other }), tool()],
    tool_choice: { type: 'tool', name: long },
    messages: [{ role: 'assistant', content: [{ ...toolUse('one'), name: long }] }],
  });
  const names = (body['tools'] as { function: { name: string } }[]).map(
    (each) => each.function.name,
  );
  t.ok(names.every((name) => /^[\w-]{1,64}$/.test(name)));
  t.equal(names[2], 'f');
  t.same(
    [...toolNames],
    [
      [names[0], long],
      [names[1], other],
    ],
  );
  t.match(body, {
    tool_choice: { type: 'function', function: { name: names[0] } },
    messages: [{ tool_calls: [{ function: { name: names[0] } }] }],
  });
});

t.test('translates the choice of tools, the switch for parallel calls included', async (t) => {
  const choice = (tool_choice: Json) => translated({ tools: [tool()], tool_choice });
  t.match(choice({ type: 'auto' }), { tool_choice: 'auto' });
  t.equal('parallel_tool_calls' in choice({ type: 'auto' }), false);
  t.match(choice({ type: 'any', disable_parallel_tool_use: true }), {
    tool_choice: 'required',
    parallel_tool_calls: false,
  });
  t.match(choice({ type: 'none' }), { tool_choice: 'none' });
  t.match(choice({ type: 'tool', name: 'f', disable_parallel_tool_use: true }), {
    tool_choice: { type: 'function', function: { name: 'f' } },
    parallel_tool_calls: false,
  });
  t.same(
    translated({ tools: [], tool_choice: { type: 'auto', disable_parallel_tool_use: true } }),
    translated({}),
    'no choice among no tools',
  );
});

t.test('a schema for the answer is strict where it can be', async (t) => {
  const closed = { ...schema, additionalProperties: false };
  const format = (value: unknown) =>
    translated({ output_config: { format: { type: 'json_schema', schema: value } } });
  t.same(format(closed)['response_format'], {
    type: 'json_schema',
    json_schema: { name: 'output', schema: closed, strict: true },
  });
  for (const loose of [
    schema,
    { ...closed, required: [] },
    { ...closed, properties: { type: schema } },
    { ...closed, properties: { type: { oneOf: [] } } },
    { anyOf: [closed] },
  ]) {
    t.match(format(loose), { response_format: { json_schema: { strict: false } } });
  }
  t.match(translated({ output_format: { type: 'json_schema', schema: closed } }), {
    response_format: { json_schema: { strict: true } },
  });
});

t.test('thinking becomes an effort', async (t) => {
  const effort = (body: Json) => translated(body, REASONING)['reasoning_effort'];
  const enabled = (budget_tokens: number) => ({ thinking: { type: 'enabled', budget_tokens } });
  t.equal(effort(enabled(1024)), 'low');
  t.equal(effort(enabled(4096)), 'medium');
  t.equal(effort(enabled(8192)), 'high');
  t.equal(effort({ thinking: { type: 'adaptive' } }), 'medium');
  t.equal(effort({ thinking: { type: 'adaptive' }, output_config: { effort: 'max' } }), 'max');
  t.equal(effort({ output_config: { effort: 'low' } }), 'low');
  t.equal(effort({ thinking: { type: 'disabled' } }), undefined);
  const old = crossed(enabled(1024));
  t.equal('reasoning_effort' in old.body, false, 'older models refuse it');
  t.same(old.dropped, ['thinking']);
});

t.test('thinking in the history is dropped, and then the call does not think either', async (t) => {
  const content = [
    { type: 'thinking', thinking: 'hm', signature: 'x' },
    { type: 'redacted_thinking', data: 'x' },
    text('yes'),
  ];
  const messages = [hi, { role: 'assistant', content }, hi];
  const thinking = { type: 'enabled', budget_tokens: 4096 };
  const { body, dropped } = crossed({ messages, thinking }, REASONING);
  t.match(body['messages'], [hi, { role: 'assistant', content: 'yes' }, hi]);
  t.equal('reasoning_effort' in body, false);
  t.same(dropped, ['thinking']);
});

t.test('translates sampling, stops, the user, the tier and streaming', async (t) => {
  const body = {
    temperature: 0,
    top_p: 0.5,
    top_k: 5,
    stop_sequences: ['x'],
    metadata: { user_id: 'u' },
    stream: true,
    thinking: { type: 'disabled' },
    tools: [],
    service_tier: 'standard_only',
  };
  const { body: sent, dropped } = crossed(body);
  t.same(sent, {
    model: 'gpt-4-0613',
    messages: [hi],
    max_tokens: 50,
    temperature: 0,
    top_p: 0.5,
    stop: ['x'],
    user: 'u',
    service_tier: 'default',
    stream: true,
    stream_options: { include_usage: true },
  });
  t.same(dropped, ['top_k']);
  t.equal('service_tier' in translated({ service_tier: 'auto' }), false);
  const long = translated({ metadata: { user_id: 'u'.repeat(65) } })['user'];
  t.match(long, /^[0-9a-f]{64}$/, "OpenAI's limit");
  const reasoning = crossed({ temperature: 1, top_p: 1 }, REASONING);
  t.same(reasoning.dropped, ['temperature', 'top_p']);
  t.same(reasoning.body, { model: 'gpt-5', messages: [hi] });
});

t.test('refuses what it cannot translate, by name', async (t) => {
  for (const [name, value, param] of [
    ['brand_new', 1, 'brand_new'],
    ['max_tokens', 0, 'max_tokens'],
    ['output_config', { task_budget: {} }, 'output_config.task_budget'],
    ['output_config', { format: { type: 'xml' } }, 'output_config.format'],
    ['tools', [tool({ type: 'bash_20250124' })], 'tools[0]'],
    ['tools', [tool(), { name: 'f' }], 'tools[1].input_schema'],
  ] as const) {
    const options = { ...OPTIONS, maxTokens: null };
    const result = toChatRequest({ model: 'm', messages: [hi], [name]: value }, options);
    t.match(result, {
      param,
      invalid: new RegExp(`'${param.replace(/[[\]]/g, '.')}|input_schema`),
    });
  }
  t.match(refused({ brand_new: 1 }), { invalid: /anthropic provider/ });
  t.match(refused({ tools: [tool()], tool_choice: { type: 'x' } }), { param: 'tool_choice.type' });
  t.match(refused({ stop_sequences: ['1', '2', '3', '4', '5'] }), { invalid: /at most 4/ });
  t.match(refused({ system: [{ type: 'image' }] }), { param: 'system[0]' });
});

t.test('refuses a block it cannot translate, by its place', async (t) => {
  const at = 'messages[1].content[1]';
  const block = (value: unknown, role = 'user') =>
    refused({ messages: [hi, { role, content: [text('x'), value] }] });
  for (const type of ['search_result', 'container_upload', 'tool_use', 'brand_new']) {
    t.match(block({ type }), { param: at, invalid: new RegExp(type) });
  }
  for (const type of ['server_tool_use', 'web_search_tool_result', 'image', 'tool_result']) {
    t.match(block({ type }, 'assistant'), { param: at });
  }
  const file = { type: 'file', file_id: 'f' };
  t.match(block({ type: 'image', source: file }), { param: `${at}.source`, invalid: /file/ });
  t.match(block({ type: 'document', source: file }), { param: `${at}.source` });
  t.match(block({ type: 'document', source: { type: 'url', url: 'x' } }), {
    param: `${at}.source`,
  });
  t.match(block({ type: 'text' }), { param: at });
  t.match(block(null), { param: at });
  const result = { type: 'tool_result', tool_use_id: 'x', content: [{ type: 'tool_reference' }] };
  t.match(block(result), { param: `${at}.content[0]` });
  t.match(refused({ messages: [{ role: 'tool', content: 'x' }] }), { param: 'messages[0].role' });
  t.match(refused({ messages: [{ role: 'user', content: 7 }] }), { param: 'messages[0].content' });
  t.match(refused({ messages: [null] }), { param: 'messages[0].role' });
});
