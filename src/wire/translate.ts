// A Messages request as a Chat Completions request, and the answer back. Text, system and usage
// cross over; what cannot yet is refused with the name of the field, never dropped where it would
// change the answer.

import { NO_USAGE, type Usage } from '../kernel/usage.js';
import type { InvalidRequest } from './request.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';
import { chatUsage } from './usage.js';

export interface MessagesToChatOptions {
  readonly upstreamModel: string;
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /** In place of the request's own `max_tokens`; `null` keeps that. */
  readonly maxTokens: number | null;
}

/** OpenAI accepts four. */
const STOP_SEQUENCES_MAX = 4;

/** Members that are read below, and those that say nothing to OpenAI and may be left out. */
const KNOWN_MEMBERS = new Set([
  'model',
  'max_tokens',
  'messages',
  'system',
  'stream',
  'stop_sequences',
  'temperature',
  'top_p',
  'top_k',
  'metadata',
  'cache_control',
  'service_tier',
  'speed',
  'inference_geo',
]);

const invalid = (param: string, message: string): InvalidRequest => ({ invalid: message, param });

const unsupported = (param: string): InvalidRequest =>
  invalid(
    param,
    `'${param}' cannot be translated to an OpenAI model yet. ` +
      'Remove it, or choose a model of an anthropic provider.',
  );

const isEmpty = (value: unknown): boolean =>
  isAbsent(value) || (Array.isArray(value) && value.length === 0);

/** `thinking: {"type": "disabled"}` asks for nothing. */
const asksNothing = (name: string, value: unknown): boolean =>
  isEmpty(value) || (name === 'thinking' && isObject(value) && value['type'] === 'disabled');

/** The texts of a content that is a string or a list of text blocks. */
function contentTexts(content: unknown, param: string): string[] | InvalidRequest {
  if (typeof content === 'string') return [content];
  if (!Array.isArray(content)) {
    return invalid(param, `'${param}' must be a text or a list of content blocks.`);
  }
  const texts: string[] = [];
  for (const [index, block] of content.entries()) {
    const { type, text } = isObject(block) ? block : {};
    if (type === 'text' && typeof text === 'string') texts.push(text);
    else if (type === 'text') return invalid(`${param}[${index}]`, 'A text block needs a text.');
    else return unsupported(`${param}[${index}] of type ${textOf(type) || 'unknown'}`);
  }
  return texts;
}

function chatMessage(message: unknown, index: number): JsonObject | InvalidRequest {
  const param = `messages[${index}]`;
  const { role, content } = isObject(message) ? message : {};
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    return invalid(`${param}.role`, `'${param}.role' must be user, assistant or system.`);
  }
  const texts = contentTexts(content, `${param}.content`);
  if (!Array.isArray(texts)) return texts;
  const [only] = texts;
  if (role === 'system') return { role, content: texts.join('\n\n') };
  // An assistant's blocks are one continuous text; a user's stand apart.
  if (role === 'assistant') return { role, content: texts.join('') };
  const parts = texts.map((text) => ({ type: 'text', text }));
  return { role, content: texts.length === 1 ? only : parts };
}

const isInvalid = (value: JsonObject | InvalidRequest): value is InvalidRequest =>
  'invalid' in value;

function chatMessages(body: JsonObject): JsonObject[] | InvalidRequest {
  const messages: JsonObject[] = [];
  if (!isEmpty(body['system'])) {
    const texts = contentTexts(body['system'], 'system');
    if (!Array.isArray(texts)) return texts;
    messages.push({ role: 'system', content: texts.join('\n\n') });
  }
  for (const [index, message] of listOf(body['messages']).entries()) {
    const translated = chatMessage(message, index);
    if (isInvalid(translated)) return translated;
    messages.push(translated);
  }
  return messages;
}

/** The request for the provider; `body` has passed `readRequest`. */
export function messagesToChat(
  body: JsonObject,
  options: MessagesToChatOptions,
): { body: Record<string, unknown> } | InvalidRequest {
  const unknown = Object.keys(body).find(
    (name) => !KNOWN_MEMBERS.has(name) && !asksNothing(name, body[name]),
  );
  if (unknown !== undefined) return unsupported(unknown);
  const stop = listOf(body['stop_sequences']);
  if (stop.length > STOP_SEQUENCES_MAX) {
    const message = `'stop_sequences' may hold at most ${STOP_SEQUENCES_MAX} with an OpenAI model.`;
    return invalid('stop_sequences', message);
  }
  const messages = chatMessages(body);
  if (!Array.isArray(messages)) return messages;
  const chat: Record<string, unknown> = { model: options.upstreamModel, messages };
  const maxTokens = options.maxTokens ?? body['max_tokens'];
  if (!isAbsent(maxTokens)) chat[options.maxTokensField] = maxTokens;
  if (stop.length > 0) chat['stop'] = stop;
  for (const name of ['temperature', 'top_p']) {
    if (!isAbsent(body[name])) chat[name] = body[name];
  }
  const user = isObject(body['metadata']) ? body['metadata']['user_id'] : null;
  if (typeof user === 'string') chat['user'] = user;
  if (body['stream'] === true) {
    chat['stream'] = true;
    chat['stream_options'] = { include_usage: true };
  }
  return { body: chat };
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

export function stopReason(finishReason: unknown, isRefusal: boolean): string {
  if (isRefusal) return 'refusal';
  return STOP_REASONS[textOf(finishReason)] ?? 'end_turn';
}

/** Usage in Anthropic's words, where `input_tokens` excludes what the cache served or took. */
export const translatedUsage = (usage: Usage): JsonObject => ({
  input_tokens: usage.inputTokens,
  cache_creation_input_tokens: usage.cacheWriteTokens,
  cache_read_input_tokens: usage.cachedInputTokens,
  output_tokens: usage.outputTokens,
});

/** A chat completion as a message. Bill from the completion's own usage, not from this. */
export function chatToMessages(
  response: JsonObject,
  options: { readonly requestedModel: string },
): Record<string, unknown> {
  const choice = listOf(response['choices'])[0];
  const { message, finish_reason: reason } = isObject(choice) ? choice : {};
  const { content, refusal } = isObject(message) ? message : {};
  const text = textOf(content) + textOf(refusal);
  return {
    id: messageId(response['id']),
    type: 'message',
    role: 'assistant',
    model: options.requestedModel,
    content: text === '' ? [] : [{ type: 'text', text }],
    stop_reason: stopReason(reason, textOf(refusal) !== ''),
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
export function errorToMessages(status: number, body: unknown): Record<string, unknown> {
  const error = isObject(body) && isObject(body['error']) ? body['error'] : {};
  const code = textOf(error['code']);
  const type = ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  const message = textOf(error['message']) || `The provider answered with status ${status}.`;
  const details = code === '' ? {} : { details: { error_code: code } };
  return { type: 'error', error: { type, message, ...details } };
}
