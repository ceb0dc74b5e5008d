// What a provider says it billed, by UTC day and model: the one shape that every cost API and every
// saved file becomes. Amounts are exact; what a source does not tell is `null`, never zero.

import { nano, type NanoUsd, parseDecimalUp, ZERO_USD } from '../kernel/money.js';
import { type Json, textOf } from '../kernel/exact-json.js';
import type { LocalDate } from '../kernel/scope.js';

/** Token classes as invoices have them: all cache writes are one. */
export const CLASSES = ['input', 'cached', 'cacheWrite', 'output'] as const;
export type TokenClass = (typeof CLASSES)[number];

export interface ReportModel {
  readonly model: string;
  readonly requests: number | null;
  readonly tokens: Readonly<Record<TokenClass, number>> | null;
  /** All that the model cost, and how much of it each class did. */
  readonly cost: NanoUsd | null;
  readonly classCosts: Readonly<Partial<Record<TokenClass, NanoUsd>>>;
}

export interface ReportDay {
  readonly utcDate: LocalDate;
  /** False: the provider has told nothing of the day yet, not even that it cost nothing. */
  readonly reported: boolean;
  readonly cost: NanoUsd;
  readonly models: readonly ReportModel[];
}

export interface ReportRow {
  readonly utcDate: LocalDate;
  readonly model?: string | null;
  readonly tokenClass?: TokenClass | null;
  readonly cost?: NanoUsd;
  readonly tokens?: Partial<Record<TokenClass, number>>;
  readonly requests?: number;
}

interface Growing {
  requests: number | null;
  tokens: Record<TokenClass, number> | null;
  cost: NanoUsd | null;
  classCosts: Partial<Record<TokenClass, NanoUsd>>;
}

/** Adds rows up, in whatever order and pieces they come. */
export class Report {
  readonly #costs = new Map<LocalDate, NanoUsd>();
  readonly #models = new Map<LocalDate, Map<string, Growing>>();

  /** The provider has an account of the day, whatever stands in it. */
  seen(utcDate: LocalDate): void {
    this.#costs.set(utcDate, this.#costs.get(utcDate) ?? ZERO_USD);
  }

  add({ utcDate, model, tokenClass, cost, tokens, requests }: ReportRow): void {
    if (cost !== undefined) {
      this.#costs.set(utcDate, nano((this.#costs.get(utcDate) ?? ZERO_USD) + cost));
    }
    if (model === undefined || model === null || model === '') return;
    const row = this.#rowOf(utcDate, model);
    if (cost !== undefined) {
      row.cost = nano((row.cost ?? ZERO_USD) + cost);
      if (tokenClass) {
        row.classCosts[tokenClass] = nano((row.classCosts[tokenClass] ?? ZERO_USD) + cost);
      }
    }
    if (requests !== undefined) row.requests = (row.requests ?? 0) + requests;
    if (tokens === undefined) return;
    row.tokens ??= { input: 0, cached: 0, cacheWrite: 0, output: 0 };
    for (const name of CLASSES) row.tokens[name] += tokens[name] ?? 0;
  }

  day(utcDate: LocalDate): ReportDay {
    const models = [...(this.#models.get(utcDate) ?? [])].map(([model, row]) => ({
      model,
      ...row,
    }));
    const cost = this.#costs.get(utcDate);
    return { utcDate, reported: cost !== undefined, cost: cost ?? ZERO_USD, models };
  }

  #rowOf(utcDate: LocalDate, model: string): Growing {
    const models = this.#models.get(utcDate) ?? new Map<string, Growing>();
    this.#models.set(utcDate, models);
    const row = models.get(model) ?? { requests: null, tokens: null, cost: null, classCosts: {} };
    models.set(model, row);
    return row;
  }
}

/**
 * An amount in dollars (scale 9) or cents (scale 7), to the nearest nano-dollar: what a provider
 * writes as a double has noise far behind it. Credits are negative.
 */
export function amountOf(value: Json | undefined, scale: 7 | 9): NanoUsd | null {
  const text = textOf(value).trim();
  const fine = parseDecimalUp(text.replace(/^-/, ''), scale + 3);
  if (fine === null) return null;
  const size = (fine + 499n) / 1_000n;
  return nano(text.startsWith('-') ? -size : size);
}

/** The class that a provider's own name for it means; `null` for what is no token. */
export function classOf(name: string): TokenClass | null {
  if (/uncached/i.test(name)) return 'input';
  if (/cache[ _-]?(write|creation)/i.test(name)) return 'cacheWrite';
  if (/cache/i.test(name)) return 'cached';
  if (/output/i.test(name)) return 'output';
  return /input/i.test(name) ? 'input' : null;
}
