// The excerpts under fixtures/pricing have the shapes of the real lists.

import { readFileSync } from 'node:fs';
import t from 'tap';
import { BUNDLED, BUNDLED_SHEET, Catalogue } from '../../src/pricing/catalogue.js';
import { sheetOf } from '../../src/pricing/sync-sheet.js';
import { readSource } from '../../src/pricing/sync-sources.js';
import { provider } from './prices.js';

const read = (name: string) => {
  const text = readFileSync(new URL(`../../../fixtures/pricing/${name}`, import.meta.url), 'utf8');
  const reading = readSource(text);
  return { shape: reading.shape, ...sheetOf(reading, BUNDLED_SHEET) };
};

t.test('reads models.dev: tiers, the fast mode, dearer reasoning, addresses', async (t) => {
  const { shape, sheet, unpriced } = read('models-dev.json');
  t.equal(shape, 'models.dev');
  t.match(sheet['openai']?.models['gpt-5.4'], {
    input: '2.5',
    output: '15',
    cachedInput: '0.25',
    tiers: [{ above: 272_000, input: '5', output: '22.5', cachedInput: '0.5' }],
    services: { priority: [2, 1] },
    context: 1_050_000,
    maxOutput: 128_000,
  });
  t.equal(sheet['openai']?.models['gpt-3.5-turbo']?.cachedInput, undefined, 'dearer than fresh');
  t.match(sheet['novita-ai'], {
    hosts: ['api.novita.ai'],
    models: { 'qwen/qwen3-32b-fp8': { output: '0.9', context: 40_960 } },
  });
  t.ok(unpriced.has('novita-ai/qwen/qwen3-4b-fp8'), 'free is no price');
  t.ok(unpriced.has('openai/gpt-image-1'), 'bills pictures');
  t.notOk('github-copilot' in sheet, 'nobody can reach it');
});

t.test('reads LiteLLM: classes, tiers, service tiers, fees; not pictures', async (t) => {
  const { shape, sheet, unpriced } = read('litellm.json');
  t.equal(shape, 'litellm');
  const models = sheet['openai']?.models ?? {};
  t.match(models['gpt-5.4'], {
    input: '2.5',
    output: '15',
    cachedInput: '0.25',
    tiers: [{ above: 272_000, input: '5', output: '22.5', cachedInput: '0.5' }],
    services: { flex: [1, 2], batch: [1, 2], priority: [2, 1] },
    webSearch: '10',
    fileSearch: '0.0025',
  });
  t.match(models['gpt-4o-audio-preview'], { audioInput: '40', audioOutput: '80' });
  t.match(models['text-embedding-3-small'], {
    input: '0.02',
    output: '0',
    services: { batch: [1, 2] },
  });
  t.ok(unpriced.has('openai/dall-e-3'));
  t.match(sheet['anthropic']?.models['claude-sonnet-4-20250514'], {
    cacheWrite: '3.75',
    cacheWrite1h: '6',
    tiers: [{ above: 200_000, input: '6', output: '22.5', cacheWrite: '7.5' }],
    webSearch: '10',
  });
  t.match(sheet['google']?.models['gemini-2.5-flash-lite'], { input: '0.1', audioInput: '0.3' });
});

t.test(
  'reads OpenRouter: decimal texts, overrides, the dearest hour; not the router',
  async (t) => {
    const { shape, sheet, unpriced } = read('openrouter.json');
    t.equal(shape, 'openrouter');
    t.match(sheet['openrouter']?.models, {
      'openai/gpt-4o-mini': { input: '0.15', output: '0.6', cachedInput: '0.075' },
      'deepseek/deepseek-v4-pro-0813': { input: '1.32', output: '3.96' },
    });
    t.match(sheet['openai']?.models, { 'gpt-4o-mini': { input: '0.15', maxOutput: 16_384 } });
    t.match(sheet['anthropic']?.models, {
      'claude-sonnet-4-5': { webSearch: '10', tiers: [{ above: 200_000, output: '22.5' }] },
    });
    for (const id of ['openrouter/auto', 'qwen/qwen3-coder:free', 'perplexity/sonar-pro']) {
      t.ok(unpriced.has(`openrouter/${id}`), id);
    }
  },
);

t.test('takes from the bundled snapshot what a list leaves open, in proportion', async (t) => {
  const { sheet } = read('models-dev.json');
  t.match(sheet['anthropic']?.models['claude-sonnet-4-5'], {
    cacheWrite1h: '6',
    tiers: [{ above: 200_000, input: '6', output: '22.5' }],
    context: 1_000_000,
  });
  t.equal(sheet['anthropic']?.models['claude-haiku-4-5-20251001']?.cacheWrite1h, '2.2');
});

t.test('aliases and dated names resolve, on the list and off it', async (t) => {
  const { sheet } = read('models-dev.json');
  const catalogue = new Catalogue(sheet, 'synced');
  const claude = provider('claude', { type: 'anthropic' });
  for (const name of ['claude-haiku-4-5', 'claude-haiku-4-5-20251001', 'claude-4-5-haiku']) {
    t.equal(catalogue.find(claude, name)?.price.output, 5_500_000n, name);
  }
  const openai = provider('openai');
  for (const name of ['gpt-4', 'gpt-4-0613', 'gpt-4-2099-01-01']) {
    t.match(catalogue.find(openai, name)?.price, { output: 60_000_000n, version: 'synced' }, name);
  }
  t.equal(catalogue.find(openai, 'gpt-4o'), null, 'nothing is guessed');
  const { anthropic: _, ...others } = sheet;
  const partly = new Catalogue(others, 'synced', BUNDLED);
  t.equal(partly.find(claude, 'gpt-4'), null, 'no other provider’s price, where its own are known');
  t.match(partly.find(claude, 'claude-haiku-4-5')?.price.version, /^bundled@/);
  t.match(partly.find(openai, 'gpt-4o')?.price.version, /^bundled@/, 'what the list lacks');
  const own = { type: 'openai-compatible', baseUrl: 'https://api.novita.ai/v3' } as const;
  t.equal(catalogue.find(own, 'qwen/qwen3-32b-fp8')?.price.input, 100_000n);
});

t.test('no price passes through a float', async (t) => {
  const list = (price: string): string =>
    `{"openai":{"models":{"m":{"cost":{"input":${price},"output":1}}}}}`;
  const priced = (price: string): string | undefined =>
    sheetOf(readSource(list(price)), BUNDLED_SHEET).sheet['openai']?.models['m']?.input;
  t.equal(priced('0.1234567'), '0.123457', 'up');
  t.equal(priced('9007199254740993'), '9007199254740993');
  t.equal(priced('1e-6'), '0.000001');
  t.equal(priced('0.30000000000000004'), '0.300001');
  for (const odd of [
    '-1',
    '0',
    'null',
    '"NaN"',
    '[]',
    '{}',
    'true',
    '"1; 2"',
    `1${'0'.repeat(60)}`,
  ]) {
    t.equal(priced(odd), undefined, odd);
  }
});
