import t from 'tap';
import { ChatMeter } from '../../src/wire/chat-stream.js';
import { MessagesMeter } from '../../src/wire/messages-stream.js';
import { meterFor } from '../../src/wire/meter.js';
import { ResponsesMeter } from '../../src/wire/responses-stream.js';
import { COMMENT, fixture, MEMBERS, play, settlements, splits } from './fixture.js';

const withUsage = fixture('completions-with-usage.sse');
const withoutUsage = fixture('completions-without-usage.sse');

const spliced = withUsage.toString().replace('"total_tokens":17}', `$&,${MEMBERS}`);
const commented = withoutUsage.toString().replace('data: [DONE]', `${COMMENT}data: [DONE]`);

t.test('every wire has its meter', async (t) => {
  const { options } = settlements();
  t.ok(meterFor('chat', options) instanceof ChatMeter);
  t.ok(meterFor('messages', options) instanceof MessagesMeter);
  t.ok(meterFor('responses', options) instanceof ResponsesMeter);
});

t.test('a completions stream is the same however it is split', async (t) => {
  for (const [stream, stripUsage, expected] of [
    [withUsage, false, spliced],
    [withUsage, true, commented],
    [withoutUsage, false, commented],
  ] as const) {
    t.equal(play(meterFor('completions', settlements({ stripUsage }).options), [stream]), expected);
    for (const chunks of splits(stream)) {
      const { options, usages } = settlements({ stripUsage });
      const sent = play(meterFor('completions', options), chunks);
      if (sent !== expected || usages.length !== 1)
        t.equal(sent, expected, `cut at ${chunks[0]?.length}`);
    }
    t.pass('at every byte');
  }
});

t.test('reads usage, model and every choice of a completions stream', async (t) => {
  const { options, usages } = settlements();
  const meter = meterFor('completions', options);
  play(meter, [withUsage]);
  t.match(usages, [{ inputTokens: 11, outputTokens: 6 }]);
  t.match(meter, { complete: true, model: 'gpt-3.5-turbo-instruct' });
  t.equal(meter.outputBytes, Buffer.byteLength('Héllo 🌍"}{'));
});

t.test('a completions stream cut before every choice has finished ends in an error', async (t) => {
  const finish = withUsage.indexOf('"finish_reason":"length"');
  for (let at = 0; at < finish; at++) {
    const meter = meterFor('completions', settlements().options);
    const sent = play(meter, [withUsage.subarray(0, at)]);
    const [error, done] = sent.trimEnd().split('\n\n').slice(-2);
    const body = JSON.parse(error?.slice(6) ?? '') as { error?: { code?: string } };
    const isRight = body.error?.code === 'upstream_unreachable' && done === 'data: [DONE]';
    if (!isRight || meter.complete) t.fail(`cut at ${at}: ${sent}`);
  }
  t.pass('at every byte');
});
