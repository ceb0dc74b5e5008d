import t from 'tap';
import { errorToMessages, toMessagesResponse } from '../../src/wire/chat-to-messages-answer.js';
import { NO_TOOL_NAMES } from '../../src/wire/tool-call.js';
import { fixture } from './fixture.js';

const OPTIONS = { requestedModel: 'gpt-4', toolNames: NO_TOOL_NAMES };

const answered = (message: object, finish_reason = 'stop') =>
  toMessagesResponse({ id: 'c', choices: [{ message, finish_reason }] }, OPTIONS);

t.test('translates a completion back', async (t) => {
  const response = JSON.parse(fixture('chat.json').toString()) as Record<string, unknown>;
  t.same(toMessagesResponse(response, OPTIONS), {
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

t.test('translates reasoning, text and calls, in this order', async (t) => {
  const call = (id: string, name: string, args: unknown) => ({
    id,
    type: 'function',
    function: { name, arguments: args },
  });
  const tool_calls = [
    call('one', 'short', '{"a":1}'),
    call('two.3', 'f', ''),
    call('', 'f', 'no json'),
    call('four', 'f', { b: 2 }),
    call('five', 'f', '[1]'),
  ];
  const message = { content: 'So', reasoning_content: 'hm', tool_calls };
  const options = { ...OPTIONS, toolNames: new Map([['short', 'the long name']]) };
  const response = { id: 'c', choices: [{ message, finish_reason: 'tool_calls' }] };
  const { content, stop_reason: reason } = toMessagesResponse(response, options);
  const use = (id: unknown, name: string, input: object) => ({ type: 'tool_use', id, name, input });
  t.equal(reason, 'tool_use');
  t.match(content, [
    { type: 'thinking', thinking: 'hm', signature: '' },
    { type: 'text', text: 'So' },
    use('one', 'the long name', { a: 1 }),
    use(/^two_3_\w+$/, 'f', {}),
    use(/^toolu_2_msg_c/, 'f', { raw_arguments: 'no json' }),
    use('four', 'f', { b: 2 }),
    use('five', 'f', { raw_arguments: '[1]' }),
  ]);
});

t.test('understands what compatible servers answer', async (t) => {
  const older = { name: 'f', arguments: '{"a":1}' };
  t.match(answered({ content: null, function_call: older }, 'function_call'), {
    content: [{ type: 'tool_use', name: 'f', input: { a: 1 } }],
    stop_reason: 'tool_use',
  });
  t.match(answered({ content: [{ type: 'text', text: 'a' }, { text: 'b' }] }), {
    content: [{ type: 'text', text: 'ab' }],
  });
});

t.test('maps every reason to stop', async (t) => {
  const call = { id: 'x', function: { name: 'f', arguments: '{}' } };
  t.match(answered({ content: null }, 'length'), { stop_reason: 'max_tokens', content: [] });
  t.match(answered({ content: null }, 'tool_calls'), { stop_reason: 'tool_use' });
  t.match(answered({ content: null }, 'content_filter'), { stop_reason: 'refusal' });
  t.match(answered({ refusal: 'no' }), {
    stop_reason: 'refusal',
    content: [{ type: 'text', text: 'no' }],
  });
  t.match(answered({ tool_calls: [call] }, 'stop'), { stop_reason: 'tool_use' });
  t.match(answered({ tool_calls: [call] }, 'length'), { stop_reason: 'max_tokens' });
  t.match(toMessagesResponse({}, OPTIONS), { stop_reason: 'end_turn', content: [] });
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
