// What a request used, by class. The classes are disjoint: each token stands in exactly one, so a
// price is a sum of products. Wires that nest their classes are taken apart where they are read.

/** What adds up over requests. */
export interface Counts {
  /** Text input (and images) neither read from nor written to a cache. */
  readonly inputTokens: number;
  readonly cachedInputTokens: number;
  /** Cache writes that live five minutes (or the provider's default life). */
  readonly cacheWriteTokens: number;
  /** Cache writes that live an hour, or as long as a provider offers. */
  readonly cacheWrite1hTokens: number;
  /** Everything billed as text output, reasoning included. */
  readonly outputTokens: number;
  /** The share of `outputTokens` that was hidden reasoning; not priced again. */
  readonly reasoningTokens: number;
  /** Input that was heard. */
  readonly audioInputTokens: number;
  /** Output that was spoken. */
  readonly audioOutputTokens: number;
  /** Calls of tools that the provider runs and bills each. */
  readonly webSearches: number;
  readonly fileSearches: number;
}

/**
 * How a provider says it served a request. `standard`: at the model's ordinary price, by whatever
 * name. `other`: a name that nobody here knows.
 */
export const SERVICE_TIERS = ['standard', 'flex', 'priority', 'batch', 'other'] as const;

export type ServiceTier = (typeof SERVICE_TIERS)[number];

export interface Usage extends Counts {
  readonly serviceTier: ServiceTier;
}

export const NO_USAGE: Usage = {
  inputTokens: 0,
  cachedInputTokens: 0,
  cacheWriteTokens: 0,
  cacheWrite1hTokens: 0,
  outputTokens: 0,
  reasoningTokens: 0,
  audioInputTokens: 0,
  audioOutputTokens: 0,
  webSearches: 0,
  fileSearches: 0,
  serviceTier: 'standard',
};

const { serviceTier: _, ...none } = NO_USAGE;

export const NO_COUNTS: Counts = none;

/** All input, by whatever class it is billed: what the edge of a price's tier is held against. */
export const inputOf = (counts: Counts): number =>
  counts.inputTokens +
  counts.cachedInputTokens +
  counts.cacheWriteTokens +
  counts.cacheWrite1hTokens +
  counts.audioInputTokens;

export const outputOf = (counts: Counts): number => counts.outputTokens + counts.audioOutputTokens;

/**
 * Where a settlement's usage came from. `provider`: its own report. `estimated`: the input bound
 * plus what was streamed. `unsettled`: nobody saw the end, the whole reservation is charged.
 */
export type UsageSource = 'provider' | 'estimated' | 'unsettled';
