// The three public price lists: where each lies, how it is told by its shape, and what its members
// mean. A source says nothing here that its own text does not say.

import { messageOf, TokenPakError } from '../kernel/errors.js';
import { countOf, exactJson, itemsOf, type Json, membersOf, textOf } from '../kernel/exact-json.js';
import {
  amountOf,
  feeText,
  PER_MILLION,
  PER_TOKEN,
  type RawModel,
  type RawRates,
} from './sync-model.js';

export const SOURCE_URLS: Readonly<Record<string, string>> = {
  'models.dev': 'https://models.dev/api.json',
  litellm:
    'https://raw.githubusercontent.com/BerriAI/litellm/main/model_prices_and_context_window.json',
  openrouter: 'https://openrouter.ai/api/v1/models',
};

export interface Reading {
  readonly shape: string;
  readonly scale: number;
  readonly models: readonly RawModel[];
}

export const refused = (why: string): TokenPakError => new TokenPakError('pricing_refused', why);

/** Reads a price list of any known shape. Throws `pricing_refused`. */
export function readSource(text: string): Reading {
  try {
    return read(membersOf(exactJson(text)));
  } catch (error) {
    if (error instanceof SyntaxError) throw refused(`it is no JSON of prices: ${messageOf(error)}`);
    throw error;
  }
}

function read(root: Readonly<Record<string, Json>>): Reading {
  if (Array.isArray(root['data'])) {
    return { shape: 'openrouter', scale: PER_TOKEN, models: [...fromOpenRouter(root['data'])] };
  }
  const values = Object.values(root).map(membersOf);
  if (values.some((value) => typeof value['litellm_provider'] === 'string')) {
    return { shape: 'litellm', scale: PER_TOKEN, models: [...fromLitellm(root)] };
  }
  if (values.some((value) => typeof value['models'] === 'object')) {
    return { shape: 'models.dev', scale: PER_MILLION, models: [...fromModelsDev(root)] };
  }
  throw refused('it has the shape of no known price list (models.dev, LiteLLM, OpenRouter)');
}

function* fromModelsDev(root: Readonly<Record<string, Json>>): Iterable<RawModel> {
  for (const [provider, value] of Object.entries(root)) {
    const { api, models } = membersOf(value);
    const address = textOf(api);
    const hosts = URL.canParse(address) ? [new URL(address).hostname] : [];
    for (const [id, model] of Object.entries(membersOf(models))) {
      const { cost, limit, experimental } = membersOf(model);
      const rates = membersOf(cost);
      const { fast } = membersOf(membersOf(experimental)['modes']);
      yield {
        provider,
        hosts,
        id,
        rates: modelsDevRates(rates),
        tiers: modelsDevTiers(rates),
        // Elsewhere "fast" is no service tier, but a member of the request's own.
        ...(provider === 'openai' && {
          services: { priority: modelsDevRates(membersOf(membersOf(fast)['cost'])) },
        }),
        context: membersOf(limit)['context'],
        maxOutput: membersOf(limit)['output'],
      };
    }
  }
}

const modelsDevRates = (cost: Readonly<Record<string, Json>>): RawRates => ({
  input: cost['input'],
  output: cost['output'],
  cachedInput: cost['cache_read'],
  cacheWrite: cost['cache_write'],
  audioInput: cost['input_audio'],
  audioOutput: cost['output_audio'],
  reasoning: cost['reasoning'],
});

function modelsDevTiers(cost: Readonly<Record<string, Json>>): RawModel['tiers'] {
  const tiers = itemsOf(cost['tiers']).flatMap((item) => {
    const { tier, ...rates } = membersOf(item);
    const above = countOf(membersOf(tier)['size']);
    const isContext = textOf(membersOf(tier)['type']) === 'context';
    return above === undefined || !isContext ? [] : [{ above, ...modelsDevRates(rates) }];
  });
  const older = cost['context_over_200k'];
  if (tiers.length > 0 || older === undefined) return tiers;
  return [{ above: 200_000, ...modelsDevRates(membersOf(older)) }];
}

/** Chats and embeddings are billed by the token; other modes by pictures, seconds or pages. */
const LITELLM_MODES = new Set(['', 'chat', 'completion', 'responses', 'embedding']);
const LITELLM_FEES = [
  'input_cost_per_request',
  'input_cost_per_query',
  'input_cost_per_second',
  'input_cost_per_character',
  'output_cost_per_image',
  'output_cost_per_image_token',
  'output_cost_per_second',
  'output_cost_per_character',
];

function* fromLitellm(root: Readonly<Record<string, Json>>): Iterable<RawModel> {
  for (const [key, value] of Object.entries(root)) {
    const model = membersOf(value);
    const provider = textOf(model['litellm_provider']);
    if (key === 'sample_spec' || provider === '') continue;
    const search = Object.values(membersOf(model['search_context_cost_per_query']));
    const dearest = search
      .map((fee) => feeText(fee, 1))
      .reduce((a, b) => (Number(b ?? 0) > Number(a ?? 0) ? b : a), undefined);
    // The list gives the two ends of the window; our own holds both.
    const window =
      (countOf(model['max_input_tokens']) ?? 0) + (countOf(model['max_output_tokens']) ?? 0);
    yield {
      provider,
      id: key.startsWith(`${provider}/`) ? key.slice(provider.length + 1) : key,
      rates: litellmRates(model, ''),
      tiers: litellmTiers(model),
      services: {
        flex: litellmRates(model, '_flex'),
        priority: litellmRates(model, '_priority'),
        batch: litellmRates(model, '_batches'),
      },
      webSearch: dearest,
      fileSearch: feeText(model['file_search_cost_per_1k_calls'], 1000),
      context: model['max_input_tokens'] === undefined ? undefined : String(window),
      maxOutput: model['max_output_tokens'],
      otherFees:
        !LITELLM_MODES.has(textOf(model['mode'])) ||
        LITELLM_FEES.some((fee) => amountOf(model[fee], PER_TOKEN) !== null),
    };
  }
}

const litellmRates = (model: Readonly<Record<string, Json>>, end: string): RawRates => ({
  input: model[`input_cost_per_token${end}`],
  output: model[`output_cost_per_token${end}`],
  cachedInput: model[`cache_read_input_token_cost${end}`],
  cacheWrite: model[`cache_creation_input_token_cost${end}`],
  cacheWrite1h: model[`cache_creation_input_token_cost_above_1hr${end}`],
  audioInput: model[`input_cost_per_audio_token${end}`],
  audioOutput: model[`output_cost_per_audio_token${end}`],
  reasoning: model[`output_cost_per_reasoning_token${end}`],
});

function litellmTiers(model: Readonly<Record<string, Json>>): RawModel['tiers'] {
  const edges = new Set<string>();
  for (const name of Object.keys(model)) {
    const edge = /^(?:input|output)_cost_per_token_above_(\d{1,4})k_tokens$/.exec(name)?.[1];
    if (edge !== undefined && amountOf(model[name], PER_TOKEN) !== null) edges.add(edge);
  }
  return [...edges].map((edge) => {
    const own = litellmRates(model, `_above_${edge}k_tokens`);
    // Half a tier: what it leaves out costs what it did.
    const base = litellmRates(model, '');
    const rates = { input: own.input ?? base.input, output: own.output ?? base.output };
    return { ...own, ...rates, above: Number(edge) * 1_000 };
  });
}

/** Makers whose own price OpenRouter passes on, under the names of our providers. */
const MAKERS = new Set(['openai', 'anthropic']);

function* fromOpenRouter(data: Json): Iterable<RawModel> {
  for (const item of itemsOf(data)) {
    const { id, pricing, context_length, top_provider } = membersOf(item);
    const name = textOf(id);
    const prices = membersOf(pricing);
    const overrides = itemsOf(prices['overrides']).map(membersOf);
    const row = {
      rates: openRouterRates(dearestHour(prices, overrides)),
      tiers: overrides.flatMap((override) => {
        const above = countOf(override['min_prompt_tokens']);
        return above === undefined
          ? []
          : [{ above, ...openRouterRates({ ...prices, ...override }) }];
      }),
      webSearch: feeText(prices['web_search'], 1),
      context: context_length,
      maxOutput: membersOf(top_provider)['max_completion_tokens'],
      otherFees: amountOf(prices['request'], PER_TOKEN) !== null,
    };
    yield { ...row, provider: 'openrouter', id: name };
    const [maker = '', model = ''] = name.split('/');
    // Anthropic's own names have no dots.
    const own = maker === 'anthropic' ? model.replaceAll('.', '-') : model;
    if (MAKERS.has(maker) && !model.includes(':')) yield { ...row, provider: maker, id: own };
  }
}

const openRouterRates = (prices: Readonly<Record<string, Json>>): RawRates => ({
  input: prices['prompt'],
  output: prices['completion'],
  cachedInput: prices['input_cache_read'],
  cacheWrite: prices['input_cache_write'],
  audioInput: prices['audio'],
  reasoning: prices['internal_reasoning'],
});

/** Where prices change with the hour, the dearest hour's. */
function dearestHour(
  prices: Readonly<Record<string, Json>>,
  overrides: readonly Readonly<Record<string, Json>>[],
): Readonly<Record<string, Json>> {
  let dearest = prices;
  for (const hour of overrides.filter((override) => override['utc_start'] !== undefined)) {
    const output = (of: Readonly<Record<string, Json>>): bigint =>
      amountOf(of['completion'], PER_TOKEN) ?? 0n;
    if (output(hour) > output(dearest)) dearest = { ...prices, ...hour };
  }
  return dearest;
}
