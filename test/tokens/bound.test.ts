// The bound that admission decides on first: cheap, and never below what could be billed.

import { get_encoding } from '@dqbd/tiktoken';
import t from 'tap';
import type { Api } from '../../src/kernel/api.js';
import { ENCODINGS } from '../../src/kernel/encoding.js';
import { boundedByContext, boundFor, inputBound } from '../../src/tokens/bound.js';
import { DOCUMENT_TOKENS_MAX, HOSTED_TOOL_TOKENS_MAX } from '../../src/tokens/media.js';
import { picturesMax } from '../../src/tokens/picture.js';
import { promptTexts } from '../../src/tokens/prompt.js';
import { COOKBOOK } from './cookbook.js';

/** Another maker's server, of whose pictures nothing is known. */
const VIEWER = { provider: { type: 'openai-compatible' }, upstreamModel: 'some-model' } as const;
const IMAGE_TOKENS_MAX = picturesMax([{ size: null, detail: null, carried: 0 }], VIEWER);

const boundOf = (api: Api, body: Record<string, unknown>): number =>
  boundFor(inputBound(api, body, Buffer.byteLength(JSON.stringify(body))), VIEWER);

const user = (...content: unknown[]) => ({ messages: [{ role: 'user', content }] });

t.test('is never below the exact count', async (t) => {
  const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } };
  const bodies: [Api, Record<string, unknown>][] = [
    ['chat', { messages: COOKBOOK }],
    ['chat', { messages: [{ role: 'user', content: '' }] }],
    [
      'chat',
      { messages: [{ role: 'user', content: '😀日本\n"\\ '.repeat(50) }], tools: [tool, tool] },
    ],
    [
      'chat',
      { messages: Array.from({ length: 50 }, () => ({ role: 'user', content: 'a', name: 'b' })) },
    ],
    [
      'messages',
      { system: 's', messages: [{ role: 'user', content: 'ü' }], tools: [{ name: 'f' }] },
    ],
    ['chat', user({ type: 'image_url', image_url: { url: 'https://x.test/a.png' } })],
    ['messages', user({ type: 'image', source: { type: 'base64', data: 'QUJD' } })],
    ['messages', user({ type: 'document', source: { type: 'url', url: 'https://x.test/a.pdf' } })],
  ];
  for (const encoding of ENCODINGS) {
    const encoder = get_encoding(encoding);
    for (const [api, body] of bodies) {
      const { texts, fixedTokens, pictures } = promptTexts(api, body);
      const exact = texts.reduce(
        (sum, text) => sum + encoder.encode(text, [], []).length,
        fixedTokens + picturesMax(pictures, VIEWER),
      );
      t.ok(boundOf(api, body) >= exact, `${boundOf(api, body)} for ${exact}`);
    }
    encoder.free();
  }
});

t.test('plain text costs its bytes and little more', async (t) => {
  const body = { messages: [{ role: 'user', content: 'x'.repeat(1_000) }] };
  t.ok(boundOf('chat', body) < 1_200);
});

t.test(
  'an image elsewhere counts the dearest image; one in the body at least its bytes',
  async (t) => {
    const linked = user({ type: 'image_url', image_url: { url: 'https://x.test/a.png' } });
    t.ok(boundOf('chat', linked) > IMAGE_TOKENS_MAX);
    const url = `data:image/png;base64,${'A'.repeat(400_000)}`;
    const carried = boundOf('chat', user({ type: 'image_url', image_url: { url } }));
    t.ok(carried > 400_000 && carried < 401_000);
    const small = boundOf(
      'messages',
      user({ type: 'image', source: { type: 'base64', data: 'QUJD' } }),
    );
    t.ok(small > IMAGE_TOKENS_MAX && small < IMAGE_TOKENS_MAX + 1_000);
  },
);

t.test('files, nested parts and hosted tools are bounded too', async (t) => {
  const file = user({ type: 'file', file: { file_id: 'file-1' } });
  t.ok(boundOf('chat', file) > DOCUMENT_TOKENS_MAX);
  const image = { type: 'image', source: { type: 'file', file_id: 'f' } };
  const nested = user({ type: 'tool_result', tool_use_id: 't', content: [image] });
  t.ok(boundOf('messages', nested) > IMAGE_TOKENS_MAX);
  const search = { ...user(), tools: [{ type: 'web_search_20250305', name: 'web_search' }] };
  t.ok(boundOf('messages', search) > HOSTED_TOOL_TOKENS_MAX);
  t.ok(boundOf('chat', { ...user(), web_search_options: {} }) > HOSTED_TOOL_TOKENS_MAX);
  const bash = { ...user(), tools: [{ type: 'bash_20250124', name: 'bash' }] };
  t.ok(boundOf('messages', bash) > 2_048 && boundOf('messages', bash) < HOSTED_TOOL_TOKENS_MAX);
});

t.test('the window caps it where the model’s is known', async (t) => {
  t.equal(boundedByContext(9_000, { contextTokens: 8_192 }), 8_192);
  t.equal(boundedByContext(9_000, { contextTokens: null }), 9_000);
  t.equal(boundedByContext(90, { contextTokens: 8_192 }), 90);
  t.equal(boundedByContext(90_000, { contextTokens: 8_192 }, 3), 3 * 8_192, 'one for each prompt');
});
