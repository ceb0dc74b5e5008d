// What a request costs, at most costs, and what a budget buys: exact, and agreeing with each other.

import t from 'tap';
import { nano, pico } from '../../src/kernel/money.js';
import { NO_USAGE, type Usage } from '../../src/kernel/usage.js';
import { affordableOutputTokens, costOf, worstCost } from '../../src/pricing/cost.js';
import type { Price } from '../../src/pricing/price.js';
import { flat, perMillion, seeded } from './prices.js';

const GPT4 = flat({ input: perMillion('30'), output: perMillion('60') });

const tiered: Price = {
  ...flat({ input: perMillion('3'), output: perMillion('15') }),
  cacheWrite1h: perMillion('6'),
  tiers: [
    {
      input: perMillion('6'),
      cachedInput: perMillion('0.6'),
      cacheWrite: perMillion('7.5'),
      cacheWrite1h: perMillion('12'),
      output: perMillion('22.5'),
      aboveInputTokens: 200_000,
    },
  ],
};

t.test('20,000 tokens in and out of gpt-4 cost 180 cents', async (t) => {
  const usage = { ...NO_USAGE, inputTokens: 20_000, outputTokens: 20_000 };
  t.equal(costOf(GPT4, usage), 1_800_000_000n);
});

t.test('a price finer than a cent per thousand stays exact', async (t) => {
  const price = flat({ input: perMillion('0.0375'), output: perMillion('0.003625') });
  t.equal(price.input, 37_500n);
  t.equal(costOf(price, { ...NO_USAGE, inputTokens: 1_000_000 }), 37_500_000n);
  t.equal(costOf(price, { ...NO_USAGE, outputTokens: 8_000_000 }), 29_000_000n);
});

t.test('rounds up to a nano-dollar once per request, not once per class', async (t) => {
  const price = flat({ input: pico(1n), output: pico(1n) });
  t.equal(costOf(price, { ...NO_USAGE, inputTokens: 1 }), 1n);
  t.equal(costOf(price, { ...NO_USAGE, inputTokens: 500, outputTokens: 500 }), 1n);
  t.equal(costOf(price, { ...NO_USAGE, inputTokens: 500, outputTokens: 501 }), 2n);
  t.equal(costOf(price, NO_USAGE), 0n);
});

t.test('each input class has its own price, and reasoning is not priced twice', async (t) => {
  const usage: Usage = {
    inputTokens: 1,
    cachedInputTokens: 10,
    cacheWriteTokens: 100,
    cacheWrite1hTokens: 1_000,
    outputTokens: 10_000,
    reasoningTokens: 9_000,
  };
  const price: Price = {
    ...flat({ input: pico(2_000n), output: pico(7_000n) }),
    cachedInput: pico(1_000n),
    cacheWrite: pico(3_000n),
    cacheWrite1h: pico(5_000n),
  };
  t.equal(costOf(price, usage), 2n + 10n + 300n + 5_000n + 70_000n);
});

t.test('a tier prices the whole request once all its input passes the edge', async (t) => {
  const at = { ...NO_USAGE, inputTokens: 200_000, outputTokens: 1_000 };
  t.equal(costOf(tiered, at), 615_000_000n);
  const above = {
    ...NO_USAGE,
    inputTokens: 199_000,
    cachedInputTokens: 1_001,
    outputTokens: 1_000,
  };
  t.equal(costOf(tiered, above), 1_194_000_000n + 600_600n + 22_500_000n);
});

t.test('the worst case takes the dearest input class of every tier in reach', async (t) => {
  t.equal(worstCost(tiered, { inputTokens: 200_000, outputTokens: 0 }), 1_200_000_000n);
  t.equal(worstCost(tiered, { inputTokens: 200_001, outputTokens: 0 }), 2_400_012_000n);
});

t.test('a tier cheaper than the base does not lower the worst case', async (t) => {
  const cheap = flat({ input: pico(1_000n), output: pico(1_000n) });
  const price: Price = { ...GPT4, tiers: [{ ...cheap, aboveInputTokens: 10 }] };
  t.equal(worstCost(price, { inputTokens: 11, outputTokens: 1 }), 390_000n);
});

t.test('a budget buys the output that exactly exhausts it', async (t) => {
  const budget = nano(3_000_000n);
  t.equal(affordableOutputTokens(GPT4, { inputTokens: 50, budget }), 25);
  t.equal(affordableOutputTokens(GPT4, { inputTokens: 100, budget }), 0);
  t.equal(affordableOutputTokens(GPT4, { inputTokens: 101, budget }), -1);
  t.equal(affordableOutputTokens(GPT4, { inputTokens: 0, budget: nano(-1n) }), -1);
  const free = flat({ input: pico(1n), output: pico(0n) });
  t.equal(affordableOutputTokens(free, { inputTokens: 1, budget }), Number.MAX_SAFE_INTEGER);
});

t.test('a count that is no whole number is a defect', async (t) => {
  t.throws(() => costOf(GPT4, { ...NO_USAGE, inputTokens: -1 }), /defect/);
  t.throws(() => costOf(GPT4, { ...NO_USAGE, outputTokens: 0.5 }), /defect/);
  t.throws(() => worstCost(GPT4, { inputTokens: Number.NaN, outputTokens: 0 }), /defect/);
});

t.test('no usage within the bounds costs more than the worst case', async (t) => {
  const seed = Number(process.env['TOKENPAK_SEED'] ?? 20_261_125);
  const random = seeded(seed);
  const upTo = (limit: number): number => Math.floor(random() * (limit + 1));
  const rates = () => ({
    input: pico(BigInt(upTo(60_000_000))),
    cachedInput: pico(BigInt(upTo(60_000_000))),
    cacheWrite: pico(BigInt(upTo(60_000_000))),
    cacheWrite1h: pico(BigInt(upTo(60_000_000))),
    output: pico(BigInt(upTo(120_000_000))),
  });
  for (let round = 0; round < 5_000; round++) {
    const edges = [upTo(1_000), 1_000 + upTo(1_000)].slice(0, upTo(2));
    const tiers = edges.map((aboveInputTokens) => ({ ...rates(), aboveInputTokens }));
    const price: Price = { ...rates(), tiers, version: 'config' };
    const bounds = { inputTokens: upTo(3_000), outputTokens: upTo(3_000) };
    const usage = { ...NO_USAGE, outputTokens: upTo(bounds.outputTokens) };
    let left = bounds.inputTokens;
    for (const key of ['inputTokens', 'cachedInputTokens', 'cacheWriteTokens'] as const) {
      Object.assign(usage, { [key]: upTo(left) });
      left -= usage[key];
    }
    const worst = worstCost(price, bounds);
    const cost = costOf(price, { ...usage, cacheWrite1hTokens: upTo(left) });
    if (cost > worst) t.fail(`seed ${seed}, round ${round}: ${cost} > ${worst}`);

    const budget = nano(BigInt(upTo(400_000_000)));
    const { inputTokens } = bounds;
    const output = affordableOutputTokens(price, { inputTokens, budget });
    const fits = (outputTokens: number): boolean =>
      worstCost(price, { inputTokens, outputTokens }) <= budget;
    if (output >= 0 && !fits(output)) t.fail(`seed ${seed}, round ${round}: too much output`);
    if (output < Number.MAX_SAFE_INTEGER && fits(output + 1)) {
      t.fail(`seed ${seed}, round ${round}: more output fits`);
    }
  }
});
