// OpenAI bills a tenth more where a region of the customer's choice processes its newer models: at
// `eu.api.openai.com`, `us.api.openai.com` and the like. (LiteLLM's price map of 2026-07-24,
// `regional_processing_uplift_multiplier`.)

import { pico, type PicoUsd } from '../kernel/money.js';
import type { Price, Rates } from './price.js';

const REGIONAL_HOST = /^[a-z]+\.api\.openai\.com$/;

/** From gpt-5.4 on. */
const UPLIFTED = /^gpt-(?:5[.-][4-9]|[6-9])/;

/** Rounded up: a rate is never below its share. */
const uplifted = (rate: PicoUsd): PicoUsd => pico((rate * 11n + 9n) / 10n);

const orNull = (rate: PicoUsd | null): PicoUsd | null => (rate === null ? null : uplifted(rate));

const upliftedRates = (rates: Rates): Rates => ({
  input: uplifted(rates.input),
  cachedInput: uplifted(rates.cachedInput),
  cacheWrite: uplifted(rates.cacheWrite),
  cacheWrite1h: uplifted(rates.cacheWrite1h),
  output: uplifted(rates.output),
  audioInput: orNull(rates.audioInput),
  audioOutput: orNull(rates.audioOutput),
});

/** A catalogue price at the host that the request goes to. */
export function priceAt(host: string, model: string, price: Price): Price {
  if (!REGIONAL_HOST.test(host) || !UPLIFTED.test(model)) return price;
  const tiers = price.tiers.map((tier) => ({ ...tier, ...upliftedRates(tier) }));
  return { ...price, ...upliftedRates(price), tiers };
}
