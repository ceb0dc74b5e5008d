// The mock's completions, responses, embeddings and free counts: as their providers answer them,
// and billed to the token.

import t, { type Test } from 'tap';
import { startMock, type MockOptions } from '../../src/mock/provider.js';
import { meterFor } from '../../src/wire/meter.js';
import { usageOf } from '../../src/wire/usage.js';

const HEADERS = { authorization: 'Bearer k', 'anthropic-version': '2023-06-01' };

type Json = Record<string, unknown>;

async function provider(t: Test, options?: MockOptions) {
  const mock = await startMock(options);
  t.teardown(() => mock.close());
  const post = (path: string, body: Json, headers: Record<string, string> = HEADERS) =>
    fetch(mock.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  const json = async (path: string, body: Json): Promise<Json> =>
    (await (await post(path, body)).json()) as Json;
  return { mock, post, json };
}

const completion = (prompt: unknown, more: Json = {}): Json => ({ model: 'm', prompt, ...more });
const response = (input: unknown, more: Json = {}): Json => ({ model: 'm', input, ...more });

/** The data of every event, `[DONE]` left out. */
const events = (text: string): Json[] =>
  text
    .split('\n\n')
    .map((frame) => frame.slice(frame.indexOf('data: ') + 6))
    .filter((data) => data.startsWith('{'))
    .map((data) => JSON.parse(data) as Json);

t.test('completes every prompt, and bills what it generates', async (t) => {
  const { mock, json } = await provider(t);
  const body = await json(
    '/v1/completions',
    completion(['12345678', '1234'], { n: 2, best_of: 3 }),
  );
  t.match(body, {
    id: /^cmpl-/,
    object: 'text_completion',
    choices: [{ index: 0, text: /mock/, finish_reason: 'length' }, {}, {}, { index: 3 }],
    usage: { prompt_tokens: 3, completion_tokens: 2 * 3 * 16 },
  });
  t.same(mock.bill().byModel, { m: { requests: 1, inputTokens: 3, outputTokens: 96 } });
  await json('/v1/completions', completion([1, 2, 3, 4, 5], { max_tokens: 2 }));
  t.same(mock.bill().byModel, { m: { requests: 2, inputTokens: 8, outputTokens: 98 } });
});

t.test('streams a completion with usage where it is asked for', async (t) => {
  const { mock, post } = await provider(t);
  const without = await (await post('/v1/completions', completion('x', { stream: true }))).text();
  t.notMatch(without, /usage/);
  t.ok(without.endsWith('data: [DONE]\n\n'));
  const asked = { stream: true, n: 2, stream_options: { include_usage: true } };
  const text = await (await post('/v1/completions', completion(['x', 'y'], asked))).text();
  const all = events(text);
  t.ok(all.slice(0, -1).every((chunk) => chunk['usage'] === null));
  const last = all.at(-1) ?? {};
  t.match(last, {
    object: 'text_completion',
    choices: { length: 0 },
    usage: { completion_tokens: 64 },
  });
  t.equal(mock.bill().byModel['m']?.outputTokens, 16 + 64);
});

t.test('responds in full, and says where it was cut short', async (t) => {
  const { mock, json } = await provider(t);
  const items = [
    { role: 'user', content: [{ type: 'input_text', text: '12345678' }] },
    { type: 'function_call_output', call_id: 'c', output: '1234567' },
  ];
  const body = await json('/v1/responses', response(items));
  t.match(body, {
    id: /^resp_/,
    object: 'response',
    status: 'completed',
    output: [{ type: 'message', content: [{ type: 'output_text', text: /mock provider/ }] }],
  });
  const usage = usageOf('responses', body);
  t.equal(usage?.inputTokens, 4);
  t.match(mock.bill().byModel['m'], { inputTokens: 4, outputTokens: usage?.outputTokens });
  t.match(await json('/v1/responses', response('x', { max_output_tokens: 16 })), {
    status: 'incomplete',
    incomplete_details: { reason: 'max_output_tokens' },
    usage: { input_tokens: 1, output_tokens: 16 },
  });
});

t.test("streams a response in OpenAI's order, usage in the terminal event alone", async (t) => {
  const { mock, post } = await provider(t);
  const request = response('x [mock output_tokens=40 input_tokens=9]', { stream: true });
  const text = await (await post('/v1/responses', request)).text();
  const all = events(text);
  t.same(
    all.map((event) => event['sequence_number']),
    all.map((_, index) => index),
  );
  const names = all.map((event) => String(event['type']).replace('response.', ''));
  const once = names.filter((name, index) => name !== names[index - 1]);
  t.same(once, [
    'created',
    'in_progress',
    'output_item.added',
    'content_part.added',
    'output_text.delta',
    'output_text.done',
    'content_part.done',
    'output_item.done',
    'completed',
  ]);
  t.match(all[0], { response: { status: 'in_progress', usage: null } });
  t.match(all.at(-1), { response: { usage: { input_tokens: 9, output_tokens: 40 } } });
  t.same(mock.bill().byModel, { m: { requests: 1, inputTokens: 9, outputTokens: 40 } });
  let settled: unknown = null;
  const settle = (usage: unknown): string => {
    settled = usage;
    return '';
  };
  const options = { settle, stripUsage: false, inputTokens: 9, requestedModel: 'm' };
  const meter = meterFor('responses', options);
  t.equal(Buffer.from(meter.push(Buffer.from(text)) ?? []).toString(), text);
  t.match(settled, { inputTokens: 9, outputTokens: 40 });
  t.match(meter, { complete: true, model: 'm' });
});

t.test('embeds every input the same way each time, and bills input alone', async (t) => {
  const { mock, json } = await provider(t);
  const request = { model: 'm', input: ['12345678', 'b', '12345678'], dimensions: 8 };
  const body = await json('/v1/embeddings', request);
  t.match(body, { object: 'list', usage: { prompt_tokens: 5, total_tokens: 5 } });
  const vectors = (body['data'] as { embedding: number[] }[]).map(({ embedding }) => embedding);
  t.equal(vectors.length, 3);
  t.same(vectors[0], vectors[2]);
  t.not(vectors[0]?.join(), vectors[1]?.join());
  t.ok(Math.abs(Math.hypot(...(vectors[0] ?? [])) - 1) < 1e-6, 'of length one');
  const packed = await json('/v1/embeddings', { ...request, encoding_format: 'base64' });
  const [first] = packed['data'] as { embedding: string }[];
  const bytes = new Uint8Array(Buffer.from(first?.embedding ?? '', 'base64'));
  t.same(Array.from(new Float32Array(bytes.buffer)), vectors[0]);
  t.match(mock.bill().byModel, { m: { requests: 2, inputTokens: 10, outputTokens: 0 } });
  const ids = { model: 'm', input: [[1, 2, 3], [4]], dimensions: 8 };
  t.match(await json('/v1/embeddings', ids), { usage: { prompt_tokens: 4 } });
  const whole = await json('/v1/embeddings', { model: 'm', input: 'a' });
  t.equal((whole['data'] as { embedding: number[] }[])[0]?.embedding.length, 1536);
});

t.test('counts for free what it would bill', async (t) => {
  const { mock, json } = await provider(t);
  const messages = [{ role: 'user', content: '12345678' }];
  t.same(await json('/v1/messages/count_tokens', { model: 'm', messages }), { input_tokens: 2 });
  t.same(await json('/v1/responses/input_tokens', response('12345678')), {
    object: 'response.input_tokens',
    input_tokens: 2,
  });
  t.match(await json('/v1/responses/input_tokens', response('[mock input_tokens=77]')), {
    input_tokens: 77,
  });
  t.equal(mock.bill().requests, 0);
});

t.test('refuses what the providers refuse, each in its shape', async (t) => {
  const { mock, post } = await provider(t);
  const messages = [{ role: 'user', content: 'x' }];
  const refused: [string, Json, RegExp][] = [
    ['/v1/completions', { prompt: 'x' }, /model/],
    ['/v1/completions', completion('x', { stream_options: {} }), /stream_options/],
    ['/v1/completions', completion('x', { max_output_tokens: 9 }), /max_output_tokens/],
    ['/v1/completions', completion('x', { n: 3, best_of: 2 }), /best_of/],
    ['/v1/completions', completion('x', { stream: true, best_of: 2 }), /best_of/],
    ['/v1/responses', { input: 'x' }, /model/],
    ['/v1/responses', response('x', { max_tokens: 50 }), /max_tokens/],
    ['/v1/responses', response('x', { max_output_tokens: 15 }), />= 16/],
    ['/v1/responses', response('x', { stream_options: { include_usage: true } }), /include_usage/],
    ['/v1/embeddings', { input: 'x' }, /model/],
    ['/v1/embeddings', { model: 'm', input: '' }, /input/],
    ['/v1/embeddings', { model: 'm', input: 'x', dimensions: 0 }, /dimensions/],
    ['/v1/embeddings', { model: 'm', input: 'x', encoding_format: 'hex' }, /encoding_format/],
    ['/v1/messages/count_tokens', { model: 'm' }, /messages/],
    ['/v1/messages/count_tokens', { model: 'm', messages, max_tokens: 9 }, /max_tokens/],
    ['/v1/responses/input_tokens', response('x', { stream: true }), /stream/],
    ['/v1/responses', response('x [mock status=400]'), /told to answer/],
    ['/v1/responses/input_tokens', response('x [mock status=400]'), /told to answer/],
  ];
  for (const [path, body, message] of refused) {
    const answer = await post(path, body);
    t.equal(answer.status, 400, path);
    const type = path.startsWith('/v1/messages') ? 'error' : undefined;
    t.match(await answer.json(), { type, error: { message } });
  }
  for (const path of ['/v1/embeddings', '/v1/messages/count_tokens']) {
    t.equal((await post(path, { model: 'm' }, {})).status, 401);
  }
  t.equal(mock.bill().requests, 0);
});
