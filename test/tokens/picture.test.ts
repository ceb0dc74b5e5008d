// What a picture can be billed as: by the published formulas, written down here a second time.

import t from 'tap';
import type { ProviderType } from '../../src/config/config.js';
import { boundFor, inputBound } from '../../src/tokens/bound.js';
import { type Picture, pictureOf, picturesMax, type Viewer } from '../../src/tokens/picture.js';
import { sizeOfBase64 } from '../../src/tokens/picture-size.js';
import { seeded } from '../pricing/prices.js';
import { gif, jpeg, png, webp } from './picture-files.js';

const viewer = (type: ProviderType, upstreamModel: string): Viewer => ({
  provider: { type },
  upstreamModel,
});

/** OpenAI's page: shrink to 2,048 square, then to 768 on the short side, count tiles of 512. */
function tiles(width: number, height: number): number {
  const first = Math.max(width, height) > 2_048 ? 2_048 / Math.max(width, height) : 1;
  const [w, h] = [width * first, height * first];
  const second = Math.min(w, h) > 768 ? 768 / Math.min(w, h) : 1;
  return Math.ceil(Math.floor(w * second) / 512) * Math.ceil(Math.floor(h * second) / 512);
}

const patches = (width: number, height: number, side: number): number =>
  Math.ceil(width / side) * Math.ceil(height / side);

const capped = (width: number, height: number, cap: number): number =>
  Math.min(cap, patches(width, height, 32));

/** Claude's, before any shrinking, and at most what was measured. */
const claude = (width: number, height: number): number =>
  Math.min(3_928, Math.max(patches(width, height, 28), (width * height) / 750));

type Formula = (width: number, height: number, detail: string) => number;

const tiled =
  (base: number, tile: number): Formula =>
  (width, height, detail) =>
    detail === 'low' ? base : base + tile * tiles(width, height);

const isShrunk = (detail: string): boolean => detail === 'low' || detail === 'high';

const BILLED: readonly [ProviderType, string, Formula][] = [
  ['openai', 'gpt-4o', tiled(85, 170)],
  ['openai', 'gpt-4.1-2025-04-14', tiled(85, 170)],
  ['openai', 'gpt-4o-mini', tiled(2_833, 5_667)],
  ['openai', 'gpt-5', tiled(70, 140)],
  ['openai', 'o3', tiled(75, 150)],
  ['openai', 'gpt-4.1-mini', (w, h) => capped(w, h, 1_536) * 1.62],
  ['openai', 'gpt-5-mini-2025-08-07', (w, h) => capped(w, h, 1_536) * 1.62],
  ['openai', 'gpt-5-nano', (w, h) => capped(w, h, 1_536) * 2.46],
  ['openai', 'o4-mini', (w, h) => capped(w, h, 1_536) * 1.72],
  ['openai', 'gpt-5.5', (w, h, detail) => capped(w, h, isShrunk(detail) ? 2_500 : 10_000) * 1.2],
  [
    'openai',
    'gpt-6-sol',
    (w, h, detail) => (isShrunk(detail) ? capped(w, h, 2_500) : patches(w, h, 32)) * 1.2,
  ],
  ['anthropic', 'claude-sonnet-5', claude],
  ['mock', 'claude-haiku-4-5', claude],
];

t.test('no picture is billed above its bound, and none by URL above its family’s', async (t) => {
  const seed = Number(process.env['TOKENPAK_SEED'] ?? 20_261_125);
  const random = seeded(seed);
  for (let round = 0; round < 2_000; round++) {
    // Of every magnitude, long and thin ones among them; at most 179 megapixels.
    const width = Math.ceil(2 ** (random() * 14));
    const height = Math.ceil(Math.min(2 ** (random() * 14), 178_956_970 / width));
    const detail = ['low', 'high', 'auto', 'original'][Math.floor(random() * 4)]!;
    const picture: Picture = { size: { width, height }, detail, carried: 0 };
    for (const [type, model, billed] of BILLED) {
      const cost = billed(width, height, detail);
      const bound = picturesMax([picture], viewer(type, model));
      const anywhere = picturesMax([{ ...picture, size: null }], viewer(type, model));
      if (cost > bound || cost > anywhere) {
        t.fail(`seed ${seed}: ${width} × ${height} at ${detail} costs ${cost} on ${model}`);
      }
    }
  }
});

t.test('a family without a published formula is as dear as any that has one', async (t) => {
  for (const model of ['gpt-5.1', 'gpt-5.4', 'computer-use', 'some-model']) {
    for (const [width, height] of [
      [1, 1],
      [1_024, 1_024],
      [4_000, 3_000],
    ] as const) {
      const size = { width, height };
      const [own, ...others] = [model, 'gpt-4o', 'gpt-4o-mini', 'o4-mini', 'gpt-5.4-mini'].map(
        (name) => picturesMax([{ size, detail: 'auto', carried: 0 }], viewer('openai', name)),
      );
      t.ok(
        others.every((other) => own! >= other),
        `${model}: ${own} for ${width} × ${height}`,
      );
    }
  }
});

t.test('the bound is tight where the formula is published', async (t) => {
  const bound = (model: string, detail: string) =>
    picturesMax(
      [{ size: { width: 1_024, height: 1_024 }, detail, carried: 0 }],
      viewer('openai', model),
    );
  t.equal(bound('gpt-4o', 'high'), 765, "the page's own example");
  t.equal(bound('gpt-4o', 'low'), 85);
  t.equal(bound('gpt-5-mini', 'auto'), 1_659, '1,024 squares × 1.62, rounded up');
});

t.test('reads the size of PNG, JPEG and WebP from their first bytes', async (t) => {
  for (const file of [png, jpeg, webp]) {
    t.same(sizeOfBase64(file(1, 1)), { width: 1, height: 1 });
    t.match(sizeOfBase64(file(4_032, 3_024)), { width: 4_032, height: 3_024 });
    t.match(sizeOfBase64(file(4_032, 3_024) + 'AAAA'.repeat(100_000)), { width: 4_032 });
  }
  t.match(sizeOfBase64(jpeg(800, 600, 90_000)), { width: 800, height: 600 }, 'behind a profile');
});

t.test('what does not plainly tell its size has none', async (t) => {
  const photo = Buffer.from(jpeg(800, 600), 'base64');
  const filled = Buffer.concat([photo.subarray(0, 2), Buffer.from([0xff]), photo.subarray(2)]);
  const none: Record<string, string> = {
    'a GIF, whose frames may be larger': gif(1, 1),
    'a JPEG with bytes between its segments': filled.toString('base64'),
    'a JPEG whose frame lies too far behind': jpeg(800, 600, 200_000),
    'a JPEG without a frame': Buffer.from([0xff, 0xd8, 0xff, 0xd9]).toString('base64'),
    'a PNG that is cut short': png(800, 600).slice(0, 24),
    'a size of nothing': png(0, 600),
    'base64 that decoders read in different ways': png(1, 1).replace('AAAN', 'AA\nAN'),
    text: Buffer.from('Hello, this is no picture at all.').toString('base64'),
    nothing: '',
  };
  for (const [what, base64] of Object.entries(none)) t.equal(sizeOfBase64(base64), null, what);
});

const CLAUDE = viewer('anthropic', 'claude-sonnet-5');
const GPT = viewer('openai', 'gpt-4o');

t.test('every wire’s picture is found, and its file is not counted as text', async (t) => {
  const data = `${png(1_024, 1_024)}${'AAAA'.repeat(10_000)}`;
  const url = `data:image/png;base64,${data}`;
  const bodies = [
    [
      'chat',
      { messages: [{ role: 'user', content: [{ type: 'image_url', image_url: { url } }] }] },
    ],
    [
      'responses',
      { input: [{ role: 'user', content: [{ type: 'input_image', image_url: url }] }] },
    ],
    [
      'messages',
      {
        messages: [
          {
            role: 'user',
            content: [{ type: 'image', source: { type: 'base64', media_type: 'image/png', data } }],
          },
        ],
      },
    ],
  ] as const;
  for (const [api, body] of bodies) {
    const bound = inputBound(api, body, JSON.stringify(body).length);
    t.ok(boundFor(bound, GPT) < 1_200, `${api}: ${boundFor(bound, GPT)}`);
    t.ok(boundFor(bound, CLAUDE) < 1_800, `${api}: ${boundFor(bound, CLAUDE)}`);
    // Nobody knows what another maker's server does with it.
    const other = viewer('openai-compatible', 'gpt-4o');
    t.ok(boundFor(bound, other) > 50_000, `${api}: ${boundFor(bound, other)}`);
  }
});

t.test(
  'a picture by URL or id costs the most that its model bills, and is not fetched',
  async (t) => {
    for (const part of [
      { type: 'image_url', image_url: { url: 'http://127.0.0.1:1/a.png' } },
      { type: 'input_image', file_id: 'file-1' },
      { type: 'image', source: { type: 'url', url: 'http://127.0.0.1:1/a.png' } },
      { type: 'image', source: { type: 'url', data: png(1, 1) } },
      { type: 'image_url', image_url: { url: `data:image/png,${png(1, 1)}` } },
    ]) {
      t.match(pictureOf(part), { size: null });
      t.equal(picturesMax([pictureOf(part)], GPT), 85 + 8 * 170);
      t.equal(picturesMax([pictureOf(part)], CLAUDE), 8_000);
    }
    const low = { type: 'image_url', image_url: { url: 'https://x.test/a', detail: 'low' } };
    t.equal(picturesMax([pictureOf(low)], GPT), 85);
  },
);
