// How much a model shall think, in either wire's words: OpenAI's effort, Anthropic's budget of
// tokens, and the effort that its newer models take in place of a budget.

import { isObject, textOf, type JsonObject } from './shape.js';

/** Budgets below these are little and middling thought: our choice, as no vendor states one. */
const LOW_BUDGET = 2_048;
const MEDIUM_BUDGET = 8_192;

/** Within the bounds above, so that a request keeps its effort on the way there and back. */
const BUDGETS: Readonly<Record<string, number>> = {
  minimal: 1_024,
  low: 1_024,
  medium: 4_096,
  high: 16_384,
  xhigh: 32_768,
  max: 32_768,
};

/** Anthropic grants no smaller budget. */
const BUDGET_MIN = 1_024;

/** Models of OpenAI that refuse `reasoning_effort` as an unknown argument. */
const EFFORTLESS = /^(?:openai\/)?(?:gpt-[34]|chatgpt)/;

/** Claude before 3.7 does not think on request; from 4.6 on it takes an effort, not a budget. */
const THOUGHTLESS = /claude-(?:instant|2|3-(?!7))/;
const BUDGETED = /claude-(?:3-7|(?:opus|sonnet|haiku)-4(?:-[0-5])?(?:[-@]20\d{6}|-latest|$))/;

export const takesEffort = (model: string): boolean => !EFFORTLESS.test(model);

/** The effort that a Messages request asks for; `null` when it leaves that to the model. */
export function effortOf(thinking: unknown, outputConfig: unknown): string | null {
  const effort = isObject(outputConfig) ? textOf(outputConfig['effort']) : '';
  const { type, budget_tokens: budget } = isObject(thinking) ? thinking : {};
  if (type === 'enabled' && typeof budget === 'number') {
    if (budget < LOW_BUDGET) return 'low';
    return budget < MEDIUM_BUDGET ? 'medium' : 'high';
  }
  if (effort !== '') return effort;
  return type === 'adaptive' || type === 'enabled' ? 'medium' : null;
}

export interface ThinkingOptions {
  readonly upstreamModel: string;
  /** A budget is a share of it, and must leave room for the answer. */
  readonly maxTokens: number;
  /**
   * Anthropic refuses to think where a tool is forced, or inside a tool loop it did not think in.
   */
  readonly isAllowed: boolean;
}

/** The members of a Messages request that stand for an effort; `null` when nothing can. */
export function thinkingFor(effort: string, options: ThinkingOptions): JsonObject | null {
  const { upstreamModel, maxTokens, isAllowed } = options;
  if (effort === 'none') return {};
  if (THOUGHTLESS.test(upstreamModel)) return null;
  if (upstreamModel.includes('claude') && !BUDGETED.test(upstreamModel)) {
    const output_config = { effort: effort === 'minimal' ? 'low' : effort };
    return isAllowed ? { thinking: { type: 'adaptive' }, output_config } : { output_config };
  }
  const budget = BUDGETS[effort];
  if (budget === undefined || !isAllowed || maxTokens <= BUDGET_MIN) return null;
  const budget_tokens = Math.max(BUDGET_MIN, Math.min(budget, maxTokens >> 1));
  return { thinking: { type: 'enabled', budget_tokens } };
}
