import t from 'tap';
import { ERRORS, type ErrorCode } from '../../src/kernel/errors.js';
import { errorBody, forRequest } from '../../src/wire/error.js';

const message = 'User user-a has reached daily budget limit ($3.00). Rejecting request.';
const members = { daily_spent: '$3.60', daily_limit: '$3.00' };
const exceeded = { code: 'budget_exceeded', message, members } as const;

t.test('a rejection on the chat route reads as documented, in this order', async (t) => {
  t.equal(
    forRequest('chat', errorBody('chat', exceeded), 'req_1'),
    '{"error":{"code":"budget_exceeded","type":"budget_exceeded","param":null,' +
      `"message":"${message}","daily_spent":"$3.60","daily_limit":"$3.00"}}`,
  );
});

t.test('a rejection on the messages route carries the same members', async (t) => {
  t.equal(
    forRequest('messages', errorBody('messages', exceeded), 'req_1'),
    '{"type":"error","error":{"type":"billing_error","code":"budget_exceeded",' +
      `"message":"${message}","daily_spent":"$3.60","daily_limit":"$3.00",` +
      '"details":{"error_code":"budget_exceeded"}},"request_id":"req_1"}',
  );
});

t.test('every code has a body in both shapes', async (t) => {
  for (const [name, row] of Object.entries(ERRORS)) {
    const code = name as ErrorCode;
    const error = { code, message: 'm', param: 'n' };
    t.same(JSON.parse(errorBody('chat', error)), {
      error: { code, type: row.openai, param: 'n', message: 'm' },
    });
    t.same(JSON.parse(errorBody('messages', error)), {
      type: 'error',
      error: { type: row.anthropic, code, message: 'm', details: { error_code: code } },
    });
  }
});

t.test("every OpenAI route answers in OpenAI's shape", async (t) => {
  for (const api of ['completions', 'responses', 'embeddings'] as const) {
    t.equal(errorBody(api, exceeded), errorBody('chat', exceeded), api);
  }
});
