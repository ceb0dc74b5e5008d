// Which provider serves a model, under which name, at what price. The configuration decides, and
// the catalogue fills in what it leaves open. A model without a price is refused, never free.

import type { Config, ModelConfig, ProviderConfig } from '../config/config.js';
import { assert } from '../kernel/assert.js';
import type { Encoding } from '../kernel/encoding.js';
import { pico, type PicoUsd } from '../kernel/money.js';
import { BUNDLED, type Catalogue, type CatalogueModel, catalogueOf } from './catalogue.js';
import { encodingOf } from './encoding.js';
import { type ModelFacts, NO_FEES, type Price, type Rates } from './price.js';
import { readPrices } from './prices-file.js';

export interface PricedModel {
  /** What the client calls it. */
  readonly name: string;
  readonly provider: ProviderConfig;
  readonly upstreamModel: string;
  readonly price: Price;
  readonly facts: ModelFacts;
  /** `null`: no public tokenizer; only the byte bound holds. */
  readonly encoding: Encoding | null;
  /** The maximum is the config's, which the provider does not know. */
  readonly outputTokensConfigured: boolean;
}

export type Unpriced = 'model_not_found' | 'model_not_priced';

/** Remembered catalogue models, so that invented dated names cannot fill the memory. */
const REMEMBERED_MAX = 1_024;

/** Numerator and denominator of what a cache write costs per input price. */
interface WriteMultiple {
  readonly over: bigint;
  readonly write: bigint;
  readonly write1h: bigint;
}

const PLAIN_WRITES: WriteMultiple = { over: 1n, write: 1n, write1h: 1n };

/** Anthropic's published multiples, 1.25 and 2, for a model that only the configuration prices. */
const ANTHROPIC_WRITES: WriteMultiple = { over: 4n, write: 5n, write1h: 8n };

function writesOf(provider: ProviderConfig, known: CatalogueModel | null): WriteMultiple {
  if (known !== null) {
    const { input, cacheWrite, cacheWrite1h } = known.price;
    return { over: input, write: cacheWrite, write1h: cacheWrite1h };
  }
  return provider.type === 'anthropic' ? ANTHROPIC_WRITES : PLAIN_WRITES;
}

/** Rounded up: a write is never priced below its share. */
const scaled = (input: PicoUsd, multiple: bigint, over: bigint): PicoUsd =>
  pico((input * multiple + over - 1n) / over);

/** The three input classes when the configuration sets the input price. */
function inputRates(model: ModelConfig, input: PicoUsd, writes: WriteMultiple) {
  return {
    input,
    cachedInput: model.cachedInputPrice ?? input,
    cacheWrite: scaled(input, writes.write, writes.over),
    cacheWrite1h: scaled(input, writes.write1h, writes.over),
  };
}

/** `null`: neither the configuration nor the catalogue knows a price for input, or for output. */
function priceOf(
  model: ModelConfig,
  provider: ProviderConfig,
  known: CatalogueModel | null,
): Price | null {
  const { inputPrice, outputPrice, cachedInputPrice } = model;
  if (inputPrice !== null && outputPrice !== null) {
    const input = inputRates(model, inputPrice, writesOf(provider, known));
    // How a service tier relates to the ordinary price does not depend on what that is.
    const { services, fees } = known?.price ?? { services: {}, fees: NO_FEES };
    const text = { ...input, output: outputPrice, audioInput: null, audioOutput: null };
    return { ...text, tiers: [], services, fees, version: 'config' };
  }
  if (known === null) return null;
  if (inputPrice === null && outputPrice === null && cachedInputPrice === null) return known.price;
  const own = {
    ...(inputPrice !== null && inputRates(model, inputPrice, writesOf(provider, known))),
    ...(cachedInputPrice !== null && { cachedInput: cachedInputPrice }),
    ...(outputPrice !== null && { output: outputPrice }),
  } satisfies Partial<Rates>;
  const tiers = known.price.tiers.map((tier) => ({ ...tier, ...own }));
  return { ...known.price, ...own, tiers, version: 'config' };
}

function configured(
  model: ModelConfig,
  provider: ProviderConfig,
  catalogue: Catalogue,
): PricedModel | Unpriced {
  const known = catalogue.find(provider, model.upstreamModel);
  const price = priceOf(model, provider, known);
  if (price === null) return 'model_not_priced';
  return {
    name: model.name,
    provider,
    upstreamModel: model.upstreamModel,
    price,
    facts: {
      contextTokens: known?.facts.contextTokens ?? null,
      maxOutputTokens: model.maxOutputTokens ?? known?.facts.maxOutputTokens ?? null,
    },
    encoding: encodingOf(model.upstreamModel),
    outputTokensConfigured: model.maxOutputTokens !== null,
  };
}

export class PriceTable {
  /** Of the prices that the configuration does not give. */
  readonly version: string;
  readonly #catalogue: Catalogue;
  readonly #configured = new Map<string, PricedModel | Unpriced>();
  readonly #remembered = new Map<string, PricedModel>();
  /** Providers whose whole catalogue is allowed, in the configuration's order. */
  readonly #open: readonly ProviderConfig[];

  constructor(config: Config, catalogue: Catalogue = BUNDLED) {
    this.version = catalogue.version;
    this.#catalogue = catalogue;
    const providers = new Map(Object.entries(config.providers));
    for (const [name, model] of Object.entries(config.models)) {
      const provider = providers.get(model.provider);
      assert(provider !== undefined, `model ${name} has a provider`);
      this.#configured.set(name, configured(model, provider, catalogue));
    }
    this.#open = [...providers.values()].filter(({ allowModels }) => allowModels === 'catalogue');
  }

  find(model: string): PricedModel | Unpriced {
    const known = this.#configured.get(model) ?? this.#remembered.get(model);
    if (known !== undefined) return known;
    const found = this.#findOpen(model);
    if (found === null) return 'model_not_found';
    if (this.#remembered.size < REMEMBERED_MAX) this.#remembered.set(model, found);
    return found;
  }

  /** The configured models, in the configuration's order. */
  names(): string[] {
    return [...this.#configured.keys()];
  }

  #findOpen(model: string): PricedModel | null {
    for (const provider of this.#open) {
      const known = this.#catalogue.find(provider, model);
      if (known === null) continue;
      return {
        name: model,
        provider,
        upstreamModel: model,
        ...known,
        encoding: encodingOf(model),
        outputTokensConfigured: false,
      };
    }
    return null;
  }
}

/** With the prices that were synced into the configured data directory. */
export const syncedTable = (config: Config): PriceTable =>
  new PriceTable(config, catalogueOf(readPrices(config.storage.path)));
