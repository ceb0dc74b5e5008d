// Why a day's invoice differs from the ledger: the difference of each model taken apart into what
// other prices, other requests and other token counts make of it. The parts add up to the whole.

import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import type { UtcTotals } from '../ledger/utc-totals.js';
import { CLASSES, type ReportDay, type ReportModel, type TokenClass } from './report.js';

export const CAUSES = {
  price: 'billed at other prices than the ledger has',
  missing_at_provider: 'requests in the ledger that the provider does not bill',
  missing_in_ledger: 'usage that did not pass through this proxy',
  token_class: 'tokens counted in other classes, or in other numbers',
  estimated: 'requests whose usage never came, booked at an estimate',
  rounding: 'amounts rounded by the provider',
  unexplained: 'charges without a model or without usage',
} as const;

export type Cause = keyof typeof CAUSES;

export interface Part {
  readonly cause: Cause;
  /** As the provider calls it; empty for what has none. */
  readonly model: string;
  /** Added to the ledger's cost, with all other parts, it makes the invoice's. */
  readonly amount: NanoUsd;
}

/** Providers round to a cent a line; below half of it nobody can tell. */
const ROUNDING_MAX = 5_000_000n;

interface Pair {
  readonly name: string;
  readonly booked: Booked | null;
  readonly billed: ReportModel | null;
}

/** A model in the ledger, whatever names it was asked for by. */
interface Booked {
  readonly requests: number;
  readonly cost: NanoUsd;
  readonly estimated: number;
  readonly estimatedCost: NanoUsd;
  readonly tokens: Record<TokenClass, number>;
}

/**
 * The parts of one provider's day; `canonical` gives every spelling of a model the same name. Rows
 * of corrections must not be among those of the ledger.
 */
export function explain(
  day: ReportDay,
  rows: readonly UtcTotals[],
  canonical: (model: string) => string,
): Part[] {
  const parts = pairsOf(day, rows, canonical).flatMap(partsOf);
  const booked = rows.reduce((sum, row) => sum + row.cost, 0n);
  const explained = parts.reduce((sum, part) => sum + part.amount, 0n);
  const rest = nano(day.cost - booked - explained);
  if (rest !== 0n) parts.push({ cause: causeOfRest(rest), model: '', amount: rest });
  return merged(parts);
}

const causeOfRest = (rest: bigint): Cause => (small(rest) ? 'rounding' : 'unexplained');
const small = (amount: bigint): boolean => amount <= ROUNDING_MAX && amount >= -ROUNDING_MAX;

function pairsOf(
  { models }: ReportDay,
  rows: readonly UtcTotals[],
  canonical: (model: string) => string,
): Pair[] {
  const pairs = new Map<string, Pair>();
  for (const billed of models) {
    const key = canonical(billed.model);
    const other = pairs.get(key)?.billed ?? null;
    const both = other === null ? billed : addModels(other, billed);
    pairs.set(key, { name: both.model, booked: null, billed: both });
  }
  for (const row of rows) {
    const key = canonical(row.model);
    const pair = pairs.get(key) ?? { name: row.model, booked: null, billed: null };
    pairs.set(key, { ...pair, booked: addRow(pair.booked, row) });
  }
  return [...pairs.values()];
}

const sum = (a: number | null, b: number | null): number | null =>
  a === null && b === null ? null : (a ?? 0) + (b ?? 0);

function addModels(a: ReportModel, b: ReportModel): ReportModel {
  const tokens = a.tokens ?? b.tokens;
  const classCosts = { ...a.classCosts };
  for (const name of CLASSES) {
    const cost = b.classCosts[name];
    if (cost !== undefined) classCosts[name] = nano((classCosts[name] ?? 0n) + cost);
  }
  return {
    model: a.model,
    requests: sum(a.requests, b.requests),
    cost: a.cost === null && b.cost === null ? null : nano((a.cost ?? 0n) + (b.cost ?? 0n)),
    classCosts,
    tokens:
      tokens === null ? null : byClass((name) => (a.tokens?.[name] ?? 0) + (b.tokens?.[name] ?? 0)),
  };
}

const byClass = (count: (name: TokenClass) => number): Record<TokenClass, number> => ({
  input: count('input'),
  cached: count('cached'),
  cacheWrite: count('cacheWrite'),
  output: count('output'),
});

function addRow(before: Booked | null, row: UtcTotals): Booked {
  const { requests, cost, estimated, estimatedCost, usage } = row;
  const own = {
    input: usage.inputTokens + usage.audioInputTokens,
    cached: usage.cachedInputTokens,
    cacheWrite: usage.cacheWriteTokens + usage.cacheWrite1hTokens,
    output: usage.outputTokens + usage.audioOutputTokens,
  };
  return {
    requests: (before?.requests ?? 0) + requests,
    cost: nano((before?.cost ?? 0n) + cost),
    estimated: (before?.estimated ?? 0) + estimated,
    estimatedCost: nano((before?.estimatedCost ?? 0n) + estimatedCost),
    tokens: byClass((name) => (before?.tokens[name] ?? 0) + own[name]),
  };
}

function partsOf({ name, booked, billed }: Pair): Part[] {
  const part = (cause: Cause, amount: bigint): Part[] =>
    amount === 0n ? [] : [{ cause, model: name, amount: nano(amount) }];
  if (booked === null) return part('missing_in_ledger', billed?.cost ?? ZERO_USD);
  if (billed === null) return part('missing_at_provider', -booked.cost);
  // Usage without an amount: what it cost can only be told for all models together.
  if (billed.cost === null) return [];
  const difference = billed.cost - booked.cost;
  if (small(difference) && billed.tokens === null) return part('rounding', difference);
  const usage = usageEffect(booked, billed);
  if (usage === null) return part(booked.estimated > 0 ? 'estimated' : 'unexplained', difference);
  const price = difference - usage;
  const cause = usageCause(booked, billed) ?? 'token_class';
  return [...part(cause, usage), ...part(small(price) ? 'rounding' : 'price', price)];
}

/**
 * What the tokens that only one side counted cost at the provider's own prices, class by class;
 * `null` where the report does not give these.
 */
function usageEffect(booked: Booked, { tokens, classCosts, cost }: ReportModel): bigint | null {
  if (tokens === null) return null;
  let effect = 0n;
  for (const name of CLASSES) {
    const more = BigInt(tokens[name]) - BigInt(booked.tokens[name]);
    if (more === 0n) continue;
    const classCost = classCosts[name];
    if (tokens[name] > 0 && classCost !== undefined) {
      effect += (more * classCost) / BigInt(tokens[name]);
    } else if (Object.keys(classCosts).length === 0) {
      // Nothing is known by class: the whole difference is the tokens'.
      return cost === null ? null : cost - booked.cost;
    } else effect += more * shareOf(booked);
  }
  return effect;
}

/** A class that the provider does not bill at all: what the ledger takes for a token on average. */
function shareOf({ cost, tokens }: Booked): bigint {
  const all = CLASSES.reduce((total, name) => total + tokens[name], 0);
  return all === 0 ? 0n : cost / BigInt(all);
}

/** Why the tokens differ; `null` when they do not. */
function usageCause(booked: Booked, { tokens, requests }: ReportModel): Cause | null {
  if (tokens === null) return null;
  const more = CLASSES.map((name) => tokens[name] - booked.tokens[name]);
  if (more.every((count) => count === 0)) return null;
  const fewer = booked.requests - (requests ?? booked.requests);
  // A provider may count what broke off, or not: as many as are estimates may be missing there.
  if (booked.estimated > 0 && fewer >= 0 && fewer <= booked.estimated) return 'estimated';
  if (fewer !== 0) return fewer < 0 ? 'missing_in_ledger' : 'missing_at_provider';
  const total = more.reduce((a, b) => a + b, 0);
  if (requests !== null || total === 0) return 'token_class';
  // The number of requests is not told: a difference of one sign is a matter of whole requests.
  if (more.every((count) => count >= 0)) return 'missing_in_ledger';
  return more.every((count) => count <= 0) ? 'missing_at_provider' : 'token_class';
}

/** The largest first; parts of one cause and model as one. */
function merged(parts: readonly Part[]): Part[] {
  const found = new Map<string, Part>();
  for (const part of parts) {
    const key = `${part.cause} ${part.model}`;
    const amount = nano((found.get(key)?.amount ?? 0n) + part.amount);
    found.set(key, { ...part, amount });
  }
  const size = ({ amount }: Part): bigint => (amount < 0n ? -amount : amount);
  return [...found.values()]
    .filter(({ amount }) => amount !== 0n)
    .toSorted((a, b) => (size(a) === size(b) ? 0 : size(a) > size(b) ? -1 : 1));
}
