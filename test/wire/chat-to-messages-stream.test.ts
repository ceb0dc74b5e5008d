import t from 'tap';
import { ChatToMessagesMeter } from '../../src/wire/chat-to-messages-stream.js';
import type { MeterOptions } from '../../src/wire/stream.js';
import { NO_TOOL_NAMES, type ToolNames } from '../../src/wire/tool-call.js';
import { COMMENT, fixture, play, settlements, splits } from './fixture.js';

const stream = fixture('chat-with-usage.sse');
const text = stream.toString();

const meterOf = (options: MeterOptions, toolNames: ToolNames = NO_TOOL_NAMES) =>
  new ChatToMessagesMeter({ ...options, toolNames });

const TOOL_STREAMS = [
  'chat-tools.sse',
  'chat-tools-interleaved.sse',
  'chat-tools-arguments-first.sse',
  'chat-tools-compatible.sse',
  'chat-tools-empty-arguments.sse',
];

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
  const meter = meterOf(options);
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
  const plain = ['chat-with-usage.sse', 'chat-compatible.sse', 'chat-error.sse'];
  for (const name of [...plain, ...TOOL_STREAMS]) {
    const bytes = fixture(name);
    const whole = play(meterOf(settlements().options), [bytes]);
    for (const chunks of splits(bytes)) {
      const { options, usages } = settlements();
      const sent = play(meterOf(options), chunks);
      if (sent !== whole || usages.length !== 1)
        t.equal(sent, whole, `cut at ${chunks[0]?.length}`);
    }
    t.pass('at every byte');
    t.pass(name);
  }
});

t.test('text goes out with the chunk that brought it', async (t) => {
  const meter = meterOf(settlements().options);
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
  const sent = events(play(meterOf(options), [fixture('chat-without-usage.sse')]));
  t.match(sent.at(-2), { usage: { input_tokens: 12, output_tokens: 6 }, cost_cents: 360 });
  t.same(usages, [null]);
});

t.test('a stream cut anywhere ends in an error event', async (t) => {
  for (let at = 0; at < stream.indexOf('"finish_reason":"stop"'); at++) {
    const { options, usages } = settlements();
    const meter = meterOf(options);
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
  const meter = meterOf(settlements().options);
  const whole = play(meterOf(settlements().options), [stream]);
  t.equal(play(meter, [cut]), whole);
});

t.test("translates the provider's own error", async (t) => {
  const sent = play(meterOf(settlements().options), [fixture('chat-error.sse')]);
  t.match(events(sent).at(-1), {
    type: 'error',
    error: { type: 'api_error', message: /server had/ },
  });
});

t.test('a refusal and a length stop keep their meaning', async (t) => {
  const stop = (delta: object, reason: string) => {
    const chunk = JSON.stringify({ choices: [{ index: 0, delta, finish_reason: reason }] });
    const bytes = Buffer.from(`data: ${chunk}\n\ndata: [DONE]\n\n`);
    return events(play(meterOf(settlements().options), [bytes])).at(-2);
  };
  t.match(stop({ refusal: 'no' }, 'stop'), { delta: { stop_reason: 'refusal' } });
  t.match(stop({ content: 'x' }, 'length'), { delta: { stop_reason: 'max_tokens' } });
  t.match(stop({}, 'content_filter'), { delta: { stop_reason: 'refusal' } });
});

interface Block {
  readonly opened: Record<string, unknown>;
  /** Everything its deltas brought. */
  content: string;
  stopped: boolean;
}

/** The blocks of a stream; each is stopped before the next one starts. */
function blocks(told: readonly Told[]): Block[] {
  const all: Block[] = [];
  for (const event of told) {
    const last = all.at(-1);
    if (event.type === 'content_block_start') {
      if (last?.stopped === false) throw new Error('a block starts inside another');
      if (event['index'] !== all.length) throw new Error(`${String(event['index'])} is no index`);
      const opened = event['content_block'] as Record<string, unknown>;
      all.push({ opened, content: '', stopped: false });
    }
    if (event.type === 'content_block_delta') {
      if (last === undefined || last.stopped) throw new Error('a delta stands outside its block');
      const { text, thinking, partial_json: json } = event['delta'] as Record<string, string>;
      last.content += text ?? thinking ?? json ?? '';
    }
    if (event.type === 'content_block_stop' && last !== undefined) last.stopped = true;
  }
  if (all.some(({ stopped }) => !stopped)) throw new Error('a block never stops');
  return all;
}

const played = (name: string, toolNames?: ToolNames) =>
  events(play(meterOf(settlements().options, toolNames), [fixture(name)]));

const called = (id: string, name: string) => ({ type: 'tool_use', id, name, input: {} });
const WEATHER = { opened: called('call_one', 'get_weather'), content: '{"city":"Zürich }\\""}' };
const TIME = { opened: called('call_two', 'get_time'), content: '{"zone":"UTC"}' };

t.test('calls come through whole: in order, in turns, or arguments first', async (t) => {
  for (const name of TOOL_STREAMS.slice(0, 3)) {
    const told = played(name);
    t.match(blocks(told), [WEATHER, TIME], name);
    t.match(told.at(-2), { delta: { stop_reason: 'tool_use' }, usage: { output_tokens: 34 } });
  }
});

t.test('arguments go out with the chunk that brought them', async (t) => {
  const meter = meterOf(settlements().options);
  const frames = fixture('chat-tools.sse')
    .toString()
    .split(/(?<=\n\n)/);
  const sent = frames.map((frame) =>
    events(Buffer.from(meter.push(Buffer.from(frame)) ?? []).toString()).map(({ type }) => type),
  );
  t.same(sent.slice(1, 7), [
    ['content_block_start'],
    ['content_block_delta'],
    ['content_block_delta'],
    ['content_block_delta'],
    ['content_block_stop', 'content_block_start'],
    ['content_block_delta'],
  ]);
});

t.test(
  'text and a whole call in one chunk both arrive, whatever their server calls them',
  async (t) => {
    const told = played('chat-tools-compatible.sse');
    t.match(blocks(told), [
      { opened: { type: 'thinking', signature: '' }, content: 'Where and when?' },
      { opened: { type: 'text' }, content: 'Let me look.' },
      WEATHER,
      TIME,
    ]);
    t.match(told.at(-2), { delta: { stop_reason: 'tool_use' } }, 'though the reason was stop');
  },
);

t.test('a call without arguments has an empty input', async (t) => {
  const ping = { opened: called('call_one', 'ping'), content: '' };
  t.match(blocks(played('chat-tools-empty-arguments.sse')), [ping, TIME]);
});

t.test('a shortened name is the long one again', async (t) => {
  const told = played('chat-tools.sse', new Map([['get_time', 'the long name']]));
  t.match(blocks(told)[1], { opened: { name: 'the long name' } });
});

t.test('a call whose server gives it no id gets one, and one without a name is none', async (t) => {
  const frames = [
    { tool_calls: [{ function: { name: 'f', arguments: '{}' } }] },
    { tool_calls: [{ index: 1, id: 'x', function: { arguments: '{}' } }] },
  ].map((delta) => `data: ${JSON.stringify({ id: 'c', choices: [{ index: 0, delta }] })}\n\n`);
  const bytes = Buffer.from(`${frames.join('')}data: [DONE]\n\n`);
  const told = blocks(events(play(meterOf(settlements().options), [bytes])));
  t.match(told, [{ opened: called('toolu_0_msg_c', 'f'), content: '{}' }]);
  t.equal(told.length, 1);
});

t.test('text between calls waits for the arguments before it', async (t) => {
  const call = (piece: string, more: object = {}) => ({
    tool_calls: [{ index: 0, ...more, function: { name: 'f', arguments: piece } }],
  });
  const deltas = [call('{"a":', { id: 'x' }), { content: 'by the way' }, call('[1]}'), call('{}')];
  const frames = deltas.map(
    (delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`,
  );
  const bytes = Buffer.from(`${frames.join('')}data: [DONE]\n\n`);
  t.match(blocks(events(play(meterOf(settlements().options), [bytes]))), [
    { content: '{"a":[1]}' },
    { content: 'by the way' },
  ]);
});

/** A small generator, so that a failure can be played again from its seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

const ARGUMENTS = ['{}', '{"a":"}{\\"\\\\"}', '{"b":[{"c":{}},"]"]}', ' {"d": 1}', '{"ü":"🌍"}'];

interface Shuffled {
  readonly calls: readonly string[];
  readonly text: string;
  readonly bytes: Buffer;
}

/** Up to four calls whose arguments come in pieces, in any order, with words in between. */
function shuffled(random: (below: number) => number): Shuffled {
  const calls = Array.from({ length: 1 + random(4) }, () => ARGUMENTS[random(5)] ?? '');
  const sent = calls.map(() => 0);
  const deltas: object[] = [];
  let text = '';
  while (sent.some((length, index) => length < (calls[index] ?? '').length)) {
    const index = random(calls.length);
    const from = sent[index] ?? 0;
    const piece = (calls[index] ?? '').slice(from, from + 1 + random(5));
    if (piece === '') continue;
    sent[index] = from + piece.length;
    const names = from === 0 ? { id: `id_${index}`, name: `f${index}` } : { id: '', name: '' };
    const called = { name: names.name, arguments: piece };
    deltas.push({ tool_calls: [{ index, id: names.id, function: called }] });
    if (random(4) > 0) continue;
    const content = `${deltas.length} `;
    deltas.push({ content });
    text += content;
  }
  const frames = deltas.map(
    (delta) => `data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`,
  );
  return { calls, text, bytes: Buffer.from(`${frames.join('')}data: [DONE]\n\n`) };
}

t.test('nothing is lost or mixed, however the pieces of calls and text are shuffled', async (t) => {
  for (let seed = 1; seed <= 300; seed++) {
    const { calls, text, bytes } = shuffled(randomOf(seed));
    const told = blocks(events(play(meterOf(settlements().options), [bytes])));
    const said = told.filter(({ opened }) => opened['type'] === 'text');
    const made = told.filter(({ opened }) => opened['type'] === 'tool_use');
    const isRight =
      said.map(({ content }) => content).join('') === text &&
      made.length === calls.length &&
      calls.every((args, index) =>
        made.some(({ opened, content }) => opened['name'] === `f${index}` && content === args),
      );
    if (!isRight) t.fail(`seed ${seed}: ${JSON.stringify(told)} of ${JSON.stringify(calls)}`);
  }
  t.pass('300 seeds');
});
