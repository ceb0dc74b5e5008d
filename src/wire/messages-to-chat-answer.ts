// A message as a chat completion, and an Anthropic error as a chat one. Nobody bills from what is
// made here: the bill follows the message's own usage.

import type { Usage } from '../kernel/usage.js';
import { isObject, listOf, textOf, type JsonObject } from './shape.js';
import { messagesUsage } from './usage.js';

export interface ToChatAnswerOptions {
  /** The model as the client called it. */
  readonly requestedModel: string;
  /** Unix seconds, which a message does not tell. */
  readonly createdSeconds: number;
}

/** An OpenAI id made of the message's own, so that both logs can be matched. */
export const completionId = (id: unknown): string => `chatcmpl-${textOf(id) || 'unknown'}`;

const FINISH_REASONS: Readonly<Record<string, string>> = {
  end_turn: 'stop',
  stop_sequence: 'stop',
  pause_turn: 'stop',
  max_tokens: 'length',
  model_context_window_exceeded: 'length',
  tool_use: 'tool_calls',
  refusal: 'content_filter',
};

export const finishReason = (stopReason: unknown): string =>
  FINISH_REASONS[textOf(stopReason)] ?? 'stop';

/** Usage in OpenAI's words, where `prompt_tokens` contains what the cache served or took. */
export function chatUsageOf(usage: Usage): JsonObject {
  const written = usage.cacheWriteTokens + usage.cacheWrite1hTokens;
  const prompt = usage.inputTokens + usage.cachedInputTokens + written;
  return {
    prompt_tokens: prompt,
    completion_tokens: usage.outputTokens,
    total_tokens: prompt + usage.outputTokens,
    prompt_tokens_details: {
      cached_tokens: usage.cachedInputTokens,
      cache_write_tokens: written,
    },
    completion_tokens_details: { reasoning_tokens: usage.reasoningTokens },
  };
}

/** A message as a chat completion. */
export function toChatResponse(response: JsonObject, options: ToChatAnswerOptions): JsonObject {
  const blocks = listOf(response['content']).filter(isObject);
  const joined = (type: string): string =>
    blocks
      .filter((block) => block['type'] === type)
      .map((block) => textOf(block[type]))
      .join('');
  const text = joined('text');
  const thinking = joined('thinking');
  const calls = blocks
    .filter((block) => block['type'] === 'tool_use')
    .map(({ id, name, input }) => ({
      id,
      type: 'function',
      function: { name, arguments: JSON.stringify(input ?? {}) },
    }));
  const message = {
    role: 'assistant',
    content: text === '' && calls.length > 0 ? null : text,
    refusal: null,
    ...(thinking === '' ? {} : { reasoning_content: thinking }),
    ...(calls.length === 0 ? {} : { tool_calls: calls }),
  };
  const usage = messagesUsage(response['usage']);
  const finish_reason = finishReason(response['stop_reason']);
  return {
    id: completionId(response['id']),
    object: 'chat.completion',
    created: options.createdSeconds,
    model: options.requestedModel,
    choices: [{ index: 0, message, logprobs: null, finish_reason }],
    ...(usage === null ? {} : { usage: chatUsageOf(usage) }),
  };
}

/** A provider's Anthropic error as an OpenAI one; the status stays the provider's. */
export function errorToChat(status: number, body: unknown): JsonObject {
  const error = isObject(body) && isObject(body['error']) ? body['error'] : {};
  const type = textOf(error['type']) || (status < 500 ? 'invalid_request_error' : 'api_error');
  const code = isObject(error['details']) ? textOf(error['details']['error_code']) : '';
  const message = textOf(error['message']) || `The provider answered with status ${status}.`;
  return { error: { message, type, param: null, code: code || type } };
}
