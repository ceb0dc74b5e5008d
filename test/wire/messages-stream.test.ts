import t from 'tap';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { MessagesMeter } from '../../src/wire/messages-stream.js';
import { COMMENT, fixture, MEMBERS, play, settlements, splits } from './fixture.js';

const stream = fixture('messages.sse');
const twice = fixture('messages-two-deltas.sse');
const text = stream.toString();

t.test('the client receives the same bytes however the stream is split', async (t) => {
  const expected: [Buffer, string][] = [
    [stream, text.replace('{"output_tokens":15}}', `{"output_tokens":15},${MEMBERS}}`)],
    [twice, twice.toString().replace('tokens":44}}', `tokens":44},${MEMBERS}}`)],
  ];
  for (const [bytes, whole] of expected) {
    t.equal(play(new MessagesMeter(settlements().options), [bytes]), whole);
    for (const chunks of splits(bytes)) {
      const { options, usages } = settlements();
      const sent = play(new MessagesMeter(options), chunks);
      if (sent !== whole || usages.length !== 1)
        t.equal(sent, whole, `cut at ${chunks[0]?.length}`);
    }
    t.pass('at every byte');
  }
});

t.test('merges the usage of message_start and every message_delta', async (t) => {
  const { options, usages } = settlements();
  const meter = new MessagesMeter(options);
  play(meter, [twice]);
  t.same(usages, [
    {
      ...NO_USAGE,
      inputTokens: 25,
      cachedInputTokens: 44,
      cacheWriteTokens: 20,
      cacheWrite1hTokens: 10,
      outputTokens: 15,
      reasoningTokens: 0,
    },
  ]);
  t.match(meter, { settled: true, complete: true, model: 'claude-sonnet-4-5-20250929' });
  t.equal(meter.outputBytes, Buffer.byteLength('Héllo! 🌍'));
});

t.test('message_start is never held, and tells no output', async (t) => {
  const meter = new MessagesMeter(settlements().options);
  const start = Buffer.from(text.slice(0, text.indexOf('event: content_block_start')));
  t.equal(Buffer.from(meter.push(start) ?? []).toString(), start.toString());
  t.equal(meter.usage, null, 'an output count of one is not the answer');
});

t.test('counts text, thinking and tool input', async (t) => {
  const meter = new MessagesMeter(settlements().options);
  const send = (type: string, members: object): void => {
    meter.push(Buffer.from(`event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`));
  };
  send('content_block_start', { content_block: { type: 'tool_use', name: 'ab', input: {} } });
  send('content_block_delta', { delta: { type: 'input_json_delta', partial_json: '{}' } });
  send('content_block_delta', { delta: { type: 'thinking_delta', thinking: 'é' } });
  send('content_block_delta', { delta: { type: 'text_delta', text: 'x' } });
  send('content_block_delta', { delta: { type: 'signature_delta', signature: 'not written' } });
  t.equal(meter.outputBytes, 7);
});

t.test('a stream cut anywhere ends in an error event', async (t) => {
  for (let at = 0; at < stream.indexOf('event: message_stop'); at++) {
    const { options, usages } = settlements();
    const meter = new MessagesMeter(options);
    const sent = play(meter, [stream.subarray(0, at)]);
    const [name, data] = (sent.trimEnd().split('\n\n').at(-1) ?? '').split('\n');
    const told = JSON.parse(data?.slice(6) ?? '') as { error?: { code?: string } };
    const isRight =
      name === 'event: error' &&
      told.error?.code === 'upstream_unreachable' &&
      !meter.complete &&
      usages.length === 1;
    if (!isRight) t.fail(`cut at ${at}: ${sent}`);
  }
  t.pass('at every byte');
});

t.test('without usage at the end a comment tells the cost', async (t) => {
  const start = text.indexOf('event: message_delta');
  const none = text.slice(0, start) + text.slice(text.indexOf('event: ping', start));
  const sent = play(new MessagesMeter(settlements().options), [Buffer.from(none)]);
  t.equal(sent, none.replace('event: message_stop', `${COMMENT}event: message_stop`));
});

t.test("the provider's own error stands, with the cost told before it", async (t) => {
  const error =
    'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"x"}}\n\n';
  const meter = new MessagesMeter(settlements().options);
  t.equal(play(meter, [Buffer.from(error)]), COMMENT + error);
  t.equal(meter.complete, true);
});

t.test('usage that more text follows goes out before it, and settles at the end', async (t) => {
  const { options, usages } = settlements();
  const event = (type: string, members: object): string =>
    `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`;
  const usage = event('message_delta', { usage: { input_tokens: 1, output_tokens: 1 } });
  const more = event('content_block_delta', { delta: { type: 'text_delta', text: 'x' } });
  const meter = new MessagesMeter(options);
  t.equal(meter.push(Buffer.from(usage)), null);
  t.equal(Buffer.from(meter.push(Buffer.from(more)) ?? []).toString(), usage + more);
  t.equal(play(meter, [Buffer.from(event('message_stop', {}))]).startsWith(COMMENT), true);
  t.match(usages, [{ inputTokens: 1, outputTokens: 1 }]);
});

t.test(
  'of a delta that is no object the bytes pass, and the cost is told behind them',
  async (t) => {
    for (const data of ['upstream overloaded', '{', '[DONE]', 'null', '[1]', '']) {
      const event = `event: message_delta\ndata: ${data}\n\n`;
      const { options, usages } = settlements();
      const sent = play(new MessagesMeter(options), [Buffer.from(event)]);
      t.ok(sent.startsWith(event + COMMENT), JSON.stringify(sent));
      t.equal(usages.length, 1, data);
    }
  },
);
