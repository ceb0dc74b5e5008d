// The mock provider's Anthropic wire: what /v1/messages answers, refuses and streams.

import type { IncomingHttpHeaders } from 'node:http';
import { parseObject, type JsonObject } from '../wire/shape.js';
import { tokensAt, type Answer, type MockEvent } from './answer.js';
import { brokenMessagesRule } from './messages-rules.js';
import { stepsOf, type Step } from './steps.js';
import type { Fault, Wire } from './wire.js';

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

export const fault = (status: number, message: string): Fault => {
  const type = ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { status, body: { type: 'error', error: { type, message }, request_id: 'req_mock' } };
};

function refused(headers: IncomingHttpHeaders, body: JsonObject): Fault | null {
  const broken = brokenMessagesRule(headers, body);
  return broken === null ? null : fault(400, broken);
}

const written = ({ classes }: Answer): number =>
  classes.cacheWriteTokens + classes.cacheWrite1hTokens;

const usageOf = (given: Answer, outputTokens: number): JsonObject => ({
  input_tokens: Math.max(0, given.inputTokens - given.classes.cachedTokens - written(given)),
  cache_creation_input_tokens: written(given),
  cache_read_input_tokens: given.classes.cachedTokens,
  cache_creation: {
    ephemeral_5m_input_tokens: given.classes.cacheWriteTokens,
    ephemeral_1h_input_tokens: given.classes.cacheWrite1hTokens,
  },
  output_tokens: outputTokens,
  output_tokens_details:
    given.thinkingTokens === 0 ? null : { thinking_tokens: given.thinkingTokens },
  ...(given.classes.webSearches > 0 && {
    server_tool_use: { web_search_requests: given.classes.webSearches, web_fetch_requests: 0 },
  }),
  service_tier: given.classes.serviceTier ?? 'standard',
});

function stopReason(given: Answer): string {
  if (given.isRefusal) return 'refusal';
  if (given.isTruncated) return 'max_tokens';
  return given.calls.length > 0 ? 'tool_use' : 'end_turn';
}

const SIGNATURE = 'bW9jaw==';

const toolUse = (given: Answer, index: number, input: JsonObject): JsonObject => ({
  type: 'tool_use',
  id: `toolu_${given.id}_${index}`,
  name: given.calls[index]?.name ?? '',
  input,
});

function contentOf(given: Answer): JsonObject[] {
  const { thinking, text, calls } = given;
  return [
    ...(thinking === '' ? [] : [{ type: 'thinking', thinking, signature: SIGNATURE }]),
    ...(text === '' ? [] : [{ type: 'text', text }]),
    ...calls.map((call, index) => toolUse(given, index, parseObject(call.arguments) ?? {})),
  ];
}

const head = (given: Answer): JsonObject => ({
  id: `msg_${given.id}`,
  type: 'message',
  role: 'assistant',
  model: given.model,
});

const message = (given: Answer): JsonObject => ({
  ...head(given),
  content: contentOf(given),
  stop_reason: stopReason(given),
  stop_sequence: null,
  ...(given.hidesUsage ? {} : { usage: usageOf(given, given.outputTokens) }),
});

const event = (type: string, members: JsonObject, outputTokens: number): MockEvent => ({
  text: `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`,
  outputTokens,
});

/** Steps of one block stand together: calls do not interleave in this wire. */
const blockOf = (step: Step): string => (step.kind === 'call' ? `call ${step.call}` : step.kind);

function opening(given: Answer, step: Step): JsonObject {
  switch (step.kind) {
    case 'thinking':
      return { type: 'thinking', thinking: '', signature: '' };
    case 'text':
      return { type: 'text', text: '' };
    case 'call':
      return toolUse(given, step.call, {});
  }
}

function deltaOf(step: Step): JsonObject {
  switch (step.kind) {
    case 'thinking':
      return { type: 'thinking_delta', thinking: step.piece };
    case 'text':
      return { type: 'text_delta', text: step.piece };
    case 'call':
      return { type: 'input_json_delta', partial_json: step.piece };
  }
}

function blockEvents(given: Answer): MockEvent[] {
  const steps = stepsOf({ ...given, interleavesCalls: false });
  const events: MockEvent[] = [];
  let index = -1;
  let block = '';
  let tokens = 0;
  const close = (): void => {
    if (block === '') return;
    if (block === 'thinking') {
      const delta = { type: 'signature_delta', signature: SIGNATURE };
      events.push(event('content_block_delta', { index, delta }, tokens));
    }
    events.push(event('content_block_stop', { index }, tokens));
  };
  for (const [sent, step] of steps.entries()) {
    if (blockOf(step) !== block) {
      close();
      block = blockOf(step);
      index++;
      const content_block = opening(given, step);
      events.push(event('content_block_start', { index, content_block }, tokens));
      if (index === 0) events.push(event('ping', {}, tokens));
    }
    tokens = tokensAt(given, sent + 1, steps.length);
    if (step.piece !== '') {
      events.push(event('content_block_delta', { index, delta: deltaOf(step) }, tokens));
    }
  }
  close();
  return events;
}

function messageEvents(given: Answer): MockEvent[] {
  const opened = {
    ...head(given),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageOf(given, 1),
  };
  const all = given.outputTokens;
  const delta = { stop_reason: stopReason(given), stop_sequence: null };
  const told = given.hidesUsage ? {} : { usage: { output_tokens: all } };
  return [
    event('message_start', { message: opened }, 0),
    ...blockEvents(given),
    event('message_delta', { delta, ...told }, all),
    event('message_stop', {}, all),
  ];
}

const headers = (given: Answer): Record<string, string> => ({
  'request-id': `req_${given.id}`,
  'anthropic-organization-id': 'org-mock',
  'anthropic-ratelimit-requests-limit': '4000',
  'anthropic-ratelimit-requests-remaining': '3999',
});

export const messagesWire: Wire = {
  refused,
  fault: (status) => fault(status, `The mock provider was told to answer ${status}.`),
  unauthorized: () => fault(401, 'x-api-key header is required'),
  plain: message,
  events: messageEvents,
  headers,
};
