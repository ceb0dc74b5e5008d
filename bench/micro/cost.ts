// Pricing: once before a request for its worst case, once after it for its cost.

import { pico } from '../../src/kernel/money.js';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { costOf, worstCost } from '../../src/pricing/cost.js';
import { NO_FEES, type Price } from '../../src/pricing/price.js';
import type { MicroCase } from './case.js';

/** gpt-4: $30 and $60 per million tokens. */
const PRICE: Price = {
  input: pico(30_000_000n),
  cachedInput: pico(30_000_000n),
  cacheWrite: pico(30_000_000n),
  cacheWrite1h: pico(30_000_000n),
  output: pico(60_000_000n),
  audioInput: null,
  audioOutput: null,
  tiers: [],
  services: {},
  fees: NO_FEES,
  version: 'bench',
};

export const cost = (): readonly MicroCase[] => [
  {
    name: 'price: worst case of a request',
    run(iterations) {
      let sum = 0n;
      for (let i = 0; i < iterations; i++) {
        sum += worstCost(PRICE, { inputTokens: 300 + (i & 255), outputTokens: 256 });
      }
      return sum;
    },
  },
  {
    name: 'price: cost of a usage',
    run(iterations) {
      let sum = 0n;
      for (let i = 0; i < iterations; i++) {
        sum += costOf(PRICE, { ...NO_USAGE, inputTokens: 61 + (i & 255), outputTokens: 48 });
      }
      return sum;
    },
  },
];
