// The mock provider's OpenAI wire: what /v1/chat/completions answers, refuses and streams.

import type { IncomingHttpHeaders } from 'node:http';
import { isObject, textOf, type JsonObject } from '../wire/shape.js';
import { tokensAt, type Answer, type MockEvent } from './answer.js';
import { brokenChatRule } from './chat-rules.js';
import { stepsOf, type Step } from './steps.js';
import type { Fault, Wire } from './wire.js';

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
};

export const fault = (
  status: number,
  message: string,
  param: string | null,
  code: string | null,
): Fault => {
  const type = ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'server_error');
  return { status, body: { error: { message, type, param, code } } };
};

export const chatNotFound = (path: string): Fault =>
  fault(404, `Invalid URL (${path})`, null, null);

function refused(_headers: IncomingHttpHeaders, body: JsonObject): Fault | null {
  const broken = brokenChatRule(body);
  return broken === null ? null : fault(400, broken.message, broken.param, broken.code);
}

const TIERS: Readonly<Record<string, string>> = {
  flex: 'flex',
  priority: 'priority',
  fast: 'priority',
};

/** What OpenAI says of the tier: how the request was served, whatever it asked for. */
export const tierOf = (given: Answer, body: JsonObject): string =>
  given.classes.serviceTier ?? TIERS[textOf(body['service_tier'])] ?? 'default';

const usageOf = (given: Answer): JsonObject => ({
  prompt_tokens: given.inputTokens,
  completion_tokens: given.outputTokens,
  total_tokens: given.inputTokens + given.outputTokens,
  prompt_tokens_details: {
    cached_tokens: given.classes.cachedTokens,
    audio_tokens: given.classes.audioInputTokens,
  },
  completion_tokens_details: {
    reasoning_tokens: given.thinkingTokens * given.choices,
    audio_tokens: given.classes.audioOutputTokens,
    accepted_prediction_tokens: 0,
    rejected_prediction_tokens: 0,
  },
});

function finishReason(given: Answer): string {
  if (given.isTruncated) return 'length';
  return given.calls.length > 0 ? 'tool_calls' : 'stop';
}

/** Within OpenAI's 40 characters. */
const callId = (given: Answer, index: number): string => `call_${given.id}_${index}`;

/** Text, refusal, calls and, as only compatible servers have it, the reasoning. */
function messageOf(given: Answer): JsonObject {
  const text = given.text === '' ? null : given.text;
  const tool_calls = given.calls.map((call, index) => ({
    id: callId(given, index),
    type: 'function',
    function: { name: call.name, arguments: call.arguments },
  }));
  return {
    role: 'assistant',
    content: given.isRefusal ? null : text,
    refusal: given.isRefusal ? text : null,
    ...(given.thinking === '' ? {} : { reasoning_content: given.thinking }),
    ...(tool_calls.length === 0 ? {} : { tool_calls }),
    annotations: [],
  };
}

const head = (given: Answer, object: string): JsonObject => ({
  id: `chatcmpl-${given.id}`,
  object,
  created: Math.floor(Date.now() / 1000),
  model: given.model,
});

function completion(given: Answer, body: JsonObject): JsonObject {
  const choices = Array.from({ length: given.choices }, (_, index) => ({
    index,
    message: messageOf(given),
    logprobs: null,
    finish_reason: finishReason(given),
  }));
  return {
    ...head(given, 'chat.completion'),
    choices,
    ...(given.hidesUsage ? {} : { usage: usageOf(given) }),
    service_tier: tierOf(given, body),
    system_fingerprint: 'fp_mock',
  };
}

const choice = (index: number, delta: JsonObject, finish_reason: string | null = null) => [
  { index, delta, logprobs: null, finish_reason },
];

function deltaOf(given: Answer, step: Step): JsonObject {
  if (step.kind === 'thinking') return { reasoning_content: step.piece };
  if (step.kind !== 'call') {
    return given.isRefusal ? { refusal: step.piece } : { content: step.piece };
  }
  const { call: index, isFirst, piece } = step;
  const name = given.calls[index]?.name ?? '';
  const call = isFirst
    ? { index, id: callId(given, index), type: 'function', function: { name, arguments: '' } }
    : { index, function: { arguments: piece } };
  return { tool_calls: [call] };
}

/**
 * A chat stream, with OpenAI's own rules for usage: nowhere, or null on every chunk but the last.
 */
function completionEvents(given: Answer, body: JsonObject): MockEvent[] {
  const options = body['stream_options'];
  const includesUsage = isObject(options) && options['include_usage'] === true;
  const first = { ...head(given, 'chat.completion.chunk'), service_tier: tierOf(given, body) };
  const base = { ...first, system_fingerprint: 'fp_mock' };
  const event = (choices: readonly unknown[], outputTokens: number, usage: unknown = null) => {
    const chunk = { ...base, choices, ...(includesUsage ? { usage } : {}) };
    return { text: `data: ${JSON.stringify(chunk)}\n\n`, outputTokens };
  };
  const each = Array.from({ length: given.choices }, (_, index) => index);
  const opening = { role: 'assistant', content: given.text === '' ? null : '', refusal: null };
  const events = each.map((index) => event(choice(index, opening), 0));
  const steps = stepsOf(given);
  for (const [sent, step] of steps.entries()) {
    const outputTokens = tokensAt(given, sent + 1, steps.length);
    const delta = deltaOf(given, step);
    events.push(...each.map((index) => event(choice(index, delta), outputTokens)));
  }
  const all = given.outputTokens;
  events.push(...each.map((index) => event(choice(index, {}, finishReason(given)), all)));
  if (includesUsage && !given.hidesUsage) events.push(event([], all, usageOf(given)));
  events.push({ text: 'data: [DONE]\n\n', outputTokens: all });
  return events;
}

const headers = (given: Answer): Record<string, string> => ({
  'x-request-id': `req_${given.id}`,
  'openai-organization': 'org-mock',
  'openai-processing-ms': '1',
  'openai-version': '2020-10-01',
  'x-ratelimit-limit-requests': '10000',
  'x-ratelimit-remaining-requests': '9999',
  'x-ratelimit-reset-requests': '6ms',
});

export const chatWire: Wire = {
  refused,
  fault: (status) => fault(status, `The mock provider was told to answer ${status}.`, null, null),
  unauthorized: () => fault(401, "You didn't provide an API key.", null, 'invalid_api_key'),
  plain: completion,
  events: completionEvents,
  headers,
};

const MODELS = ['gpt-4', 'gpt-4o', 'gpt-4o-mini', 'gpt-3.5-turbo'];

export const modelList = (): JsonObject => ({
  object: 'list',
  data: MODELS.map((id) => ({ id, object: 'model', created: 1687882411, owned_by: 'openai' })),
});
