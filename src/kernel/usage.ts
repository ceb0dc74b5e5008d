// What a request used, by token class. The classes are disjoint: each token stands in exactly one,
// so a price is a sum of products. Wires that nest their classes are taken apart where they are
// read.

export interface Usage {
  /** Input neither read from nor written to a cache. */
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** Cache writes that live five minutes (or the provider's default life). */
  readonly cacheWriteTokens: number;
  /** Cache writes that live an hour. */
  readonly cacheWrite1hTokens: number;
  /** Everything billed as output, reasoning included. */
  readonly outputTokens: number;
  /** The share of `outputTokens` that was hidden reasoning; not priced again. */
  readonly reasoningTokens: number;
}

export const NO_USAGE: Usage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
};

/**
 * Where a settlement's usage came from. `provider`: its own report. `estimated`: the input bound
 * plus what was streamed. `unsettled`: nobody saw the end, the whole reservation is charged.
 */
export type UsageSource = 'provider' | 'estimated' | 'unsettled';
