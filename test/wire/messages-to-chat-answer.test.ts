import t from 'tap';
import { errorToChat, toChatResponse } from '../../src/wire/messages-to-chat-answer.js';

const OPTIONS = { requestedModel: 'claude', createdSeconds: 1_700_000_000 };

t.test(
  'translates a message, with the cache inside the prompt and once in the total',
  async (t) => {
    const message = {
      id: 'msg_1',
      content: [
        { type: 'thinking', thinking: 'hm', signature: 'x' },
        { type: 'text', text: 'a' },
        { type: 'text', text: 'b' },
        { type: 'tool_use', id: 'toolu_1', name: 'f', input: { a: 1 } },
        { type: 'tool_use', id: 'toolu_2', name: 'g', input: {} },
      ],
      stop_reason: 'tool_use',
      usage: {
        input_tokens: 100,
        cache_creation_input_tokens: 30,
        cache_read_input_tokens: 40,
        cache_creation: { ephemeral_5m_input_tokens: 20, ephemeral_1h_input_tokens: 10 },
        output_tokens: 7,
        output_tokens_details: { thinking_tokens: 3 },
      },
    };
    const call = (id: string, name: string, args: string) => ({
      id,
      type: 'function',
      function: { name, arguments: args },
    });
    t.same(toChatResponse(message, OPTIONS), {
      id: 'chatcmpl-msg_1',
      object: 'chat.completion',
      created: 1_700_000_000,
      model: 'claude',
      choices: [
        {
          index: 0,
          message: {
            role: 'assistant',
            content: 'ab',
            refusal: null,
            reasoning_content: 'hm',
            tool_calls: [call('toolu_1', 'f', '{"a":1}'), call('toolu_2', 'g', '{}')],
          },
          logprobs: null,
          finish_reason: 'tool_calls',
        },
      ],
      usage: {
        prompt_tokens: 170,
        completion_tokens: 7,
        total_tokens: 177,
        prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 30 },
        completion_tokens_details: { reasoning_tokens: 3 },
      },
    });
  },
);

t.test('a call without a word has no content', async (t) => {
  const content = [{ type: 'tool_use', id: 'x', name: 'f', input: {} }];
  const told = toChatResponse({ content, stop_reason: 'tool_use' }, OPTIONS);
  t.match(told, { choices: [{ message: { content: null } }] });
  t.equal('usage' in told, false, 'what was not reported is not made up');
  t.match(toChatResponse({}, OPTIONS), { choices: [{ message: { content: '' } }] });
});

t.test('maps every reason to stop', async (t) => {
  for (const [stop_reason, finish_reason] of Object.entries({
    end_turn: 'stop',
    stop_sequence: 'stop',
    pause_turn: 'stop',
    max_tokens: 'length',
    model_context_window_exceeded: 'length',
    tool_use: 'tool_calls',
    refusal: 'content_filter',
    brand_new: 'stop',
  })) {
    t.match(toChatResponse({ stop_reason }, OPTIONS), { choices: [{ finish_reason }] });
  }
});

t.test('translates errors, with the code that the provider gave', async (t) => {
  const error = { type: 'rate_limit_error', message: 'slow down' };
  t.same(errorToChat(429, { type: 'error', error }), {
    error: { message: 'slow down', type: error.type, param: null, code: error.type },
  });
  const details = { error_code: 'enforced_spend_limit_reached' };
  t.match(errorToChat(429, { error: { ...error, details } }), {
    error: { code: 'enforced_spend_limit_reached' },
  });
  t.match(errorToChat(502, null), { error: { type: 'api_error', message: /502/ } });
  t.match(errorToChat(404, {}), { error: { type: 'invalid_request_error' } });
});
