// What a request costs, at most costs, and what a budget buys: exact, and agreeing with each other.

import t from 'tap';
import { nano, pico } from '../../src/kernel/money.js';
import { NO_USAGE, SERVICE_TIERS, type Usage } from '../../src/kernel/usage.js';
import {
  affordableOutputTokens,
  costOf,
  type Extras,
  NO_EXTRAS,
  worstCost,
} from '../../src/pricing/cost.js';
import { NO_FEES, type Price } from '../../src/pricing/price.js';
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
      audioInput: null,
      audioOutput: null,
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
    ...NO_USAGE,
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

/** Half at flex, 9/5 at priority; sound at ten times the price of text; a cent a search. */
const served: Price = {
  ...flat({ input: perMillion('0.25'), output: perMillion('2') }),
  audioInput: perMillion('2.5'),
  audioOutput: perMillion('20'),
  services: { flex: { times: 1n, over: 2n }, priority: { times: 9n, over: 5n } },
  fees: { webSearch: pico(10_000_000_000n), fileSearch: pico(2_500_000_000n) },
};

t.test('the tier that served a request sets its price, and not the one asked for', async (t) => {
  const usage = { ...NO_USAGE, inputTokens: 1_000, outputTokens: 100 };
  t.equal(costOf(served, usage), 450_000n);
  t.equal(costOf(served, { ...usage, serviceTier: 'flex' }), 225_000n);
  t.equal(costOf(served, { ...usage, serviceTier: 'priority' }), 810_000n);
});

t.test('a tier without a price of its own costs what the dearest does', async (t) => {
  const usage = { ...NO_USAGE, inputTokens: 1_000, outputTokens: 100 };
  for (const serviceTier of ['batch', 'other'] as const) {
    t.equal(costOf(served, { ...usage, serviceTier }), 810_000n);
    t.equal(costOf(GPT4, { ...usage, serviceTier }), costOf(GPT4, usage));
  }
});

t.test('a service tier rounds up once too', async (t) => {
  const price: Price = { ...served, ...flat({ input: pico(1n), output: pico(1n) }) };
  const { services } = served;
  const usage = { ...NO_USAGE, inputTokens: 2_001, serviceTier: 'flex' } as const;
  t.equal(costOf({ ...price, services }, usage), 2n, '1,000.5 pico-dollars');
});

t.test('what is heard and spoken has a price of its own', async (t) => {
  const usage = { ...NO_USAGE, inputTokens: 10, outputTokens: 20 };
  const spoken = { ...usage, audioInputTokens: 100, audioOutputTokens: 200 };
  t.equal(costOf(served, spoken), 2_500n + 40_000n + 250_000n + 4_000_000n);
  t.equal(costOf(GPT4, spoken), 110n * 30_000n + 220n * 60_000n, 'else that of text');
});

t.test('calls are billed on top, at no discount', async (t) => {
  const usage = { ...NO_USAGE, webSearches: 3, fileSearches: 2 };
  t.equal(costOf(served, usage), 35_000_000n);
  t.equal(costOf(served, { ...usage, serviceTier: 'flex' }), 35_000_000n);
  t.equal(
    worstCost(served, { inputTokens: 0, outputTokens: 0, extras: { ...NO_EXTRAS, ...usage } }),
    35_000_000n,
  );
});

t.test('the worst case is at the dearest tier that a request may be served at', async (t) => {
  const bounds = { inputTokens: 1_000, outputTokens: 100 };
  t.equal(worstCost(served, bounds), 450_000n);
  const extras = { ...NO_EXTRAS, dearerTier: true };
  t.equal(worstCost(served, { ...bounds, extras }), 810_000n);
  t.equal(
    affordableOutputTokens(served, { inputTokens: 1_000, budget: nano(810_000n), extras }),
    100,
  );
  t.equal(
    affordableOutputTokens(served, { inputTokens: 1_000, budget: nano(809_999n), extras }),
    99,
  );
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
    audioInput: random() < 0.5 ? null : pico(BigInt(upTo(90_000_000))),
    audioOutput: random() < 0.5 ? null : pico(BigInt(upTo(90_000_000))),
  });
  const multiple = () => ({ times: BigInt(upTo(20)), over: BigInt(1 + upTo(10)) });
  const fee = () => (random() < 0.5 ? null : pico(BigInt(upTo(20_000_000_000))));
  const isTrue = () => random() < 0.5;
  for (let round = 0; round < 5_000; round++) {
    const edges = [upTo(1_000), 1_000 + upTo(1_000)].slice(0, upTo(2));
    const tiers = edges.map((aboveInputTokens) => ({ ...rates(), aboveInputTokens }));
    const price: Price = {
      ...rates(),
      tiers,
      services: { flex: multiple(), priority: multiple() },
      fees: isTrue() ? NO_FEES : { webSearch: fee(), fileSearch: fee() },
      version: 'config',
    };
    const extras: Extras = {
      audioInput: isTrue(),
      audioOutput: isTrue(),
      dearerTier: isTrue(),
      longWrites: isTrue(),
      webSearches: upTo(5),
      fileSearches: upTo(5),
    };
    const bounds = { inputTokens: upTo(3_000), outputTokens: upTo(3_000), extras };
    const usage = {
      ...NO_USAGE,
      outputTokens: upTo(bounds.outputTokens),
      webSearches: upTo(extras.webSearches),
      fileSearches: upTo(extras.fileSearches),
      ...(extras.dearerTier && { serviceTier: SERVICE_TIERS[upTo(4)]! }),
    };
    if (extras.audioOutput) {
      usage.audioOutputTokens = upTo(bounds.outputTokens - usage.outputTokens);
    }
    let left = bounds.inputTokens;
    for (const key of ['inputTokens', 'cachedInputTokens', 'cacheWriteTokens'] as const) {
      Object.assign(usage, { [key]: upTo(left) });
      left -= usage[key];
    }
    if (extras.audioInput) {
      usage.audioInputTokens = upTo(left);
      left -= usage.audioInputTokens;
    }
    const worst = worstCost(price, bounds);
    const cacheWrite1hTokens = extras.longWrites === true ? upTo(left) : 0;
    const cost = costOf(price, { ...usage, cacheWrite1hTokens });
    if (cost > worst) t.fail(`seed ${seed}, round ${round}: ${cost} > ${worst}`);

    const budget = nano(BigInt(upTo(400_000_000)));
    const { inputTokens } = bounds;
    const output = affordableOutputTokens(price, { inputTokens, budget, extras });
    const fits = (outputTokens: number): boolean =>
      worstCost(price, { inputTokens, outputTokens, extras }) <= budget;
    if (output >= 0 && !fits(output)) t.fail(`seed ${seed}, round ${round}: too much output`);
    if (output < Number.MAX_SAFE_INTEGER && fits(output + 1)) {
      t.fail(`seed ${seed}, round ${round}: more output fits`);
    }
  }
});
