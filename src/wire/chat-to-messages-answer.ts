// A chat completion as a message, and a chat error as an Anthropic one. Nobody bills from what is
// made here: the bill follows the completion's own usage.

import { NO_USAGE, type Usage } from '../kernel/usage.js';
import { isObject, listOf, textOf, type JsonObject } from './shape.js';
import { inputOf, toolCallId, type ToolNames } from './tool-call.js';
import { chatUsage } from './usage.js';

export interface ToMessagesOptions {
  /** The model as the client called it. */
  readonly requestedModel: string;
  readonly toolNames: ToolNames;
}

/** An Anthropic id made of the completion's own, so that both logs can be matched. */
export const messageId = (id: unknown): string => `msg_${textOf(id) || 'unknown'}`;

const STOP_REASONS: Readonly<Record<string, string>> = {
  stop: 'end_turn',
  length: 'max_tokens',
  tool_calls: 'tool_use',
  function_call: 'tool_use',
  content_filter: 'refusal',
};

export interface Outcome {
  readonly refused: boolean;
  /** The answer calls a tool. Some servers say `stop` all the same. */
  readonly called: boolean;
}

export function stopReason(finishReason: unknown, { refused, called }: Outcome): string {
  if (refused) return 'refusal';
  const reason = STOP_REASONS[textOf(finishReason)] ?? 'end_turn';
  return called && reason === 'end_turn' ? 'tool_use' : reason;
}

/** Usage in Anthropic's words, where `input_tokens` excludes what the cache served or took. */
export const translatedUsage = (usage: Usage): JsonObject => ({
  input_tokens: usage.inputTokens,
  cache_creation_input_tokens: usage.cacheWriteTokens,
  cache_read_input_tokens: usage.cachedInputTokens,
  output_tokens: usage.outputTokens,
});

/** Text, or the texts of a list of parts, as some servers answer. */
const contentText = (content: unknown): string =>
  typeof content === 'string'
    ? content
    : listOf(content)
        .map((part) => (isObject(part) ? textOf(part['text']) : ''))
        .join('');

/** The calls of a message or delta, the one of the old `function_call` among them. */
export function callsIn(message: JsonObject): JsonObject[] {
  const { tool_calls: calls, function_call: older } = message;
  const all = listOf(calls).filter(isObject);
  return isObject(older) ? [...all, { function: older }] : all;
}

/** Some servers send the same reasoning under both names. */
export const reasoningIn = (message: JsonObject): string =>
  textOf(message['reasoning_content']) || textOf(message['reasoning']);

/** What a call is known by where its server gave it no id. */
export const madeUpId = (message: string, index: number): string =>
  toolCallId(`toolu_${index}_${message}`);

/** A chat completion as a message. */
export function toMessagesResponse(
  response: JsonObject,
  { requestedModel, toolNames }: ToMessagesOptions,
): JsonObject {
  const id = messageId(response['id']);
  const choice = listOf(response['choices'])[0];
  const { message: given, finish_reason: reason } = isObject(choice) ? choice : {};
  const message = isObject(given) ? given : {};
  const refusal = textOf(message['refusal']);
  const text = contentText(message['content']) + refusal;
  const thinking = reasoningIn(message);
  const calls = callsIn(message).map((call, index) => {
    const { name, arguments: args } = isObject(call['function']) ? call['function'] : {};
    const known = textOf(name);
    return {
      type: 'tool_use',
      id: toolCallId(call['id']) || madeUpId(id, index),
      name: toolNames.get(known) ?? known,
      input: inputOf(args),
    };
  });
  return {
    id,
    type: 'message',
    role: 'assistant',
    model: requestedModel,
    content: [
      // Only Anthropic can sign a thought; none is made up.
      ...(thinking === '' ? [] : [{ type: 'thinking', thinking, signature: '' }]),
      ...(text === '' ? [] : [{ type: 'text', text }]),
      ...calls,
    ],
    stop_reason: stopReason(reason, { refused: refusal !== '', called: calls.length > 0 }),
    stop_sequence: null,
    usage: translatedUsage(chatUsage(response['usage']) ?? NO_USAGE),
  };
}

const ERROR_TYPES: Readonly<Record<number, string>> = {
  400: 'invalid_request_error',
  401: 'authentication_error',
  402: 'billing_error',
  403: 'permission_error',
  404: 'not_found_error',
  409: 'conflict_error',
  413: 'request_too_large',
  429: 'rate_limit_error',
  503: 'overloaded_error',
  504: 'timeout_error',
  529: 'overloaded_error',
};

/** A provider's OpenAI error as an Anthropic one; the status stays the provider's. */
export function errorToMessages(status: number, body: unknown): JsonObject {
  const error = isObject(body) && isObject(body['error']) ? body['error'] : {};
  const code = textOf(error['code']);
  const type = ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const message = textOf(error['message']) || `The provider answered with status ${status}.`;
  const details = code === '' ? {} : { details: { error_code: code } };
  return { type: 'error', error: { type, message, ...details } };
}
