import t from 'tap';
import type { InvalidRequest } from '../../src/wire/request.js';
import { chatToMessages, errorToMessages, messagesToChat } from '../../src/wire/translate.js';
import { fixture } from './fixture.js';

const OPTIONS = {
  upstreamModel: 'gpt-4-0613',
  maxTokensField: 'max_tokens',
  maxTokens: 50,
} as const;
const hi = { role: 'user', content: 'hi' };

const translated = (body: Record<string, unknown>): Record<string, unknown> => {
  const result = messagesToChat({ model: 'gpt-4', messages: [hi], ...body }, OPTIONS);
  if ('invalid' in result) throw new Error(result.invalid);
  return result.body;
};

const refused = (body: Record<string, unknown>): InvalidRequest | null => {
  const result = messagesToChat({ model: 'gpt-4', messages: [hi], ...body }, OPTIONS);
  return 'invalid' in result ? result : null;
};

t.test("translates the recipe's request", async (t) => {
  t.same(translated({}), { model: 'gpt-4-0613', messages: [hi], max_tokens: 50 });
  const options = { ...OPTIONS, maxTokensField: 'max_completion_tokens', maxTokens: null } as const;
  t.same(messagesToChat({ messages: [hi] }, options), {
    body: { model: 'gpt-4-0613', messages: [hi] },
  });
  t.match(messagesToChat({ messages: [hi], max_tokens: 9 }, options), {
    body: { max_completion_tokens: 9 },
  });
  t.match(messagesToChat({ messages: [hi] }, { ...options, maxTokens: 7 }), {
    body: { max_completion_tokens: 7 },
  });
});

t.test('translates system, blocks and several turns', async (t) => {
  const text = (value: string) => ({
    type: 'text',
    text: value,
    cache_control: { type: 'ephemeral' },
  });
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
});

t.test('translates sampling, stops, the user and streaming', async (t) => {
  const body = {
    temperature: 0,
    top_p: 0.5,
    top_k: 5,
    stop_sequences: ['x'],
    metadata: { user_id: 'u' },
    stream: true,
    thinking: { type: 'disabled' },
    tools: [],
    service_tier: 'auto',
  };
  t.same(translated(body), {
    model: 'gpt-4-0613',
    messages: [hi],
    max_tokens: 50,
    temperature: 0,
    top_p: 0.5,
    stop: ['x'],
    user: 'u',
    stream: true,
    stream_options: { include_usage: true },
  });
});

t.test('refuses what it cannot translate, by name', async (t) => {
  for (const [name, value] of Object.entries({
    tools: [{ name: 'f' }],
    tool_choice: { type: 'auto' },
    thinking: { type: 'enabled', budget_tokens: 1024 },
    output_config: { effort: 'low' },
    brand_new: 1,
  })) {
    t.match(refused({ [name]: value }), {
      param: name,
      invalid: new RegExp(`'${name}'.*anthropic`),
    });
  }
  for (const type of ['image', 'document', 'tool_use', 'tool_result', 'thinking']) {
    const message = { role: 'user', content: [{ type: 'text', text: 'x' }, { type }] };
    t.match(refused({ messages: [hi, message] }), {
      param: `messages[1].content[1] of type ${type}`,
    });
  }
  t.match(refused({ stop_sequences: ['1', '2', '3', '4', '5'] }), { invalid: /at most 4/ });
  t.match(refused({ messages: [{ role: 'tool', content: 'x' }] }), { param: 'messages[0].role' });
  t.match(refused({ messages: [{ role: 'user', content: 7 }] }), { param: 'messages[0].content' });
  t.match(refused({ messages: [null] }), { param: 'messages[0].role' });
  t.match(refused({ messages: [{ role: 'user', content: [{ type: 'text' }] }] }), {
    param: 'messages[0].content[0]',
  });
  t.match(refused({ system: [{ type: 'image' }] }), { param: /^system\[0\]/ });
});

t.test('translates a completion back', async (t) => {
  const response = JSON.parse(fixture('chat.json').toString()) as Record<string, unknown>;
  t.same(chatToMessages(response, { requestedModel: 'gpt-4' }), {
    id: 'msg_chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT',
    type: 'message',
    role: 'assistant',
    model: 'gpt-4',
    content: [{ type: 'text', text: 'Hello! How can I assist you today?' }],
    stop_reason: 'end_turn',
    stop_sequence: null,
    usage: {
      input_tokens: 500,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 400,
      output_tokens: 7,
    },
  });
});

t.test('maps every reason to stop', async (t) => {
  const stop = (finish_reason: string, message: object = { content: null }) =>
    chatToMessages({ choices: [{ message, finish_reason }] }, { requestedModel: 'm' });
  t.match(stop('length'), { stop_reason: 'max_tokens', content: [] });
  t.match(stop('tool_calls'), { stop_reason: 'tool_use' });
  t.match(stop('content_filter'), { stop_reason: 'refusal' });
  t.match(stop('stop', { refusal: 'no' }), {
    stop_reason: 'refusal',
    content: [{ type: 'text', text: 'no' }],
  });
  t.match(chatToMessages({}, { requestedModel: 'm' }), { stop_reason: 'end_turn', content: [] });
});

t.test('translates errors with their status', async (t) => {
  const body = {
    error: { message: 'slow down', type: 'x', param: null, code: 'rate_limit_exceeded' },
  };
  t.same(errorToMessages(429, body), {
    type: 'error',
    error: {
      type: 'rate_limit_error',
      message: 'slow down',
      details: { error_code: 'rate_limit_exceeded' },
    },
  });
  t.match(errorToMessages(400, {}), { error: { type: 'invalid_request_error', message: /400/ } });
  t.match(errorToMessages(418, null), { error: { type: 'invalid_request_error' } });
  t.match(errorToMessages(500, 'x'), { error: { type: 'api_error' } });
  t.match(errorToMessages(529, null), { error: { type: 'overloaded_error' } });
});
