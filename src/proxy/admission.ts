// From a quote to a reservation. On the byte bound at once when there is room to spare; on the
// exact count when it is tight. No await stands between a check and its act.

import {
  admit,
  headroom,
  isCrowded,
  isTight,
  type Refusal,
  refusesAnyway,
  type Reservation,
} from '../budget/admit.js';
import { type NanoUsd, ZERO_USD } from '../kernel/money.js';
import { affordableOutputTokens, worstCost } from '../pricing/cost.js';
import { boundedByContext } from '../tokens/bound.js';
import { picturesMax } from '../tokens/picture.js';
import { hiddenTokensMax, type Prompt, promptTexts } from '../tokens/prompt.js';
import type { Exchange } from './exchange.js';
import type { Proxy } from './proxy.js';
import { type Candidate, heldFor, type Quote, worstOf } from './quote.js';
import { reportRejection } from './report.js';
import { canSend } from './translation.js';

export interface Admitted {
  readonly reservation: Reservation;
  readonly candidate: Candidate;
  /** The most it can cost. What is reserved is that, unless `reserve: expected` makes it less. */
  readonly worst: NanoUsd;
  /** Output tokens of one choice that the remaining money buys, when fewer than were asked for. */
  readonly clamped: number | null;
}

export const isAdmitted = (value: Admitted | Refusal): value is Admitted => 'reservation' in value;

/** Tries again when another thread took the money between the look and the act, so many times. */
const CLAMP_ATTEMPTS_MAX = 4;

/** Calls back with the outcome; in the same turn unless the prompt has to be counted first. */
export function admission(
  proxy: Proxy,
  exchange: Exchange,
  quote: Quote,
  decided: (outcome: Admitted | Refusal, quote: Quote) => void,
): void {
  const asked = quote.candidates[0] as Candidate;
  if (quote.wasRefused === true && isRefusedAnyway(proxy, quote)) {
    return decided(admitOne(proxy, quote, asked, { enforce: true }), quote);
  }
  const worst = worstOf(quote.request, asked);
  const tight = quote.candidates.some((candidate) =>
    tightFor(proxy, quote, candidate, candidate === asked ? worst : undefined),
  );
  if (!tight) {
    // As asked or not at all: what another thread has just taken is no reason for the fallback yet.
    const outcome = admitOne(proxy, quote, asked, { enforce: true, worst });
    if (isAdmitted(outcome)) return decided(outcome, quote);
  }
  const isCountable = quote.candidates.some(({ model }) => model.encoding !== null);
  // Those whom a crowd refuses ask again, and all would wait in line.
  if (!isCountable || isCrowded(proxy.counters, quote.account)) {
    return decided(admitAny(proxy, exchange, quote), quote);
  }
  if (isRefusedAnyway(proxy, quote))
    return decided(admitOne(proxy, quote, asked, { enforce: true }), quote);
  void counted(proxy, exchange, quote).then((exact) => {
    const current = withLimitsInForce(proxy, exact);
    if (current === null) return decided(askAgain(proxy, exact), exact);
    decided(admitAny(proxy, exchange, current), current);
  });
}

/** They may have been lowered while the prompt was counted; `null` when the clock has gone back. */
function withLimitsInForce({ accounts, calendar, now }: Proxy, quote: Quote): Quote | null {
  const account = accounts.of(quote.account.user, calendar.dateAt(now()));
  return account === null ? null : { ...quote, account };
}

/** What was tight is not known any more: whoever asks again is told what is wrong. */
function askAgain(proxy: Proxy, { account, request, candidates }: Quote): Refusal {
  const amount = heldFor(proxy, request, candidates[0] as Candidate);
  const budget = account.budgets.find(({ limit }) => limit !== null) ?? account.budgets[0];
  const limit = budget.limit ?? ZERO_USD;
  return { reason: 'in_flight', budget, limit, settled: ZERO_USD, amount };
}

/** A spent budget refuses at once: no fallback and no shorter answer would fit either. */
function isRefusedAnyway({ counters, config }: Proxy, quote: Quote): boolean {
  const { mode, rejectOnExceed, reserve, clampOutput, clampMinTokens } = config.budget;
  if (mode !== 'enforce' || !rejectOnExceed || reserve !== 'worst_case') return false;
  const { account, request } = quote;
  return quote.candidates.every((candidate) => {
    const { outputTokens } = candidate;
    const output = clampOutput ? Math.min(clampMinTokens, outputTokens) : outputTokens;
    const least = worstOf(request, { ...candidate, inputTokens: 0, outputTokens: output });
    return refusesAnyway(counters, account, worstOf(request, candidate), least);
  });
}

function tightFor(proxy: Proxy, quote: Quote, candidate: Candidate, worst?: NanoUsd): boolean {
  const { inputTokens, model, extras } = candidate;
  return isTight(proxy.counters, quote.account, {
    total: heldFor(proxy, quote.request, candidate, worst),
    input: () => worstCost(model.price, { inputTokens, outputTokens: 0, extras }),
  });
}

/**
 * The quote with input counted by the tokenizer, wherever that is below the bound. Never throws.
 */
async function counted(proxy: Proxy, exchange: Exchange, quote: Quote): Promise<Quote> {
  // What the provider adds to the input from its store cannot be counted here.
  if (quote.request.hiddenContext) return quote;
  let prompt: Prompt;
  try {
    prompt = promptTexts(exchange.api, quote.whole());
  } catch {
    // A text that was left out before is no JSON: the bound stands, the provider will say so.
    return quote;
  }
  const candidates = await Promise.all(
    quote.candidates.map(async (candidate) => {
      const { encoding, facts, upstreamModel } = candidate.model;
      if (encoding === null) return candidate;
      const tokens = await proxy.tokens.count(prompt.texts, encoding);
      if (tokens === null) return candidate;
      const hidden = hiddenTokensMax(upstreamModel);
      const seen = picturesMax(prompt.pictures, candidate.model);
      const sum = tokens + prompt.fixedTokens + seen + hidden;
      const exact = boundedByContext(sum, facts, quote.request.prompts);
      return { ...candidate, inputTokens: Math.min(candidate.inputTokens, exact) };
    }),
  );
  return { ...quote, candidates };
}

/**
 * The order in which a request is served: as asked; on the fallback; as asked with less output; on
 * the fallback with less output. What the config does not let us reject is served over the limit.
 */
function admitAny(proxy: Proxy, exchange: Exchange, quote: Quote): Admitted | Refusal {
  const { mode, rejectOnExceed, clampOutput } = proxy.config.budget;
  const [first, ...others] = quote.candidates as [Candidate, ...Candidate[]];
  const refused = admitOne(proxy, quote, first, { enforce: true });
  if (isAdmitted(refused)) return refused;
  const fallbacks = others.filter((each) => mode === 'enforce' && canSend(exchange, quote, each));
  for (const candidate of fallbacks) {
    const outcome = admitOne(proxy, quote, candidate, { enforce: true });
    if (isAdmitted(outcome)) return outcome;
  }
  const candidates = [first, ...fallbacks];
  if (mode !== 'enforce' || !rejectOnExceed) {
    reportRejection(proxy, refused, quote.account.date);
    return admitOne(proxy, quote, candidates.at(-1) as Candidate, { enforce: false });
  }
  if (clampOutput) {
    for (const candidate of candidates) {
      const outcome = admitClamped(proxy, quote, candidate);
      if (outcome !== null) return outcome;
    }
  }
  return refused;
}

interface Terms {
  readonly enforce: boolean;
  /** Its worst case, where it is known already. */
  readonly worst?: NanoUsd;
}

function admitOne(
  proxy: Proxy,
  quote: Quote,
  candidate: Candidate,
  { enforce, worst = worstOf(quote.request, candidate) }: Terms,
): Admitted | Refusal {
  const held = heldFor(proxy, quote.request, candidate, worst);
  const outcome = admit(proxy.counters, quote.account, held, enforce);
  if ('reason' in outcome) return outcome;
  return { reservation: outcome, candidate, worst, clamped: null };
}

/** Reserves what is left, if that buys enough output to be worth an answer. */
function admitClamped(proxy: Proxy, quote: Quote, candidate: Candidate): Admitted | null {
  const { request, account } = quote;
  const { choices, wanted } = request;
  for (let attempt = 0; attempt < CLAMP_ATTEMPTS_MAX; attempt++) {
    const budget: NanoUsd = headroom(proxy.counters, account) ?? ZERO_USD;
    const affordable = affordableOutputTokens(candidate.model.price, {
      inputTokens: candidate.inputTokens,
      budget,
      extras: candidate.extras,
    });
    const bought = Math.floor(affordable / choices) - wanted.predictedTokens;
    const outputTokens = Math.min(bought, candidate.outputTokens);
    if (outputTokens < proxy.config.budget.clampMinTokens) return null;
    const outcome = admitOne(proxy, quote, { ...candidate, outputTokens }, { enforce: true });
    if (isAdmitted(outcome)) return { ...outcome, clamped: outputTokens };
  }
  return null;
}
