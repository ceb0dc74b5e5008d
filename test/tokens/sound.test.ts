import t from 'tap';
import { boundFor, inputBound } from '../../src/tokens/bound.js';
import { soundTokensMax } from '../../src/tokens/sound.js';
import { wav } from './picture-files.js';

const part = (bytes: Buffer, format: string) => ({
  type: 'input_audio',
  input_audio: { data: bytes.toString('base64'), format },
});

/** OpenAI's: one for each 100 ms. */
const billed = (seconds: number): number => seconds * 10;

t.test('a WAV is bounded by the seconds that its header and length make', async (t) => {
  for (const [seconds, rate, channels] of [
    [1, 8_000, 1],
    [10, 24_000, 1],
    [60, 48_000, 2],
  ] as const) {
    const bound = soundTokensMax(part(wav(seconds, rate, channels), 'wav'));
    t.ok(bound >= billed(seconds) && bound <= 5 * billed(seconds) + 100, `${bound}`);
  }
});

t.test('an MP3 is bounded by the lowest rate that there is', async (t) => {
  t.ok(soundTokensMax(part(Buffer.alloc(60_000), 'mp3')) >= billed(60));
});

t.test('what is not believed costs each byte of its base64', async (t) => {
  const slow = part(wav(2, 100), 'wav');
  t.equal(soundTokensMax(slow), slow.input_audio.data.length, 'a hundred samples a second');
  const bytes = wav(2, 8_000);
  bytes.writeUInt16LE(3, 20);
  const float = part(bytes, 'wav');
  t.equal(soundTokensMax(float), float.input_audio.data.length, 'not plain samples');
  const opus = part(Buffer.alloc(3_000), 'opus');
  t.equal(soundTokensMax(opus), 4_000);
  t.equal(soundTokensMax({ type: 'input_audio' }), 0);
});

t.test('a request with sound holds its seconds, not the bytes of its file', async (t) => {
  const content = [part(wav(10, 24_000), 'wav'), { type: 'text', text: 'What is said?' }];
  const body = { messages: [{ role: 'user', content }] };
  const viewer = { provider: { type: 'openai' }, upstreamModel: 'gpt-audio' } as const;
  const bound = boundFor(inputBound('chat', body, JSON.stringify(body).length), viewer);
  t.ok(bound > billed(10) && bound < 1_000, `${bound}`);
});
