// The simulated provider: two models, requests for them, and what becomes of each. It keeps its own
// bill, reckoned by hand.

import type { ProviderConfig } from '../../src/config/config.js';
import { pico } from '../../src/kernel/money.js';
import { NO_USAGE, type Usage } from '../../src/kernel/usage.js';
import type { PricedModel } from '../../src/pricing/table.js';
import type { Exchange } from '../../src/proxy/exchange.js';
import type { Candidate, Quote } from '../../src/proxy/quote.js';
import { NOTHING_MORE } from '../../src/wire/wanted.js';
import { flat } from '../pricing/prices.js';

/** Pico-dollars a token: fractions of a nano-dollar, so that every sum is rounded. */
const RATES = {
  dear: { input: 3_000_007n, output: 15_000_011n },
  cheap: { input: 150_003n, output: 600_001n },
} as const;

const modelOf = (name: keyof typeof RATES): PricedModel => ({
  name,
  provider: { name: 'openai', type: 'openai' } as ProviderConfig,
  upstreamModel: name,
  price: flat({ input: pico(RATES[name].input), output: pico(RATES[name].output) }),
  facts: { contextTokens: null, maxOutputTokens: null },
  encoding: null,
  outputTokensConfigured: false,
});

export const MODELS = { dear: modelOf('dear'), cheap: modelOf('cheap') };

export const EXCHANGE = { api: 'chat', retryCount: 0, trace: null } as Exchange;

/** What tokens cost, rounded up to the nano-dollar. */
export function billOf(model: string, inputTokens: number, outputTokens: number): bigint {
  const { input, output } = RATES[model as keyof typeof RATES];
  return (BigInt(inputTokens) * input + BigInt(outputTokens) * output + 999n) / 1000n;
}

/** The dear model, falling back to the cheap one if so configured. */
export function quoteOf(
  account: Quote['account'],
  bounds: { inputTokens: number; outputTokens: number; fallback: boolean },
): Quote {
  const { inputTokens, outputTokens, fallback } = bounds;
  const candidate = (model: PricedModel, isFallback: boolean): Candidate => ({
    model,
    inputTokens,
    outputTokens,
    imposed: false,
    fallback: isFallback,
    extras: NOTHING_MORE,
  });
  const candidates = [candidate(MODELS.dear, false)];
  if (fallback) candidates.push(candidate(MODELS.cheap, true));
  const request = { model: 'dear', choices: 1, prompts: 1, wanted: NOTHING_MORE };
  return { account, body: {}, request, candidates } as unknown as Quote;
}

/**
 * `answers`: with its usage. `refuses`: an error that costs nothing. `breaks`: off within a stream.
 * `stalls`: until the deadline. `cheats`: bills more than the request allowed.
 */
export type Conduct = 'answers' | 'refuses' | 'breaks' | 'stalls' | 'cheats';

export interface Plan {
  readonly conduct: Conduct;
  readonly usage: Usage;
  /** What the provider will have billed, and what the product must book. */
  readonly billed: bigint;
  readonly booked: bigint;
  readonly outputBytes: number;
}

export function planFor(candidate: Candidate, random: () => number): Plan {
  const at = random();
  const conduct: Conduct =
    at < 0.7
      ? 'answers'
      : at < 0.8
        ? 'refuses'
        : at < 0.88
          ? 'breaks'
          : at < 0.96
            ? 'stalls'
            : 'cheats';
  const { name } = candidate.model;
  const within = (most: number): number => Math.floor(random() * (most + 1));
  const inputTokens = within(candidate.inputTokens);
  // Mostly short, now and then as long as can be.
  const outputTokens = within(random() < 0.2 ? candidate.outputTokens : candidate.outputTokens / 4);
  const honest = billOf(name, inputTokens, outputTokens);
  const usage = { ...NO_USAGE, inputTokens, outputTokens };
  switch (conduct) {
    case 'answers':
      return { conduct, usage, billed: honest, booked: honest, outputBytes: 4 * outputTokens };
    case 'refuses':
      return { conduct, usage, billed: 0n, booked: 0n, outputBytes: 0 };
    case 'breaks':
    case 'stalls': {
      const outputBytes = outputTokens + within(3 * outputTokens);
      const estimated = Math.min(outputBytes, candidate.outputTokens);
      const booked = billOf(name, candidate.inputTokens, estimated);
      return { conduct, usage, billed: honest, booked, outputBytes };
    }
    case 'cheats': {
      const more = candidate.outputTokens * 3 + 1;
      const input = candidate.inputTokens + 1;
      const billed = billOf(name, input, more);
      const lie = { ...usage, inputTokens: input, outputTokens: more };
      return { conduct, usage: lie, billed, booked: billed, outputBytes: 0 };
    }
  }
}
