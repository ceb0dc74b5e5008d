import t from 'tap';
import { ChatToMessagesMeter } from '../../src/wire/chat-to-messages-stream.js';
import { COMMENT, fixture, play, settlements, splits } from './fixture.js';

const stream = fixture('chat-with-usage.sse');
const text = stream.toString();

interface Told {
  readonly type: string;
  readonly [member: string]: unknown;
}

/** The events of an Anthropic stream; each must be named as its data says. */
function events(sent: string): Told[] {
  const frames = sent.split('\n\n').filter((frame) => frame.startsWith('event: '));
  return frames.map((frame) => {
    const [name, data] = frame.split('\n');
    const told = JSON.parse(data?.slice(6) ?? '') as Told;
    if (name !== `event: ${told.type}`) throw new Error(`${name} holds ${told.type}`);
    return told;
  });
}

t.test('translates text and usage, and splices the cost', async (t) => {
  const { options, usages } = settlements();
  const meter = new ChatToMessagesMeter(options);
  const delta = (part: string) => ({
    type: 'content_block_delta',
    index: 0,
    delta: { type: 'text_delta', text: part },
  });
  t.same(events(play(meter, [stream])), [
    {
      type: 'message_start',
      message: {
        id: 'msg_chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG',
        type: 'message',
        role: 'assistant',
        model: 'gpt-4',
        content: [],
        stop_reason: null,
        stop_sequence: null,
        usage: { input_tokens: 12, output_tokens: 0 },
      },
    },
    { type: 'ping' },
    { type: 'content_block_start', index: 0, content_block: { type: 'text', text: '' } },
    ...['Héllo', ' "}{" ', 'wörld 🌍'].map(delta),
    { type: 'content_block_stop', index: 0 },
    {
      type: 'message_delta',
      delta: { stop_reason: 'end_turn', stop_sequence: null },
      usage: {
        input_tokens: 500,
        cache_creation_input_tokens: 100,
        cache_read_input_tokens: 400,
        output_tokens: 7,
      },
      request_cost_cents: 180,
      cost_cents: 360,
    },
    { type: 'message_stop' },
  ]);
  t.match(usages, [{ inputTokens: 500, outputTokens: 7 }]);
  t.match(meter, { settled: true, complete: true, model: 'gpt-4o-2024-08-06' });
  t.equal(meter.outputBytes, Buffer.byteLength('Héllo "}{" wörld 🌍'));
});

t.test('the client receives the same bytes however the stream is split', async (t) => {
  for (const name of ['chat-with-usage.sse', 'chat-compatible.sse', 'chat-error.sse']) {
    const bytes = fixture(name);
    const whole = play(new ChatToMessagesMeter(settlements().options), [bytes]);
    for (const chunks of splits(bytes)) {
      const { options, usages } = settlements();
      const sent = play(new ChatToMessagesMeter(options), chunks);
      if (sent !== whole || usages.length !== 1)
        t.equal(sent, whole, `cut at ${chunks[0]?.length}`);
    }
    t.pass('at every byte');
    t.pass(name);
  }
});

t.test('text goes out with the chunk that brought it', async (t) => {
  const meter = new ChatToMessagesMeter(settlements().options);
  const [first, second] = text.split(/(?<=\n\n)/);
  t.same(
    events(Buffer.from(meter.push(Buffer.from(first!)) ?? []).toString()).map((e) => e.type),
    ['message_start', 'ping'],
  );
  t.same(
    events(Buffer.from(meter.push(Buffer.from(second!)) ?? []).toString()).map((e) => e.type),
    ['content_block_start', 'content_block_delta'],
  );
});

t.test('tells an estimate when the provider reported nothing, and settles with null', async (t) => {
  const { options, usages } = settlements();
  const sent = events(play(new ChatToMessagesMeter(options), [fixture('chat-without-usage.sse')]));
  t.match(sent.at(-2), { usage: { input_tokens: 12, output_tokens: 6 }, cost_cents: 360 });
  t.same(usages, [null]);
});

t.test('a stream cut anywhere ends in an error event', async (t) => {
  for (let at = 0; at < stream.indexOf('"finish_reason":"stop"'); at++) {
    const { options, usages } = settlements();
    const meter = new ChatToMessagesMeter(options);
    const sent = play(meter, [stream.subarray(0, at)]);
    const isRight =
      events(sent).at(-1)?.type === 'error' &&
      sent.includes(COMMENT) &&
      usages.length === 1 &&
      !meter.complete;
    if (!isRight) t.fail(`cut at ${at}: ${sent}`);
  }
  t.pass('at every byte');
});

t.test('an answer that finished is whole though its end was not announced', async (t) => {
  const cut = Buffer.from(text.slice(0, text.indexOf('data: [DONE]')));
  const meter = new ChatToMessagesMeter(settlements().options);
  const whole = play(new ChatToMessagesMeter(settlements().options), [stream]);
  t.equal(play(meter, [cut]), whole);
});

t.test("translates the provider's own error", async (t) => {
  const sent = play(new ChatToMessagesMeter(settlements().options), [fixture('chat-error.sse')]);
  t.match(events(sent).at(-1), {
    type: 'error',
    error: { type: 'api_error', message: /server had/ },
  });
});

t.test('a refusal and a length stop keep their meaning', async (t) => {
  const stop = (delta: object, reason: string) => {
    const chunk = JSON.stringify({ choices: [{ index: 0, delta, finish_reason: reason }] });
    const bytes = Buffer.from(`data: ${chunk}\n\ndata: [DONE]\n\n`);
    return events(play(new ChatToMessagesMeter(settlements().options), [bytes])).at(-2);
  };
  t.match(stop({ refusal: 'no' }, 'stop'), { delta: { stop_reason: 'refusal' } });
  t.match(stop({ content: 'x' }, 'length'), { delta: { stop_reason: 'max_tokens' } });
  t.match(stop({}, 'content_filter'), { delta: { stop_reason: 'refusal' } });
});
