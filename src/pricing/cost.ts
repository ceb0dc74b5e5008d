// What a request costs at a price, the most it can cost, and how much output money buys.
// Integers only. The three agree: costOf ≤ worstCost for any usage within its bounds, and
// affordableOutputTokens is the largest count whose worstCost still fits.

import { assert } from '../kernel/assert.js';
import { nano, type NanoUsd } from '../kernel/money.js';
import type { Usage } from '../kernel/usage.js';
import type { Price, Rates } from './price.js';

const PICO_PER_NANO = 1_000n;

/** Up, once per request: a sum of exact products is never charged below its value. */
const nanoCeil = (pico: bigint): NanoUsd => nano((pico + PICO_PER_NANO - 1n) / PICO_PER_NANO);

const isCount = (tokens: number): boolean => Number.isSafeInteger(tokens) && tokens >= 0;

/** The whole request is billed at the highest tier that its input, caches included, passes. */
function ratesFor(price: Price, inputTokens: number): Rates {
  let rates: Rates = price;
  for (const tier of price.tiers) if (inputTokens > tier.aboveInputTokens) rates = tier;
  return rates;
}

const dearestInput = (rates: Rates): bigint =>
  [rates.cachedInput, rates.cacheWrite, rates.cacheWrite1h].reduce<bigint>(
    (dearest, rate) => (rate > dearest ? rate : dearest),
    rates.input,
  );

/** The base and each tier that a request of at most this much input may be billed at. */
const reachable = (price: Price, inputTokens: number): readonly Rates[] => [
  price,
  ...price.tiers.filter((tier) => inputTokens > tier.aboveInputTokens),
];

export function costOf(price: Price, usage: Usage): NanoUsd {
  const { inputTokens, cachedInputTokens, cacheWriteTokens, cacheWrite1hTokens } = usage;
  const counts = [
    inputTokens,
    cachedInputTokens,
    cacheWriteTokens,
    cacheWrite1hTokens,
    usage.outputTokens,
  ];
  assert(counts.every(isCount), 'usage counts whole tokens');
  const rates = ratesFor(
    price,
    inputTokens + cachedInputTokens + cacheWriteTokens + cacheWrite1hTokens,
  );
  return nanoCeil(
    BigInt(inputTokens) * rates.input +
      BigInt(cachedInputTokens) * rates.cachedInput +
      BigInt(cacheWriteTokens) * rates.cacheWrite +
      BigInt(cacheWrite1hTokens) * rates.cacheWrite1h +
      BigInt(usage.outputTokens) * rates.output,
  );
}

/** The most that a request can cost whose input and output stay within these bounds. */
export function worstCost(
  price: Price,
  bounds: { readonly inputTokens: number; readonly outputTokens: number },
): NanoUsd {
  const { inputTokens, outputTokens } = bounds;
  assert(isCount(inputTokens) && isCount(outputTokens), 'bounds are whole tokens');
  const input = BigInt(inputTokens);
  const output = BigInt(outputTokens);
  let worst = 0n;
  for (const rates of reachable(price, inputTokens)) {
    const cost = input * dearestInput(rates) + output * rates.output;
    if (cost > worst) worst = cost;
  }
  return nanoCeil(worst);
}

/**
 * The largest output count with `worstCost` within the budget; −1 when not even the input fits.
 * `Number.MAX_SAFE_INTEGER` where output is free.
 */
export function affordableOutputTokens(
  price: Price,
  request: { readonly inputTokens: number; readonly budget: NanoUsd },
): number {
  assert(isCount(request.inputTokens), 'bounds are whole tokens');
  const input = BigInt(request.inputTokens);
  let tokens = BigInt(Number.MAX_SAFE_INTEGER);
  for (const rates of reachable(price, request.inputTokens)) {
    const left = request.budget * PICO_PER_NANO - input * dearestInput(rates);
    if (left < 0n) return -1;
    if (rates.output > 0n && left / rates.output < tokens) tokens = left / rates.output;
  }
  return Number(tokens);
}
