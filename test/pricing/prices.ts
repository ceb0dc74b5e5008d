// Prices and configurations for the pricing tests, in dollars per million tokens where text.

import type { Config, ModelConfig, ProviderConfig } from '../../src/config/config.js';
import { parseDecimal, pico, type PicoUsd } from '../../src/kernel/money.js';
import { NO_FEES, type Price, type Rates } from '../../src/pricing/price.js';

export const perMillion = (text: string): PicoUsd => pico(parseDecimal(text, 6)!);

export const flat = (rates: Partial<Rates> & Pick<Rates, 'input' | 'output'>): Price => ({
  cachedInput: rates.input,
  cacheWrite: rates.input,
  cacheWrite1h: rates.input,
  audioInput: null,
  audioOutput: null,
  ...rates,
  tiers: [],
  services: {},
  fees: NO_FEES,
  version: 'config',
});

export const provider = (name: string, more: Partial<ProviderConfig> = {}): ProviderConfig => ({
  name,
  type: 'openai',
  baseUrl: 'https://api.openai.com/v1',
  apiKey: null,
  adminKey: null,
  reconcile: { projects: [], workspaces: [], apiKeys: [] },
  allowModels: 'listed',
  connectTimeoutMs: 10_000,
  firstByteTimeoutMs: 600_000,
  mock: null,
  ...more,
});

export const model = (name: string, more: Partial<ModelConfig> = {}): ModelConfig => ({
  name,
  provider: 'openai',
  upstreamModel: name,
  inputPrice: null,
  outputPrice: null,
  cachedInputPrice: null,
  maxOutputTokens: null,
  ...more,
});

/** The price table reads nothing else of a configuration. */
export const configOf = (
  providers: readonly ProviderConfig[],
  models: readonly ModelConfig[],
): Config =>
  ({
    providers: Object.fromEntries(providers.map((row) => [row.name, row])),
    models: Object.fromEntries(models.map((row) => [row.name, row])),
  }) as unknown as Config;

/** A small seeded generator (mulberry32): the same seed always gives the same run. */
export function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
