// A provider's usage report, taken apart into disjoint token classes. OpenAI nests its classes
// (prompt_tokens contains cached and cache-write tokens), Anthropic does not (input_tokens excludes
// both). A report that makes no sense is no report: it is never read as zero.

import type { Api } from '../kernel/api.js';
import { inputOf, NO_USAGE, outputOf, type ServiceTier, type Usage } from '../kernel/usage.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';

/** No request has a billion tokens; a larger count is a fault, and must not be booked as money. */
const TOKENS_MAX = 1_000_000_000;

const isCount = (value: unknown): value is number =>
  typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= TOKENS_MAX;

const memberOf = (parent: unknown, name: string): unknown =>
  isObject(parent) ? parent[name] : null;

/** A detail may be missing: zero then. `null` when it stands there and is no count. */
function detail(parent: unknown, name: string): number | null {
  const value = memberOf(parent, name);
  if (isAbsent(value)) return 0;
  return isCount(value) ? value : null;
}

/** A provider that answered used tokens: all zero means that it did not count. */
const reported = (usage: Usage): Usage | null =>
  inputOf(usage) + outputOf(usage) > 0 ? usage : null;

/** What providers call their tiers. `fast` is another word for priority. */
const TIER_NAMES: Readonly<Record<string, ServiceTier>> = {
  auto: 'standard',
  default: 'standard',
  standard: 'standard',
  flex: 'flex',
  priority: 'priority',
  fast: 'priority',
  batch: 'batch',
};

/** The tier that an answer says it was served at; without a word of it, the ordinary one. */
const tierOf = (name: unknown): ServiceTier =>
  isAbsent(name) ? 'standard' : (TIER_NAMES[textOf(name)] ?? 'other');

/** An OpenAI report, whatever its wire calls the parts. */
interface OpenAiReport {
  readonly input: unknown;
  readonly inputDetails: unknown;
  readonly output: unknown;
  readonly outputDetails: unknown;
  readonly total: unknown;
  readonly tier: unknown;
}

function openAiUsage(report: OpenAiReport): Usage | null {
  const { input, inputDetails, output, outputDetails, total, tier } = report;
  const cached = detail(inputDetails, 'cached_tokens');
  const written = detail(inputDetails, 'cache_write_tokens');
  const reasoning = detail(outputDetails, 'reasoning_tokens');
  const heard = detail(inputDetails, 'audio_tokens');
  const spoken = detail(outputDetails, 'audio_tokens');
  // Of the writes, those that live twelve hours instead of half of one.
  const long = detail(memberOf(inputDetails, 'cache_write_tokens_details'), 'ttl_12h_tokens');
  if (!isCount(input) || !isCount(output)) return null;
  if (cached === null || written === null || reasoning === null) return null;
  if (heard === null || spoken === null || long === null) return null;
  // OpenAI counts reasoning inside its output. Some compatible servers count it beside it, which
  // their total gives away.
  const isBeside = reasoning > output || total === input + output + reasoning;
  return reported({
    ...NO_USAGE,
    // Where a cached part was heard it stands in two classes: better billed twice than not.
    inputTokens: Math.max(0, input - cached - written - heard),
    cachedInputTokens: cached,
    cacheWriteTokens: Math.max(0, written - long),
    cacheWrite1hTokens: long,
    outputTokens: Math.max(0, (isBeside ? output + reasoning : output) - spoken),
    reasoningTokens: reasoning,
    audioInputTokens: heard,
    audioOutputTokens: spoken,
    serviceTier: tierOf(tier),
  });
}

/**
 * `usage` of a chat completion, of a completion, or of a stream's last chunk; the service tier
 * stands beside it.
 */
export function chatUsage(usage: unknown, tier: unknown = null): Usage | null {
  if (!isObject(usage)) return null;
  return openAiUsage({
    input: usage['prompt_tokens'],
    inputDetails: usage['prompt_tokens_details'],
    output: usage['completion_tokens'],
    outputDetails: usage['completion_tokens_details'],
    total: usage['total_tokens'],
    tier,
  });
}

/** Finished searches among a response's items, each of which is billed. */
function searchesIn(response: JsonObject, type: string): number {
  const isBilled = (item: unknown): boolean => {
    if (!isObject(item) || item['type'] !== type) return false;
    // Opening a page that was found, and looking for a word in it, are free.
    const action = memberOf(item['action'], 'type');
    return isAbsent(action) || action === 'search';
  };
  return listOf(response['output']).filter(isBilled).length;
}

/** Calls of tools that OpenAI runs: as it counts them, else as they stand in the answer. */
function callsIn(response: JsonObject): Pick<Usage, 'webSearches' | 'fileSearches'> | null {
  const web = memberOf(memberOf(response['tool_usage'], 'web_search'), 'num_requests');
  if (!isAbsent(web) && !isCount(web)) return null;
  return {
    webSearches: isAbsent(web) ? searchesIn(response, 'web_search_call') : web,
    fileSearches: searchesIn(response, 'file_search_call'),
  };
}

/** What a response reports, whole or in a stream's terminal event. */
export function responseUsage(response: JsonObject): Usage | null {
  const { usage } = response;
  const calls = callsIn(response);
  if (!isObject(usage) || calls === null) return null;
  const tokens = openAiUsage({
    input: usage['input_tokens'],
    inputDetails: usage['input_tokens_details'],
    output: usage['output_tokens'],
    outputDetails: usage['output_tokens_details'],
    total: usage['total_tokens'],
    tier: response['service_tier'],
  });
  return tokens === null ? null : { ...tokens, ...calls };
}

/** `usage` of a list of embeddings: there is no output. */
export function embeddingsUsage(usage: unknown): Usage | null {
  if (!isObject(usage)) return null;
  // Some servers tell the total alone.
  const input = usage['prompt_tokens'] ?? usage['total_tokens'];
  return isCount(input) ? reported({ ...NO_USAGE, inputTokens: input }) : null;
}

/** `usage` of a message, or of a stream's events merged by `mergeUsage`. */
export function messagesUsage(usage: unknown): Usage | null {
  if (!isObject(usage)) return null;
  const { input_tokens: input, output_tokens: output, cache_creation: byLife } = usage;
  const cached = detail(usage, 'cache_read_input_tokens');
  const written = detail(usage, 'cache_creation_input_tokens');
  const written5m = detail(byLife, 'ephemeral_5m_input_tokens');
  const written1h = detail(byLife, 'ephemeral_1h_input_tokens');
  const thinking = detail(usage['output_tokens_details'], 'thinking_tokens');
  const searches = detail(usage['server_tool_use'], 'web_search_requests');
  if (!isCount(input) || !isCount(output)) return null;
  if (cached === null || written === null || thinking === null) return null;
  if (written5m === null || written1h === null || searches === null) return null;
  return reported({
    ...NO_USAGE,
    inputTokens: input,
    cachedInputTokens: cached,
    // Writes whose life is not told lived five minutes, the default.
    cacheWriteTokens: Math.max(written5m, written - written1h),
    cacheWrite1hTokens: written1h,
    outputTokens: output,
    reasoningTokens: thinking,
    webSearches: searches,
    serviceTier: tierOf(usage['service_tier']),
  });
}

/**
 * Two reports of one stream as one. Counts are cumulative, so the larger of each is the later; some
 * vendors tell the cache classes in a message's last event only, others in its first only.
 */
export function mergeUsage(earlier: JsonObject, later: unknown): JsonObject {
  if (!isObject(later)) return earlier;
  const merged: Record<string, unknown> = { ...earlier };
  for (const [name, value] of Object.entries(later)) {
    const before = merged[name];
    if (isAbsent(value)) continue;
    if (typeof value === 'number' && typeof before === 'number') {
      merged[name] = Math.max(before, value);
    } else {
      merged[name] = isObject(before) && isObject(value) ? mergeUsage(before, value) : value;
    }
  }
  return merged;
}

const READERS: Readonly<Record<Api, (body: JsonObject) => Usage | null>> = {
  chat: ({ usage, service_tier: tier }) => chatUsage(usage, tier),
  messages: ({ usage }) => messagesUsage(usage),
  completions: ({ usage, service_tier: tier }) => chatUsage(usage, tier),
  responses: responseUsage,
  embeddings: ({ usage }) => embeddingsUsage(usage),
};

/** The report in the body of an answer that was not streamed. */
export const usageOf = (wire: Api, body: JsonObject): Usage | null => READERS[wire](body);
