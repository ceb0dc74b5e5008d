// A provider's usage report, taken apart into disjoint token classes. OpenAI nests its classes
// (prompt_tokens contains cached and cache-write tokens), Anthropic does not (input_tokens excludes
// both). A report that makes no sense is no report: it is never read as zero.

import type { Usage } from '../kernel/usage.js';
import { isAbsent, isObject, type JsonObject } from './shape.js';

/** No request has a billion tokens; a larger count is a fault, and must not be booked as money. */
const TOKENS_MAX = 1_000_000_000;

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX;

/** A detail may be missing: zero then. `null` when it stands there and is no count. */
function detail(parent: unknown, name: string): number | null {
  const value = isObject(parent) ? parent[name] : null;
  if (isAbsent(value)) return 0;
  return isCount(value) ? value : null;
}

/** A provider that answered used tokens: all zero means that it did not count. */
const reported = (usage: Usage): Usage | null =>
  usage.inputTokens +
    usage.cachedInputTokens +
    usage.cacheWriteTokens +
    usage.cacheWrite1hTokens +
    usage.outputTokens >
  0
    ? usage
    : null;

/** `usage` of a chat completion or of a stream's last chunk. */
export function chatUsage(usage: unknown): Usage | null {
  if (!isObject(usage)) return null;
  const { prompt_tokens: prompt, completion_tokens: completion, total_tokens: total } = usage;
  const cached = detail(usage['prompt_tokens_details'], 'cached_tokens');
  const written = detail(usage['prompt_tokens_details'], 'cache_write_tokens');
  const reasoning = detail(usage['completion_tokens_details'], 'reasoning_tokens');
  if (!isCount(prompt) || !isCount(completion)) return null;
  if (cached === null || written === null || reasoning === null) return null;
  // OpenAI counts reasoning inside completion_tokens. Some compatible servers count it beside them,
  // which their total gives away.
  const isBeside = reasoning > completion || total === prompt + completion + reasoning;
  return reported({
    inputTokens: Math.max(0, prompt - cached - written),
    cachedInputTokens: cached,
    cacheWriteTokens: written,
    cacheWrite1hTokens: 0,
    outputTokens: isBeside ? completion + reasoning : completion,
    reasoningTokens: reasoning,
  });
}

/** `usage` of a message, or of a stream's events merged by `mergeMessagesUsage`. */
export function messagesUsage(usage: unknown): Usage | null {
  if (!isObject(usage)) return null;
  const { input_tokens: input, output_tokens: output, cache_creation: byLife } = usage;
  const cached = detail(usage, 'cache_read_input_tokens');
  const written = detail(usage, 'cache_creation_input_tokens');
  const written5m = detail(byLife, 'ephemeral_5m_input_tokens');
  const written1h = detail(byLife, 'ephemeral_1h_input_tokens');
  const thinking = detail(usage['output_tokens_details'], 'thinking_tokens');
  if (!isCount(input) || !isCount(output)) return null;
  if (cached === null || written === null || thinking === null) return null;
  if (written5m === null || written1h === null) return null;
  return reported({
    inputTokens: input,
    cachedInputTokens: cached,
    // Writes whose life is not told lived five minutes, the default.
    cacheWriteTokens: Math.max(written5m, written - written1h),
    cacheWrite1hTokens: written1h,
    outputTokens: output,
    reasoningTokens: thinking,
  });
}

/**
 * Two reports of one Anthropic stream as one. Counts are cumulative, so the larger of each is the
 * later; some vendors tell the cache classes in `message_delta` only, others in `message_start`
 * only.
 */
export function mergeMessagesUsage(earlier: JsonObject, later: unknown): JsonObject {
  if (!isObject(later)) return earlier;
  const merged: Record<string, unknown> = { ...earlier };
  for (const [name, value] of Object.entries(later)) {
    const before = merged[name];
    if (isAbsent(value)) continue;
    if (typeof value === 'number' && typeof before === 'number') {
      merged[name] = Math.max(before, value);
    } else {
      merged[name] =
        isObject(before) && isObject(value) ? mergeMessagesUsage(before, value) : value;
    }
  }
  return merged;
}
