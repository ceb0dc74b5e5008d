import t, { type Test } from 'tap';
import { once } from 'node:events';
import { connect } from 'node:net';
import type { MockBehaviour } from '../../src/config/config.js';
import { startMock, type MockOptions } from '../../src/mock/provider.js';
import { MessagesMeter } from '../../src/wire/messages-stream.js';
import { chatUsage, messagesUsage } from '../../src/wire/usage.js';

const CHAT = '/v1/chat/completions';
const MESSAGES = '/v1/messages';
const HEADERS = { authorization: 'Bearer k', 'anthropic-version': '2023-06-01' };

type Json = Record<string, unknown>;

async function provider(t: Test, options?: MockOptions) {
  const mock = await startMock(options);
  t.teardown(() => mock.close());
  const post = (path: string, body: Json, headers: Record<string, string> = HEADERS) =>
    fetch(mock.url + path, { method: 'POST', headers, body: JSON.stringify(body) });
  return { mock, post };
}

const prompt = (content: string, more: Json = {}): Json => ({
  model: 'gpt-4',
  messages: [{ role: 'user', content }],
  ...more,
});

const behaviour = (over: Partial<MockBehaviour>): MockBehaviour => ({
  latencyMs: 0,
  inputTokens: null,
  outputTokens: null,
  errorStatus: null,
  ...over,
});

/** The data of a chat stream, parsed. */
const chunks = (text: string): Json[] =>
  text
    .split('\n\n')
    .filter((frame) => frame !== '' && frame !== 'data: [DONE]')
    .map((frame) => JSON.parse(frame.slice(6)) as Json);

t.test('answers a chat completion in full, and bills what it reports', async (t) => {
  const { mock, post } = await provider(t);
  const response = await post(CHAT, prompt('12345678'));
  t.equal(response.status, 200);
  t.match(Object.fromEntries(response.headers), {
    'content-type': 'application/json',
    'x-request-id': /^req_/,
    'openai-processing-ms': /^\d+$/,
  });
  const body = (await response.json()) as Json;
  t.match(body, {
    id: /^chatcmpl-/,
    object: 'chat.completion',
    model: 'gpt-4',
    choices: [{ message: { role: 'assistant', content: /mock provider/ }, finish_reason: 'stop' }],
  });
  const usage = chatUsage(body['usage']);
  t.equal(usage?.inputTokens, 2, 'four bytes a token');
  t.same(mock.bill(), {
    requests: 1,
    byModel: { 'gpt-4': { requests: 1, inputTokens: 2, outputTokens: usage?.outputTokens } },
  });
  t.same(await (await fetch(`${mock.url}/_mock/bill`)).json(), mock.bill());
});

t.test('answers a message in full', async (t) => {
  const { mock, post } = await provider(t);
  const response = await post(MESSAGES, prompt('12345678', { max_tokens: 100 }));
  t.match(response.headers.get('request-id'), /^req_/);
  const body = (await response.json()) as Json;
  t.match(body, { id: /^msg_/, type: 'message', stop_reason: 'end_turn' });
  const usage = messagesUsage(body['usage']);
  t.match(mock.bill().byModel['gpt-4'], { inputTokens: 2, outputTokens: usage?.outputTokens });
});

t.test('never passes the output limit but with a configured count', async (t) => {
  const { mock, post } = await provider(t);
  for (const [path, limit] of [
    [CHAT, { max_tokens: 3 }],
    [CHAT, { max_completion_tokens: 3 }],
    [MESSAGES, { max_tokens: 3 }],
  ] as const) {
    await post(path, prompt('x', limit)).then((response) => response.text());
  }
  t.match(mock.bill(), { byModel: { 'gpt-4': { outputTokens: 9 } } });
  const steered = await provider(t, {
    behaviour: behaviour({ inputTokens: 20_000, outputTokens: 20_000 }),
  });
  await steered.post(CHAT, prompt('x', { max_tokens: 3 })).then((response) => response.text());
  const billed = { requests: 1, inputTokens: 20_000, outputTokens: 20_000 };
  t.same(steered.mock.bill().byModel, { 'gpt-4': billed });
});

t.test('bills every choice', async (t) => {
  const { mock, post } = await provider(t);
  const body = (await (await post(CHAT, prompt('x', { n: 3, max_tokens: 5 }))).json()) as Json;
  t.match(body, { choices: [{ index: 0, finish_reason: 'length' }, { index: 1 }, { index: 2 }] });
  t.equal(mock.bill().byModel['gpt-4']?.outputTokens, 15);
});

t.test("streams a chat with OpenAI's rules for usage", async (t) => {
  const { mock, post } = await provider(t);
  const without = chunks(await (await post(CHAT, prompt('x', { stream: true }))).text());
  t.equal(
    without.some((chunk) => 'usage' in chunk),
    false,
  );
  const asked = prompt('x', { stream: true, stream_options: { include_usage: true } });
  const response = await post(CHAT, asked);
  t.match(response.headers.get('content-type'), /^text\/event-stream/);
  const text = await response.text();
  t.ok(text.endsWith('data: [DONE]\n\n'));
  const all = chunks(text);
  const last = all.at(-1);
  t.ok(all.slice(0, -1).every((chunk) => chunk['usage'] === null));
  t.same(last?.['choices'], []);
  const outputTokens = chatUsage(last?.['usage'])?.outputTokens ?? 0;
  t.equal(mock.bill().byModel['gpt-4']?.outputTokens, 2 * outputTokens);
});

t.test('streams a message that the meter understands', async (t) => {
  const { mock, post } = await provider(t);
  const meter = new MessagesMeter({
    settle: () => '',
    stripUsage: false,
    inputTokens: 0,
    requestedModel: '',
  });
  const directed = prompt('[mock output_tokens=500 cached_tokens=4 input_tokens=9]');
  const response = await post(MESSAGES, { ...directed, stream: true, max_tokens: 1000 });
  const bytes = Buffer.from(await response.arrayBuffer());
  const sent = [meter.push(bytes) ?? new Uint8Array(0), meter.end()];
  t.equal(Buffer.concat(sent).toString(), bytes.toString());
  t.match(meter, { complete: true, model: 'gpt-4' });
  t.match(meter.usage, { inputTokens: 5, cachedInputTokens: 4, outputTokens: 500 });
  t.ok(meter.outputBytes >= 500, 'a byte at least for every token');
  t.match(mock.bill().byModel['gpt-4'], { inputTokens: 9, outputTokens: 500 });
});

t.test('bills only what was sent when a stream is cut', async (t) => {
  const { mock, post } = await provider(t);
  const body = prompt('[mock output_tokens=160 cut_after=5]', { stream: true });
  const response = await post(CHAT, body);
  await t.rejects(response.text());
  t.equal(mock.bill().byModel['gpt-4']?.outputTokens, 40, 'four of sixteen pieces');
});

t.test('bills only what was sent when the client leaves', async (t) => {
  const { mock, post } = await provider(t);
  const client = new AbortController();
  const body = prompt('[mock output_tokens=160 cut_after=5 hang]', { stream: true });
  const response = await fetch(mock.url + CHAT, {
    method: 'POST',
    headers: HEADERS,
    body: JSON.stringify(body),
    signal: client.signal,
  });
  const reader = response.body?.getReader();
  let text = '';
  while (text.split('\n\n').length <= 5) {
    text += Buffer.from((await reader?.read())?.value ?? []).toString();
  }
  client.abort();
  await post(CHAT, prompt('[mock output_tokens=0]')).then((next) => next.text());
  t.equal(mock.bill().byModel['gpt-4']?.outputTokens, 40);
});

t.test('cuts a body that is not streamed, and bills it', async (t) => {
  const { mock, post } = await provider(t);
  const response = await post(CHAT, prompt('[mock cut_after=0]'));
  t.equal(response.status, 200);
  await t.rejects(response.text());
  t.equal(mock.bill().requests, 1);
});

t.test('hangs without an answer, and bills nothing', async (t) => {
  const { mock } = await provider(t);
  const socket = connect(Number(new URL(mock.url).port), '127.0.0.1');
  await once(socket, 'connect');
  const body = JSON.stringify(prompt('[mock hang]'));
  const head = `POST ${CHAT} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\n`;
  socket.write(`${head}Content-Length: ${body.length}\r\n\r\n${body}`);
  const answers: unknown[] = [];
  socket.on('data', (data) => answers.push(data));
  await post200(mock.url);
  await mock.close();
  await once(socket, 'close');
  t.same(answers, []);
  t.equal(mock.bill().requests, 1, 'the other one');
});

const post200 = async (url: string): Promise<void> => {
  const response = await fetch(url + CHAT, {
    method: 'POST',
    headers: HEADERS,
    body: JSON.stringify(prompt('x')),
  });
  await response.text();
};

t.test('fails as it is told, in the shape of the wire, for free', async (t) => {
  const { mock, post } = await provider(t, { behaviour: behaviour({ errorStatus: 503 }) });
  const failed = await post(CHAT, prompt('x'));
  t.equal(failed.status, 503);
  t.match(await failed.json(), { error: { type: 'server_error', code: null } });
  const overloaded = await post(MESSAGES, prompt('[mock status=529]', { max_tokens: 1 }));
  t.equal(overloaded.status, 529);
  t.match(await overloaded.json(), { type: 'error', error: { type: 'overloaded_error' } });
  t.equal(mock.bill().requests, 0);
});

t.test('refuses what the real providers refuse', async (t) => {
  const { post } = await provider(t);
  const refusal = async (path: string, body: Json, headers = HEADERS) => {
    const response = await post(path, body, headers);
    return { status: response.status, body: await response.json() };
  };
  const none = {} as typeof HEADERS;
  t.match(await refusal(CHAT, prompt('x'), none), {
    status: 401,
    body: { error: { code: 'invalid_api_key' } },
  });
  t.match(await refusal(MESSAGES, prompt('x'), none), { status: 401, body: { type: 'error' } });
  t.match(await refusal(MESSAGES, prompt('x', { max_tokens: 1 }), { 'x-api-key': 'k' } as never), {
    status: 400,
    body: { error: { message: /anthropic-version/ } },
  });
  t.match(await refusal(MESSAGES, prompt('x')), { body: { error: { message: /max_tokens/ } } });
  t.match(await refusal(CHAT, { model: 'gpt-4' }), {
    status: 400,
    body: { error: { param: 'messages' } },
  });
  t.match(await refusal(CHAT, { messages: [] }), { status: 400 });
  t.match(await refusal(CHAT, prompt('x', { stream_options: { include_usage: true } })), {
    status: 400,
  });
  t.match(await refusal(CHAT, prompt('x', { max_tokens: 1, max_completion_tokens: 1 })), {
    status: 400,
  });
  t.match(await refusal('/v1/images/generations', prompt('x')), { status: 404 });
});

t.test('leaves the usage out when told', async (t) => {
  const { post } = await provider(t);
  const body = (await (await post(CHAT, prompt('[mock no_usage]'))).json()) as Json;
  t.notOk('usage' in body);
  const asked = { stream: true, stream_options: { include_usage: true } };
  const text = await (await post(CHAT, prompt('[mock no_usage]', asked))).text();
  t.ok(chunks(text).every((chunk) => chunk['usage'] === null));
});

t.test('lists models and takes a steered delay', async (t) => {
  const { mock, post } = await provider(t);
  const models = await fetch(`${mock.url}/v1/models`, { headers: HEADERS });
  t.match(await models.json(), { object: 'list', data: [{ id: 'gpt-4', object: 'model' }] });
  const delayed = prompt('[mock latency_ms=1 chunk_ms=1]', { stream: true });
  t.match(await (await post(CHAT, delayed)).text(), /\[DONE\]/);
});

t.test('remembers the last requests when asked to', async (t) => {
  const { mock, post } = await provider(t, { record: true });
  for (let sent = 0; sent <= 100; sent++) await (await post(CHAT, prompt(`p${sent}`))).text();
  t.equal(mock.requests().length, 100, 'and no more than a hundred');
  t.match(mock.requests().at(-1), {
    path: CHAT,
    headers: { authorization: 'Bearer k' },
    body: { messages: [{ content: 'p100' }] },
  });
  const silent = await provider(t);
  await (await silent.post(CHAT, prompt('x'))).text();
  t.same(silent.mock.requests(), []);
});

t.test('a port in use is told', async (t) => {
  const { mock } = await provider(t);
  await t.rejects(startMock({ port: Number(new URL(mock.url).port) }), { code: 'EADDRINUSE' });
});
