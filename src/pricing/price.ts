// A model's price: what its tokens cost by class, by the length of the prompt and by how the
// provider serves it, and what its provider's own tools cost a call. Every figure is an integer.

import type { PicoUsd } from '../kernel/money.js';
import type { ServiceTier } from '../kernel/usage.js';

/** Pico-dollars per token of each class. */
export interface Rates {
  readonly input: PicoUsd;
  readonly cachedInput: PicoUsd;
  readonly cacheWrite: PicoUsd;
  readonly cacheWrite1h: PicoUsd;
  readonly output: PicoUsd;
  /** `null`: not known, so a request that brings or wants sound is refused. */
  readonly audioInput: PicoUsd | null;
  readonly audioOutput: PicoUsd | null;
}

/** Rates for the whole request once its input (all classes) passes `aboveInputTokens`. */
export interface Tier extends Rates {
  readonly aboveInputTokens: number;
}

/** All token classes cost this many times the ordinary rates. */
export interface Multiple {
  readonly times: bigint;
  readonly over: bigint;
}

/** The service tiers that may have a price of their own. */
export type PricedTier = Exclude<ServiceTier, 'standard' | 'other'>;

/** Tools that the provider runs and bills by the call. */
export type PaidTool = 'webSearch' | 'fileSearch';

/** Pico-dollars a call; `null`: not known, so a request for the tool is refused. */
export type Fees = Readonly<Record<PaidTool, PicoUsd | null>>;

export interface Price extends Rates {
  /** Ascending by `aboveInputTokens`. Empty for a flat price. */
  readonly tiers: readonly Tier[];
  readonly services: Readonly<Partial<Record<PricedTier, Multiple>>>;
  readonly fees: Fees;
  /** Where the price came from and when: `config`, `bundled@2026-09-01`. Stands in every record. */
  readonly version: string;
}

export const NO_FEES: Fees = { webSearch: null, fileSearch: null };

/** What is known of a model besides its price. */
export interface ModelFacts {
  /** Input and output together, in tokens. */
  readonly contextTokens: number | null;
  readonly maxOutputTokens: number | null;
}
