import t from 'tap';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { ResponsesMeter } from '../../src/wire/responses-stream.js';
import { COMMENT, fixture, MEMBERS, play, settlements, splits } from './fixture.js';

const USAGE = {
  ...NO_USAGE,
  inputTokens: 500,
  cachedInputTokens: 400,
  cacheWriteTokens: 100,
  cacheWrite1hTokens: 0,
  outputTokens: 37,
  reasoningTokens: 30,
};

const whole = fixture('responses.sse');
const failed = fixture('responses-failed.sse');

/** The cost members behind the last member of the stream's last event. */
const spliced = (stream: Buffer): string => {
  const text = stream.toString();
  return text.replace(/\}\n\n$/, `,${MEMBERS}}\n\n`);
};

/** The terminal event of a stream, under another name. */
const ended = (type: string): Buffer =>
  Buffer.from(whole.toString().replaceAll('response.completed', type));

/** The data of the last event, its blank line included. */
const lastData = (text: string): unknown =>
  JSON.parse(text.slice(text.lastIndexOf('data: ') + 6)) as unknown;

t.test('the client receives the same bytes however the stream is split', async (t) => {
  for (const stream of [whole, failed, ended('response.incomplete')]) {
    const expected = spliced(stream);
    t.equal(play(new ResponsesMeter(settlements().options), [stream]), expected);
    for (const chunks of splits(stream)) {
      const { options, usages } = settlements();
      const sent = play(new ResponsesMeter(options), chunks);
      if (sent !== expected || usages.length !== 1)
        t.equal(sent, expected, `cut at ${chunks[0]?.length}`);
    }
    t.pass('at every byte');
  }
});

t.test('reads usage, model, output and the end', async (t) => {
  const { options, usages } = settlements();
  const meter = new ResponsesMeter(options);
  t.match(meter, { settled: false, usage: null, outputBytes: 0, model: null, complete: false });
  play(meter, [whole]);
  t.same(usages, [USAGE]);
  t.same(meter.usage, USAGE);
  t.equal(meter.outputBytes, Buffer.byteLength('Héllo "}{" wörld 🌍look{"at":1}'));
  t.match(meter, { settled: true, model: 'gpt-5.6-sol-2026-08-01', complete: true });
});

t.test('every way to end carries the cost at its top level', async (t) => {
  for (const type of ['response.completed', 'response.incomplete', 'response.failed']) {
    const { options, usages } = settlements();
    const text = play(new ResponsesMeter(options), [ended(type)]);
    t.match(lastData(text), { type, request_cost_cents: 180, cost_cents: 360 });
    t.same(usages, [USAGE]);
  }
});

t.test('passes each event on as it arrives, and holds none', async (t) => {
  const { options, usages } = settlements();
  const meter = new ResponsesMeter(options);
  const events = whole.toString().split(/(?<=\n\n)/);
  for (const event of events.slice(0, -1)) {
    t.equal(Buffer.from(meter.push(Buffer.from(event)) ?? []).toString(), event);
    t.equal(usages.length, 0);
  }
  const last = Buffer.from(events.at(-1) ?? '');
  t.equal(Buffer.from(meter.push(last) ?? []).toString(), spliced(last));
  t.equal(Buffer.from(meter.end()).toString(), '');
});

t.test('counts every kind of delta, and the names of calls', async (t) => {
  const meter = new ResponsesMeter(settlements().options);
  const events: Record<string, unknown>[] = [
    { type: 'response.output_text.delta', delta: '12' },
    { type: 'response.refusal.delta', delta: 'é' },
    { type: 'response.reasoning_text.delta', delta: '34' },
    { type: 'response.reasoning_summary_text.delta', delta: '56' },
    { type: 'response.custom_tool_call_input.delta', delta: '78' },
    { type: 'response.function_call_arguments.delta', delta: '90' },
    { type: 'response.output_item.added', item: { type: 'function_call', name: 'ab' } },
    { type: 'response.output_item.added', item: { type: 'message' } },
    { type: 'response.output_text.done', text: 'not again' },
    { type: 'response.unknown.delta', delta: { no: 'text' } },
  ];
  for (const event of events) meter.push(Buffer.from(`data: ${JSON.stringify(event)}\n\n`));
  t.equal(meter.outputBytes, 14);
});

t.test('a stream cut anywhere ends in an error that clients understand', async (t) => {
  const text = whole.toString();
  const terminal = whole.lastIndexOf('event: response.completed');
  for (let at = 0; at < terminal; at += 1) {
    const { options, usages } = settlements();
    const meter = new ResponsesMeter(options);
    const sent = play(meter, [whole.subarray(0, at)]);
    const [passed = '', end = ''] = sent.split(COMMENT);
    const error = lastData(end) as Record<string, unknown>;
    const isRight =
      text.startsWith(passed.trimEnd()) &&
      end.startsWith('event: error\ndata: ') &&
      end.endsWith('}\n\n') &&
      error['type'] === 'error' &&
      error['code'] === 'upstream_unreachable' &&
      !meter.complete &&
      usages.length === 1;
    if (!isRight) t.fail(`cut at ${at}: ${sent}`);
  }
  t.pass('at every byte');
});

t.test('the error of a cut follows in sequence, documented and as the SDKs read it', async (t) => {
  const meter = new ResponsesMeter(settlements().options);
  meter.push(Buffer.from('data: {"type":"response.created","sequence_number":4}\n\n'));
  t.same(lastData(Buffer.from(meter.end('upstream_timeout')).toString()), {
    type: 'error',
    code: 'upstream_timeout',
    message: 'The request reached its deadline before the answer was complete.',
    param: null,
    sequence_number: 5,
    error: {
      type: 'api_error',
      code: 'upstream_timeout',
      message: 'The request reached its deadline before the answer was complete.',
      param: null,
    },
  });
});

t.test("the provider's own error passes at once, and settles with what follows it", async (t) => {
  const events = failed.toString().split(/(?<=\n\n)/);
  const alone = settlements();
  const meter = new ResponsesMeter(alone.options);
  const error = Buffer.from(events[1] ?? '');
  t.equal(Buffer.from(meter.push(error) ?? []).toString(), error.toString());
  t.match(meter, { complete: true, settled: false });
  t.equal(Buffer.from(meter.end()).toString(), COMMENT);
  t.same(alone.usages, [null]);
  const followed = settlements();
  t.equal(play(new ResponsesMeter(followed.options), [failed]), spliced(failed));
  t.match(followed.usages, [{ inputTokens: 9, outputTokens: 0 }]);
});

t.test('a terminal event without usage has the cost told before it', async (t) => {
  const event = 'event: response.completed\ndata: {"type":"response.completed","response":{}}\n\n';
  const { options, usages } = settlements();
  const meter = new ResponsesMeter(options);
  t.equal(play(meter, [Buffer.from(event)]), COMMENT + event);
  t.same(usages, [null]);
  t.equal(meter.complete, true);
});

t.test('tolerates [DONE], behind the terminal event or in its place', async (t) => {
  const done = 'data: [DONE]\n\n';
  const both = play(new ResponsesMeter(settlements().options), [whole, Buffer.from(done)]);
  t.equal(both, spliced(whole) + done);
  const { options, usages } = settlements();
  const meter = new ResponsesMeter(options);
  t.equal(play(meter, [Buffer.from(done)]), COMMENT + done);
  t.same(usages, [null]);
  t.equal(meter.complete, true);
});

t.test('an end without its blank line still counts', async (t) => {
  const { options, usages } = settlements();
  t.equal(play(new ResponsesMeter(options), [whole.subarray(0, -2)]), spliced(whole));
  t.same(usages, [USAGE]);
});

t.test('an event that names its type in the event line alone is read', async (t) => {
  const { options, usages } = settlements();
  const usage = '{"input_tokens":1,"output_tokens":2}';
  const stream = `event: response.completed\ndata: {"response":{"usage":${usage}}}\n\n`;
  t.equal(play(new ResponsesMeter(options), [Buffer.from(stream)]), spliced(Buffer.from(stream)));
  t.match(usages, [{ inputTokens: 1, outputTokens: 2 }]);
});

t.test('no members to splice: no byte changes', async (t) => {
  for (const stream of [whole, failed]) {
    const options = { ...settlements().options, settle: () => '' };
    t.equal(play(new ResponsesMeter(options), [stream]), stream.toString());
  }
});
