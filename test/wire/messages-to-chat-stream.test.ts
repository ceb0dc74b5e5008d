import t from 'tap';
import { MessagesToChatMeter } from '../../src/wire/messages-to-chat-stream.js';
import type { MeterOptions } from '../../src/wire/stream.js';
import { COMMENT, fixture, play, settlements, splits } from './fixture.js';

const stream = fixture('messages-tools.sse');
const DONE = 'data: [DONE]\n\n';

const meterOf = (options: MeterOptions) =>
  new MessagesToChatMeter({ ...options, createdSeconds: 1_700_000_000 });

interface Chunk {
  readonly choices: {
    readonly delta: Record<string, unknown>;
    readonly finish_reason: string | null;
  }[];
  readonly usage?: unknown;
  readonly [member: string]: unknown;
}

const chunks = (sent: string): Chunk[] =>
  sent
    .split('\n\n')
    .filter((frame) => frame.startsWith('data: {'))
    .map((frame) => JSON.parse(frame.slice(6)) as Chunk);

const deltas = (sent: string) =>
  chunks(sent).flatMap(({ choices }) => choices.map(({ delta }) => delta));

t.test('translates text, thinking, calls and usage, and splices the cost', async (t) => {
  const { options, usages } = settlements();
  const meter = meterOf(options);
  const sent = play(meter, [stream]);
  const call = (index: number, id: string, name: string) => ({
    tool_calls: [{ index, id, type: 'function', function: { name, arguments: '' } }],
  });
  const args = (index: number, piece: string) => ({
    tool_calls: [{ index, function: { arguments: piece } }],
  });
  t.same(deltas(sent), [
    { role: 'assistant', content: '', refusal: null },
    { reasoning_content: 'Where ' },
    { reasoning_content: 'and when?' },
    { content: 'Let me ' },
    { content: 'löok.' },
    call(0, 'toolu_01T1x1fJ34qAmk2tNTrN7Up6', 'get_weather'),
    ...['{"ci', 'ty":"Zürich ', '}\\""}'].map((piece) => args(0, piece)),
    call(1, 'toolu_02T1x1fJ34qAmk2tNTrN7Up6', 'ping'),
    args(1, '{}'),
    call(2, 'toolu_03T1x1fJ34qAmk2tNTrN7Up6', 'get_time'),
    args(2, '{"zone":"UTC"}'),
    {},
  ]);
  const all = chunks(sent);
  t.match(all.at(-2), { choices: [{ index: 0, finish_reason: 'tool_calls' }], usage: null });
  t.same(all.at(-1), {
    id: 'chatcmpl-msg_01XFDUDYJgAACzvnptvVoYEL',
    object: 'chat.completion.chunk',
    created: 1_700_000_000,
    model: 'gpt-4',
    choices: [],
    usage: {
      prompt_tokens: 470,
      completion_tokens: 89,
      total_tokens: 559,
      prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 30 },
      completion_tokens_details: { reasoning_tokens: 9 },
    },
    request_cost_cents: 180,
    cost_cents: 360,
  });
  t.ok(sent.endsWith(DONE));
  t.match(sent, /^: ping$/m, 'the connection is kept alive');
  t.match(usages, [{ inputTokens: 400, cachedInputTokens: 40, outputTokens: 89 }]);
  t.match(meter, { settled: true, complete: true, model: 'claude-sonnet-4-5-20250929' });
});

t.test('a client that did not ask for usage finds none, and the cost in a comment', async (t) => {
  const { options, usages } = settlements({ stripUsage: true });
  const sent = play(meterOf(options), [stream]);
  t.notMatch(sent, /"usage"/);
  t.ok(sent.endsWith(COMMENT + DONE));
  t.match(usages, [{ outputTokens: 89 }]);
});

t.test('the client receives the same bytes however the stream is split', async (t) => {
  for (const name of ['messages-tools.sse', 'messages.sse', 'messages-error.sse']) {
    const bytes = fixture(name);
    const whole = play(meterOf(settlements().options), [bytes]);
    for (const pieces of splits(bytes)) {
      const { options, usages } = settlements();
      const sent = play(meterOf(options), pieces);
      if (sent !== whole || usages.length !== 1) t.equal(sent, whole, `cut ${pieces[0]?.length}`);
    }
    t.pass(name);
  }
});

t.test('text goes out with the event that brought it', async (t) => {
  const meter = meterOf(settlements().options);
  const frames = stream.toString().split(/(?<=\n\n)/);
  const at = frames.findIndex((frame) => frame.includes('Let me '));
  for (const frame of frames.slice(0, at)) meter.push(Buffer.from(frame));
  const sent = Buffer.from(meter.push(Buffer.from(frames[at] ?? '')) ?? []).toString();
  t.same(deltas(sent), [{ content: 'Let me ' }]);
});

t.test('a stream cut anywhere ends in an error and [DONE]', async (t) => {
  for (let at = 0; at < stream.indexOf('event: message_delta'); at++) {
    const { options, usages } = settlements();
    const meter = meterOf(options);
    const sent = play(meter, [stream.subarray(0, at)]);
    const isRight =
      chunks(sent).at(-1)?.['error'] !== undefined &&
      sent.endsWith(DONE) &&
      sent.includes(COMMENT) &&
      usages.length === 1 &&
      !meter.complete;
    if (!isRight) t.fail(`cut at ${at}: ${sent}`);
  }
  t.pass('at every byte');
});

t.test('an answer that finished is whole though its end was not announced', async (t) => {
  const cut = stream.subarray(0, stream.indexOf('event: message_stop'));
  const whole = play(meterOf(settlements().options), [stream]);
  t.equal(play(meterOf(settlements().options), [cut]), whole);
});

t.test("translates the provider's own error", async (t) => {
  const meter = meterOf(settlements().options);
  const sent = play(meter, [fixture('messages-error.sse')]);
  t.match(chunks(sent).at(-1), {
    error: { message: 'Overloaded', type: 'overloaded_error', code: 'overloaded_error' },
  });
  t.ok(sent.endsWith(DONE));
  t.ok(sent.includes(COMMENT));
  t.equal(meter.complete, true);
});

t.test('tells an estimate when the provider reported nothing, and settles with null', async (t) => {
  const bytes = Buffer.from(
    'event: message_start\ndata: {"type":"message_start","message":{"id":"m"}}\n\n' +
      'event: content_block_delta\n' +
      'data: {"type":"content_block_delta","delta":{"type":"text_delta","text":"12345"}}\n\n' +
      'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"refusal"}}\n\n' +
      'event: message_stop\ndata: {"type":"message_stop"}\n\n',
  );
  const { options, usages } = settlements();
  const all = chunks(play(meterOf(options), [bytes]));
  t.match(all.at(-1), { usage: { prompt_tokens: 12, completion_tokens: 2 } });
  t.match(all.at(-2), { choices: [{ finish_reason: 'content_filter' }] });
  t.same(usages, [null]);
});
