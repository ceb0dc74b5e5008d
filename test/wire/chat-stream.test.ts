import t from 'tap';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { ChatMeter } from '../../src/wire/chat-stream.js';
import { COMMENT, fixture, MEMBERS, play, settlements, splits } from './fixture.js';

const USAGE = {
  ...NO_USAGE,
  inputTokens: 500,
  cachedInputTokens: 400,
  cacheWriteTokens: 100,
  cacheWrite1hTokens: 0,
  outputTokens: 7,
  reasoningTokens: 3,
};

const withUsage = fixture('chat-with-usage.sse');
const withoutUsage = fixture('chat-without-usage.sse');
const compatible = fixture('chat-compatible.sse');
const cumulative = fixture('chat-cumulative-usage.sse');

/** The cost members behind the last member of the last event with usage. */
const spliced = (stream: Buffer, lastMember: string): string => {
  const text = stream.toString();
  const at = text.lastIndexOf(lastMember) + lastMember.length;
  return `${text.slice(0, at)},${MEMBERS}${text.slice(at)}`;
};

const NAMES: readonly [string, Buffer, boolean, string][] = [
  ['usage the client asked for', withUsage, false, spliced(withUsage, '_tokens":0}}')],
  [
    'usage that was injected',
    withUsage,
    true,
    withoutUsage.toString().replace('data: [DONE]', `${COMMENT}data: [DONE]`),
  ],
  [
    'no usage at all',
    withoutUsage,
    false,
    withoutUsage.toString().replace('data: [DONE]', `${COMMENT}data: [DONE]`),
  ],
  ['usage beside the finish reason', compatible, true, spliced(compatible, '"total_tokens":13}')],
  ['usage that grows', cumulative, false, spliced(cumulative, '"total_tokens":14}')],
  ['an error inside', fixture('chat-error.sse'), false, ''],
];

t.test('the client receives the same bytes however the stream is split', async (t) => {
  for (const [name, stream, stripUsage, expected] of NAMES) {
    const whole = play(new ChatMeter(settlements({ stripUsage }).options), [stream]);
    if (expected !== '') t.equal(whole, expected, name);
    for (const chunks of splits(stream)) {
      const { options, usages } = settlements({ stripUsage });
      const sent = play(new ChatMeter(options), chunks);
      if (sent !== whole || usages.length !== 1)
        t.equal(sent, whole, `cut at ${chunks[0]?.length}`);
    }
    t.pass('at every byte');
  }
});

t.test('reads usage, model, output and the end', async (t) => {
  const { options, usages } = settlements();
  const meter = new ChatMeter(options);
  t.match(meter, { settled: false, usage: null, outputBytes: 0, model: null, complete: false });
  play(meter, [withUsage]);
  t.same(usages, [USAGE]);
  t.same(meter.usage, USAGE);
  t.equal(meter.outputBytes, Buffer.byteLength('Héllo "}{" wörld 🌍'));
  t.match(meter, { settled: true, model: 'gpt-4o-2024-08-06', complete: true });
});

t.test('settles with the last of several reports, and counts reasoning as output', async (t) => {
  const { options, usages } = settlements();
  play(new ChatMeter(options), [cumulative]);
  t.match(usages, [{ inputTokens: 11, outputTokens: 3 }]);
  const meter = new ChatMeter(settlements().options);
  play(meter, [compatible]);
  t.equal(meter.outputBytes, 'Hi there'.length + 'hm'.length);
});

t.test('usage may come in parts, again, as null or not at all', async (t) => {
  const settled = (...reports: unknown[]) => {
    const { options, usages } = settlements();
    const chunk = (usage: unknown): string =>
      `data: ${JSON.stringify({ service_tier: 'flex', choices: [{ index: 0, delta: {} }], usage })}\n\n`;
    play(new ChatMeter(options), [Buffer.from(`${reports.map(chunk).join('')}data: [DONE]\n\n`)]);
    return usages;
  };
  const prompt = { prompt_tokens: 10, prompt_tokens_details: { cached_tokens: 4 } };
  const answer = { completion_tokens: 5, total_tokens: 15 };
  const whole = { ...NO_USAGE, inputTokens: 6, cachedInputTokens: 4, outputTokens: 5 };
  const expected = [{ ...whole, serviceTier: 'flex' }];
  t.same(settled({ ...prompt, ...answer }), expected);
  t.same(settled(prompt, null, answer), expected, 'in parts');
  t.same(settled({ ...prompt, completion_tokens: 0 }, { ...prompt, ...answer }), expected);
  t.same(settled({ ...prompt, ...answer }, { ...prompt, ...answer }), expected, 'repeated');
  const zeros = { prompt_tokens: 0, completion_tokens: 0, total_tokens: 0 };
  t.same(settled({ ...prompt, ...answer }, null, zeros), expected, 'nulls and zeros after it');
  t.same(settled({ ...prompt, ...answer }, { prompt_tokens: -1 }), expected, 'nonsense after it');
  t.same(settled(prompt), [null], 'never the answer');
  t.same(settled(null), [null]);
});

t.test('passes each event on as it arrives, and settles not before its end', async (t) => {
  const { options, usages } = settlements();
  const meter = new ChatMeter(options);
  const events = withUsage.toString().split(/(?<=\n\n)/);
  const sent = events.map((event) => meter.push(Buffer.from(event)));
  for (const [index, event] of events.slice(0, 5).entries()) {
    t.equal(Buffer.from(sent[index] ?? []).toString(), event);
  }
  t.equal(sent[5], null, 'the usage event waits');
  t.same(usages, [USAGE], 'until [DONE]');
});

t.test('counts every kind of delta', async (t) => {
  const meter = new ChatMeter(settlements().options);
  const call = { function: { name: 'ab', arguments: '{}' } };
  for (const delta of [
    { content: '1' },
    { refusal: '2' },
    { reasoning_content: '3', reasoning: '3' },
    { reasoning: '4' },
    { tool_calls: [call, call] },
    { function_call: call.function },
    {},
  ]) {
    meter.push(Buffer.from(`data: ${JSON.stringify({ choices: [{ index: 0, delta }] })}\n\n`));
  }
  t.equal(meter.outputBytes, 4 + 12);
});

t.test('a stream cut anywhere ends in an error that clients understand', async (t) => {
  const whole = withUsage.toString();
  // Cut before the choice has finished; behind that the answer is whole.
  const finish = withUsage.indexOf('"finish_reason":"stop"');
  for (let at = 0; at < finish; at++) {
    const { options, usages } = settlements();
    const meter = new ChatMeter(options);
    const sent = play(meter, [withUsage.subarray(0, at)]);
    const events = sent.trimEnd().split('\n\n');
    const { error } = JSON.parse(events.at(-2)?.slice(6) ?? '') as { error?: { code?: string } };
    const isRight =
      error?.code === 'upstream_unreachable' &&
      whole.startsWith(events.slice(0, -3).join('\n\n')) &&
      `${events.at(-3)}\n\n` === COMMENT &&
      events.at(-1) === 'data: [DONE]' &&
      !meter.complete &&
      usages.length === 1;
    if (!isRight) t.fail(`cut at ${at}: ${sent}`);
  }
  t.pass('at every byte');
});

t.test('the reason of a cut can be told', async (t) => {
  t.match(
    Buffer.from(new ChatMeter(settlements().options).end('upstream_timeout')).toString(),
    /upstream_timeout/,
  );
});

t.test('an answer that finished is whole though its end was not announced', async (t) => {
  const text = withUsage.toString();
  const finished = text.slice(0, text.indexOf('data: {', text.indexOf('"stop"')));
  const meter = new ChatMeter(settlements().options);
  t.equal(play(meter, [Buffer.from(finished)]), finished + COMMENT);
  t.equal(meter.complete, true);
  const noDone = text.slice(0, text.indexOf('data: [DONE]'));
  const expected = spliced(withUsage, '_tokens":0}}').replace('data: [DONE]\n\n', '');
  t.equal(play(new ChatMeter(settlements().options), [Buffer.from(noDone)]), expected);
});

t.test('an end without its blank line still counts', async (t) => {
  const { options, usages } = settlements();
  const meter = new ChatMeter(options);
  const text = play(meter, [withUsage.subarray(0, -2)]);
  t.equal(text, spliced(withUsage, '_tokens":0}}'));
  t.same(usages, [USAGE]);
});

t.test("the provider's own error stands, with the cost told before it", async (t) => {
  const stream = fixture('chat-error.sse').toString();
  const meter = new ChatMeter(settlements().options);
  t.equal(
    play(meter, [Buffer.from(stream)]),
    stream.replace('data: {"error"', `${COMMENT}data: {"error"`),
  );
  t.equal(meter.complete, true);
});

t.test('no members to splice: no byte changes', async (t) => {
  for (const stream of [withUsage, withoutUsage, compatible, cumulative]) {
    const options = { ...settlements().options, settle: () => '' };
    t.equal(play(new ChatMeter(options), [stream]), stream.toString());
  }
});

t.test('does not hold back a flood behind the usage', async (t) => {
  const { options } = settlements();
  const meter = new ChatMeter(options);
  meter.push(
    Buffer.from('data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n'),
  );
  const comment = Buffer.from(`: ${'x'.repeat(40_000)}\n\n`);
  t.equal(meter.push(comment), null);
  t.equal(meter.push(comment)?.length, 72 + 2 * comment.length);
  t.match(Buffer.from(meter.push(Buffer.from('data: [DONE]\n\n')) ?? []).toString(), COMMENT);
});

t.test('what asking for usage has added is taken out, wherever it stands', async (t) => {
  const cases = [
    ['{"choices":[],"usage":null}', '{"choices":[]}'],
    ['{"usage":null,"choices":[]}', '{"choices":[]}'],
    ['{"choices":[{"usage":null}]}', '{"choices":[{"usage":null}]}'],
    ['{"x":{"usage":null},"usage":null}', '{"x":{"usage":null}}'],
    ['{"x":",\\"usage\\":null}","usage":null }', '{"x":",\\"usage\\":null}" }'],
  ];
  for (const [given, expected] of cases) {
    const meter = new ChatMeter(settlements({ stripUsage: true }).options);
    const sent = meter.push(Buffer.from(`data: ${given}\n\n`));
    t.equal(Buffer.from(sent ?? []).toString(), `data: ${expected}\n\n`);
  }
});

t.test('events that go through untouched are not copied', async (t) => {
  const chunk = Buffer.from('data: {"choices":[]}\n\ndata: {"id":"1"}\n\ndata: {"choi');
  const sent = new ChatMeter(settlements().options).push(chunk);
  t.equal(sent?.buffer, chunk.buffer);
  t.equal(Buffer.from(sent ?? []).toString(), chunk.toString('utf8', 0, chunk.lastIndexOf('data')));
});

t.test('what is no JSON passes through', async (t) => {
  const meter = new ChatMeter(settlements().options);
  t.equal(
    Buffer.from(meter.push(Buffer.from('data: hello\n\n')) ?? []).toString(),
    'data: hello\n\n',
  );
});

t.test('usage that more text follows goes out before it, and settles at the end', async (t) => {
  const { options, usages } = settlements();
  const usage = 'data: {"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":1}}\n\n';
  const more = 'data: {"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":"stop"}]}\n\n';
  const done = 'data: [DONE]\n\n';
  const meter = new ChatMeter(options);
  t.equal(meter.push(Buffer.from(usage)), null);
  t.equal(Buffer.from(meter.push(Buffer.from(more)) ?? []).toString(), usage + more);
  t.equal(meter.settled, false);
  t.equal(Buffer.from(meter.push(Buffer.from(done)) ?? []).toString(), COMMENT + done);
  t.match(usages, [{ inputTokens: 1, outputTokens: 1 }]);
});
