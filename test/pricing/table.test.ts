// Which model is served by whom at what price, from the configuration and the bundled catalogue.

import t from 'tap';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { costOf } from '../../src/pricing/cost.js';
import type { ModelConfig, ProviderConfig } from '../../src/config/config.js';
import { PriceTable, type PricedModel } from '../../src/pricing/table.js';
import { configOf, model, perMillion, provider } from './prices.js';

const tableOf = (providers: ProviderConfig[], models: ModelConfig[] = []): PriceTable =>
  new PriceTable(configOf(providers, models));

function priced(table: PriceTable, name: string): PricedModel {
  const found = table.find(name);
  if (typeof found === 'string') throw new Error(`${name}: ${found}`);
  return found;
}

const openai = provider('openai', { allowModels: 'catalogue' });
const anthropic = provider('claude', {
  type: 'anthropic',
  baseUrl: 'https://api.anthropic.com',
  allowModels: 'catalogue',
});

t.test('the recipe’s gpt-4 costs what its configuration says', async (t) => {
  const table = tableOf(
    [provider('openai')],
    [model('gpt-4', { inputPrice: perMillion('30'), outputPrice: perMillion('60') })],
  );
  const { price, facts, encoding, upstreamModel } = priced(table, 'gpt-4');
  t.equal(price.version, 'config');
  t.equal(price.cacheWrite1h, perMillion('30'));
  t.equal(
    costOf(price, { ...NO_USAGE, inputTokens: 20_000, outputTokens: 20_000 }),
    1_800_000_000n,
  );
  t.same(facts, { contextTokens: 8_192, maxOutputTokens: 8_192 });
  t.equal(encoding, 'cl100k_base');
  t.equal(upstreamModel, 'gpt-4');
  t.same(table.names(), ['gpt-4']);
});

t.test('a model without prices of its own takes the dated catalogue’s', async (t) => {
  const table = tableOf([provider('openai')], [model('gpt-4'), model('gpt-3.5-turbo')]);
  t.match(table.version, /^bundled@\d{4}-\d{2}-\d{2}$/);
  t.equal(priced(table, 'gpt-4').price.version, table.version);
  t.equal(priced(table, 'gpt-4').price.output, perMillion('60'));
  t.equal(priced(table, 'gpt-3.5-turbo').price.input, perMillion('0.5'));
});

t.test('an alias is priced by what the provider calls it', async (t) => {
  const table = tableOf([provider('openai')], [model('fast', { upstreamModel: 'gpt-4o-mini' })]);
  const { name, upstreamModel, price, encoding } = priced(table, 'fast');
  t.same([name, upstreamModel, encoding], ['fast', 'gpt-4o-mini', 'o200k_base']);
  t.equal(price.cachedInput, perMillion('0.075'));
});

t.test('a configured input price decides the cached price too, unless that is given', async (t) => {
  const prices = { inputPrice: perMillion('1'), outputPrice: perMillion('2') };
  const table = tableOf(
    [provider('openai')],
    [
      model('gpt-4o', prices),
      model('own', { upstreamModel: 'gpt-4o', ...prices, cachedInputPrice: perMillion('0.1') }),
      model('output', { upstreamModel: 'gpt-5.4', outputPrice: perMillion('99') }),
    ],
  );
  t.equal(priced(table, 'gpt-4o').price.cachedInput, perMillion('1'));
  t.equal(priced(table, 'own').price.cachedInput, perMillion('0.1'));
  const { price } = priced(table, 'output');
  t.equal(price.version, 'config');
  t.equal(price.cachedInput, perMillion('0.25'));
  t.equal(price.output, perMillion('99'));
  t.same(
    price.tiers.map(({ input, output }) => [input, output]),
    [[perMillion('5'), perMillion('99')]],
    'the tiers keep the catalogue’s input',
  );
});

t.test('cache writes keep their multiple of a configured input price', async (t) => {
  const prices = { inputPrice: perMillion('1'), outputPrice: perMillion('2') };
  const table = tableOf(
    [provider('openai'), anthropic],
    [
      model('gpt-5.6-sol', prices),
      model('new-claude', { provider: 'claude', ...prices }),
      model('plain', prices),
    ],
  );
  t.equal(priced(table, 'gpt-5.6-sol').price.cacheWrite, perMillion('1.25'));
  t.equal(priced(table, 'new-claude').price.cacheWrite, perMillion('1.25'));
  t.equal(priced(table, 'new-claude').price.cacheWrite1h, perMillion('2'));
  t.equal(priced(table, 'plain').price.cacheWrite1h, perMillion('1'));
});

t.test('half a price and no catalogue entry is no price', async (t) => {
  const table = tableOf(
    [provider('openai')],
    [model('mine', { inputPrice: perMillion('1') }), model('other')],
  );
  t.equal(table.find('mine'), 'model_not_priced');
  t.equal(table.find('other'), 'model_not_priced');
  t.same(table.names(), ['mine', 'other']);
});

t.test('a provider lists only its configured models, or its whole catalogue', async (t) => {
  t.equal(tableOf([provider('openai')]).find('gpt-4o'), 'model_not_found');
  const table = tableOf([openai, anthropic], [model('gpt-4o', { maxOutputTokens: 5 })]);
  t.equal(priced(table, 'gpt-4.1').provider.name, 'openai');
  t.equal(priced(table, 'claude-opus-5').provider.name, 'claude');
  t.equal(priced(table, 'claude-opus-5').encoding, null);
  t.equal(priced(table, 'gpt-4o').facts.maxOutputTokens, 5, 'the configured model wins');
  t.equal(table.find('llama-3.3-70b-versatile'), 'model_not_found', 'another provider’s');
});

t.test('a dated name has its family’s price, or its own where that is listed', async (t) => {
  const table = tableOf([openai, anthropic]);
  t.equal(priced(table, 'gpt-4o-2024-08-06').price.input, perMillion('2.5'));
  t.equal(priced(table, 'gpt-4o-2024-05-13').price.input, perMillion('5'));
  t.equal(priced(table, 'gpt-5.4-2031-01-02').price.input, perMillion('2.5'));
  t.equal(priced(table, 'claude-sonnet-4-20250514').price.output, perMillion('15'));
  t.equal(priced(table, 'claude-sonnet-4-5-20250929').price.tiers.length, 1);
  t.equal(table.find('gpt-4o-2024'), 'model_not_found');
  t.equal(table.find('gpt-4o-supreme'), 'model_not_found');
});

t.test('finds the same object again', async (t) => {
  const table = tableOf([openai]);
  t.equal(table.find('gpt-4o'), table.find('gpt-4o'));
});

t.test('Anthropic’s cache prices are the model’s own, not one multiple', async (t) => {
  const table = tableOf([anthropic]);
  const fable = priced(table, 'claude-fable-5-1').price;
  t.equal(fable.cachedInput, perMillion('0.25'));
  t.equal(fable.cacheWrite, perMillion('12.5'));
  t.equal(fable.cacheWrite1h, perMillion('20'));
});

t.test('a compatible server is priced by its host, else by the exact name anywhere', async (t) => {
  const at = (baseUrl: string, allowModels: 'catalogue' | 'listed' = 'catalogue') =>
    provider('server', { type: 'openai-compatible', baseUrl, allowModels });
  const groq = tableOf([at('https://api.groq.com/openai/v1')]);
  t.equal(priced(groq, 'llama-3.3-70b-versatile').price.input, perMillion('0.59'));
  t.equal(groq.find('gpt-4o'), 'model_not_found');
  const local = tableOf([at('http://127.0.0.1:9/v1')]);
  t.equal(priced(local, 'gpt-4o').price.input, perMillion('2.5'));
  t.equal(local.find('gpt-4o-2031-01-02'), 'model_not_found', 'no family without a provider');
  const mock = provider('play', { type: 'mock', baseUrl: '', allowModels: 'catalogue' });
  t.equal(priced(tableOf([mock]), 'gpt-4').price.output, perMillion('60'));
});

t.test('names of object properties are names like any other', async (t) => {
  const table = tableOf([openai, provider('play', { type: 'mock', allowModels: 'catalogue' })]);
  for (const name of ['__proto__', 'constructor', 'toString', 'hasOwnProperty', '']) {
    t.equal(table.find(name), 'model_not_found', name);
  }
});

t.test('the catalogue knows service tiers, fees and sound of those who tell them', async (t) => {
  const table = tableOf([openai, anthropic]);
  const { services, fees } = priced(table, 'gpt-5-mini').price;
  t.same(services, { flex: { times: 1n, over: 2n }, priority: { times: 9n, over: 5n } });
  t.same(fees, { webSearch: 10_000_000_000n, fileSearch: 2_500_000_000n });
  t.same(priced(table, 'gpt-4').price.services, {});
  t.same(priced(table, 'gpt-6-sol').price.services, {}, 'nobody lists one');
  const claude = priced(table, 'claude-sonnet-4-5').price;
  t.same(claude.services, { batch: { times: 1n, over: 2n } });
  t.same(claude.fees, { webSearch: 10_000_000_000n, fileSearch: null });
  const spoken = priced(table, 'gpt-audio-2025-08-28').price;
  t.match(spoken, { audioInput: perMillion('32'), audioOutput: perMillion('64') });
  t.match(priced(table, 'gpt-4o').price, { audioInput: null, audioOutput: null });
});

t.test('a region of OpenAI’s costs a tenth more from gpt-5.4 on', async (t) => {
  const regional = { baseUrl: 'https://eu.api.openai.com/v1', allowModels: 'catalogue' } as const;
  const table = tableOf([provider('openai', regional)]);
  const { price } = priced(table, 'gpt-5.6-sol-2026-08-21');
  t.match(price, { input: perMillion('4.4'), cachedInput: perMillion('0.44') });
  t.match(price, { cacheWrite: perMillion('5.5'), output: perMillion('22') });
  t.match(price.tiers, [{ input: perMillion('8.8'), output: perMillion('33') }]);
  t.equal(price.fees.webSearch, 10_000_000_000n, 'a search is a search');
  t.equal(priced(table, 'gpt-5').price.input, perMillion('1.25'));
  t.equal(priced(tableOf([openai]), 'gpt-5.6-sol').price.input, perMillion('4'));
});

t.test('a configured price keeps the multiples of service tiers, and the fees', async (t) => {
  const prices = { inputPrice: perMillion('1'), outputPrice: perMillion('2') };
  const own = priced(tableOf([provider('openai')], [model('o3', prices)]), 'o3').price;
  t.same(own.services.priority, { times: 7n, over: 4n });
  t.equal(own.fees.webSearch, 10_000_000_000n);
  const usage = { ...NO_USAGE, inputTokens: 1_000, serviceTier: 'priority' } as const;
  t.equal(costOf(own, usage), 1_750_000n);
});

t.test('what a maker charges for tiers and tools says nothing of another server', async (t) => {
  const local = provider('local', { type: 'openai-compatible', baseUrl: 'http://127.0.0.1:9/v1' });
  const { price } = priced(tableOf([local], [model('gpt-5', { provider: 'local' })]), 'gpt-5');
  t.equal(price.input, perMillion('1.25'));
  t.same(price.services, {});
  t.same(price.fees, { webSearch: null, fileSearch: null });
});

t.test('what bills by anything but tokens has no catalogue price', async (t) => {
  const table = tableOf([openai]);
  for (const name of ['whisper-1', 'gpt-image-2', 'gpt-realtime', 'gpt-4o-mini-tts']) {
    t.equal(table.find(name), 'model_not_found', name);
  }
  t.equal(priced(table, 'text-embedding-3-small').price.output, 0n);
  t.equal(priced(table, 'text-embedding-3-small').facts.contextTokens, null);
});
