// A model's price, and what a request costs at it. Pure integer arithmetic: pico-dollars per token
// times tokens, rounded up to a nano-dollar once per request.

import type { PicoUsd } from '../kernel/money.js';

/** Pico-dollars per token of each class. */
export interface Rates {
  readonly input: PicoUsd;
  readonly cachedInput: PicoUsd;
  readonly cacheWrite: PicoUsd;
  readonly cacheWrite1h: PicoUsd;
  readonly output: PicoUsd;
}

/** Rates for the whole request once its input (all classes) passes `aboveInputTokens`. */
export interface Tier extends Rates {
  readonly aboveInputTokens: number;
}

export interface Price extends Rates {
  /** Ascending by `aboveInputTokens`. Empty for a flat price. */
  readonly tiers: readonly Tier[];
  /** Where the price came from and when: `config`, `bundled@2026-09-01`. Stands in every record. */
  readonly version: string;
}

/** What is known of a model besides its price. */
export interface ModelFacts {
  /** Input and output together, in tokens. */
  readonly contextTokens: number | null;
  readonly maxOutputTokens: number | null;
}
