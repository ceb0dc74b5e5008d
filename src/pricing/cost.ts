// What a request costs at a price, the most it can cost, and how much output money buys.
// Integers only. The three agree: costOf ≤ worstCost for any usage within its bounds, and
// affordableOutputTokens is the largest count whose worstCost still fits.

import { assert } from '../kernel/assert.js';
import { nano, type NanoUsd } from '../kernel/money.js';
import { inputOf, type ServiceTier, type Usage } from '../kernel/usage.js';
import type { Multiple, Price, Rates } from './price.js';

const PICO_PER_NANO = 1_000n;

const ORDINARY: Multiple = { times: 1n, over: 1n };

/** What a request may be billed beyond text at the ordinary price. */
export interface Extras {
  readonly audioInput: boolean;
  readonly audioOutput: boolean;
  /** It may be served at a dearer tier than the ordinary one. */
  readonly dearerTier: boolean;
  /** `false`: nothing is written to a cache for an hour. Left out, it may be. */
  readonly longWrites?: boolean;
  /** Calls of the provider's own tools, at most. */
  readonly webSearches: number;
  readonly fileSearches: number;
}

export const NO_EXTRAS: Extras = {
  audioInput: false,
  audioOutput: false,
  dearerTier: false,
  webSearches: 0,
  fileSearches: 0,
};

export interface Bounds {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** None when left out. */
  readonly extras?: Extras;
}

const isCount = (tokens: number): boolean => Number.isSafeInteger(tokens) && tokens >= 0;

/** Up, once per request: a sum of exact products is never charged below its value. */
function billed(tokens: bigint, fees: bigint, multiple: Multiple): NanoUsd {
  if (multiple === ORDINARY) return nano((tokens + fees + PICO_PER_NANO - 1n) / PICO_PER_NANO);
  const unit = multiple.over * PICO_PER_NANO;
  return nano((tokens * multiple.times + fees * multiple.over + unit - 1n) / unit);
}

/** The whole request is billed at the highest tier that its input, caches included, passes. */
function ratesFor(price: Price, inputTokens: number): Rates {
  let rates: Rates = price;
  for (const tier of price.tiers) if (inputTokens > tier.aboveInputTokens) rates = tier;
  return rates;
}

/** The largest multiple that any of the price's service tiers has, at least one. */
function dearestMultiple({ services }: Price): Multiple {
  let dearest = ORDINARY;
  for (const each of Object.values(services)) {
    if (each.times * dearest.over > dearest.times * each.over) dearest = each;
  }
  return dearest;
}

/** Whether some way of serving a request costs more than the ordinary one. */
export const hasDearerTier = (price: Price): boolean => dearestMultiple(price) !== ORDINARY;

/** A tier without a price of its own is not guessed at: it costs what the dearest one does. */
function multipleOf(price: Price, tier: ServiceTier): Multiple {
  if (tier === 'standard') return ORDINARY;
  return (tier === 'other' ? undefined : price.services[tier]) ?? dearestMultiple(price);
}

const larger = (a: bigint, b: bigint): bigint => (a > b ? a : b);

function dearestInput(rates: Rates, extras: Extras): bigint {
  const text = larger(
    larger(rates.input, rates.cachedInput),
    extras.longWrites === false ? rates.cacheWrite : larger(rates.cacheWrite, rates.cacheWrite1h),
  );
  return extras.audioInput ? larger(text, rates.audioInput ?? 0n) : text;
}

const dearestOutput = (rates: Rates, extras: Extras): bigint =>
  extras.audioOutput ? larger(rates.output, rates.audioOutput ?? 0n) : rates.output;

const feesOf = (
  { fees }: Price,
  { webSearches, fileSearches }: { readonly webSearches: number; readonly fileSearches: number },
): bigint =>
  webSearches + fileSearches === 0
    ? 0n
    : BigInt(webSearches) * (fees.webSearch ?? 0n) + BigInt(fileSearches) * (fees.fileSearch ?? 0n);

/** The base and each tier that a request of at most this much input may be billed at. */
function reachable(price: Price, inputTokens: number): readonly Rates[] {
  if (price.tiers.length === 0) return [price];
  return [price, ...price.tiers.filter((tier) => inputTokens > tier.aboveInputTokens)];
}

/** Most classes of a request are empty, and a big integer takes longer to make than to skip. */
const times = (tokens: number, rate: bigint): bigint => (tokens === 0 ? 0n : BigInt(tokens) * rate);

/** In pico-dollars; sound without a price of its own costs what text does. */
const tokensCost = (rates: Rates, usage: Usage): bigint =>
  times(usage.inputTokens, rates.input) +
  times(usage.cachedInputTokens, rates.cachedInput) +
  times(usage.cacheWriteTokens, rates.cacheWrite) +
  times(usage.cacheWrite1hTokens, rates.cacheWrite1h) +
  times(usage.outputTokens, rates.output) +
  times(usage.audioInputTokens, rates.audioInput ?? rates.input) +
  times(usage.audioOutputTokens, rates.audioOutput ?? rates.output);

const countsAll = (usage: Usage): boolean =>
  isCount(usage.inputTokens) &&
  isCount(usage.cachedInputTokens) &&
  isCount(usage.cacheWriteTokens) &&
  isCount(usage.cacheWrite1hTokens) &&
  isCount(usage.outputTokens) &&
  isCount(usage.audioInputTokens) &&
  isCount(usage.audioOutputTokens) &&
  isCount(usage.webSearches) &&
  isCount(usage.fileSearches);

export function costOf(price: Price, usage: Usage): NanoUsd {
  assert(countsAll(usage), 'usage counts whole tokens');
  const rates = ratesFor(price, inputOf(usage));
  const multiple = multipleOf(price, usage.serviceTier);
  return billed(tokensCost(rates, usage), feesOf(price, usage), multiple);
}

/** The most that a request can cost whose usage stays within these bounds. */
export function worstCost(price: Price, bounds: Bounds): NanoUsd {
  const { inputTokens, outputTokens, extras = NO_EXTRAS } = bounds;
  assert(isCount(inputTokens) && isCount(outputTokens), 'bounds are whole tokens');
  const input = BigInt(inputTokens);
  const output = BigInt(outputTokens);
  let worst = 0n;
  for (const rates of reachable(price, inputTokens)) {
    const cost = input * dearestInput(rates, extras) + output * dearestOutput(rates, extras);
    if (cost > worst) worst = cost;
  }
  const multiple = extras.dearerTier ? dearestMultiple(price) : ORDINARY;
  return billed(worst, feesOf(price, extras), multiple);
}

/**
 * The largest output count with `worstCost` within the budget; −1 when not even the input fits.
 * `Number.MAX_SAFE_INTEGER` where output is free.
 */
export function affordableOutputTokens(
  price: Price,
  request: { readonly inputTokens: number; readonly budget: NanoUsd; readonly extras?: Extras },
): number {
  const { inputTokens, budget, extras = NO_EXTRAS } = request;
  assert(isCount(inputTokens), 'bounds are whole tokens');
  const multiple = extras.dearerTier ? dearestMultiple(price) : ORDINARY;
  const money = (budget * PICO_PER_NANO - feesOf(price, extras)) * multiple.over;
  const input = BigInt(inputTokens) * multiple.times;
  let tokens = BigInt(Number.MAX_SAFE_INTEGER);
  for (const rates of reachable(price, inputTokens)) {
    const left = money - input * dearestInput(rates, extras);
    if (left < 0n) return -1;
    const output = dearestOutput(rates, extras) * multiple.times;
    if (output > 0n && left / output < tokens) tokens = left / output;
  }
  return Number(tokens);
}
