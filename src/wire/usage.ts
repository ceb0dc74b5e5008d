// A provider's usage report, taken apart into disjoint token classes. OpenAI nests its classes
// (prompt_tokens contains cached and cache-write tokens), Anthropic does not (input_tokens excludes
// both). A report that makes no sense is no report: it is never read as zero.

import type { Api } from '../kernel/api.js';
import { NO_USAGE, type Usage } from '../kernel/usage.js';
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

/** An OpenAI report, whatever its wire calls the parts. */
interface OpenAiReport {
  readonly input: unknown;
  readonly inputDetails: unknown;
  readonly output: unknown;
  readonly outputDetails: unknown;
  readonly total: unknown;
}

function openAiUsage({ input, output, total, ...details }: OpenAiReport): Usage | null {
  const cached = detail(details.inputDetails, 'cached_tokens');
  const written = detail(details.inputDetails, 'cache_write_tokens');
  const reasoning = detail(details.outputDetails, 'reasoning_tokens');
  if (!isCount(input) || !isCount(output)) return null;
  if (cached === null || written === null || reasoning === null) return null;
  // OpenAI counts reasoning inside its output. Some compatible servers count it beside it, which
  // their total gives away.
  const isBeside = reasoning > output || total === input + output + reasoning;
  return reported({
    inputTokens: Math.max(0, input - cached - written),
    cachedInputTokens: cached,
    cacheWriteTokens: written,
    cacheWrite1hTokens: 0,
    outputTokens: isBeside ? output + reasoning : output,
    reasoningTokens: reasoning,
  });
}

/** `usage` of a chat completion, of a completion, or of a stream's last chunk. */
export function chatUsage(usage: unknown): Usage | null {
  if (!isObject(usage)) return null;
  return openAiUsage({
    input: usage['prompt_tokens'],
    inputDetails: usage['prompt_tokens_details'],
    output: usage['completion_tokens'],
    outputDetails: usage['completion_tokens_details'],
    total: usage['total_tokens'],
  });
}

/** `usage` of a response, whole or in a stream's terminal event. */
export function responsesUsage(usage: unknown): Usage | null {
  if (!isObject(usage)) return null;
  return openAiUsage({
    input: usage['input_tokens'],
    inputDetails: usage['input_tokens_details'],
    output: usage['output_tokens'],
    outputDetails: usage['output_tokens_details'],
    total: usage['total_tokens'],
  });
}

/** `usage` of a list of embeddings: there is no output. */
export function embeddingsUsage(usage: unknown): Usage | null {
  if (!isObject(usage)) return null;
  // Some servers tell the total alone.
  const input = usage['prompt_tokens'] ?? usage['total_tokens'];
  return isCount(input) ? reported({ ...NO_USAGE, inputTokens: input }) : null;
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

const READERS: Readonly<Record<Api, (usage: unknown) => Usage | null>> = {
  chat: chatUsage,
  messages: messagesUsage,
  completions: chatUsage,
  responses: responsesUsage,
  embeddings: embeddingsUsage,
};

/** The report in the body of an answer that was not streamed. */
export const usageOf = (wire: Api, body: JsonObject): Usage | null => READERS[wire](body['usage']);
