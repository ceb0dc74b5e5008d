// The mock provider's Anthropic wire: what /v1/messages answers, refuses and streams.

import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../wire/shape.js';
import { tokensAfter, type Answer, type MockEvent } from './answer.js';
import type { Fault, Wire } from './wire.js';

const ERROR_TYPES: Readonly<Record<number, string>> = {
  401: 'authentication_error',
  403: 'permission_error',
  429: 'rate_limit_error',
  529: 'overloaded_error',
};

const fault = (status: number, message: string): Fault => {
  const type = ERROR_TYPES[status] ?? (status < 500 ? 'invalid_request_error' : 'api_error');
  return { status, body: { type: 'error', error: { type, message }, request_id: 'req_mock' } };
};

/** What Anthropic refuses and a proxy could get wrong. */
function refused(headers: IncomingHttpHeaders, body: JsonObject): Fault | null {
  if (headers['anthropic-version'] === undefined) {
    return fault(400, 'anthropic-version: header is required');
  }
  for (const name of ['model', 'max_tokens', 'messages']) {
    if (body[name] === undefined) return fault(400, `${name}: Field required`);
  }
  return null;
}

const usageOf = (given: Answer, outputTokens: number): JsonObject => ({
  input_tokens: Math.max(0, given.inputTokens - given.cachedTokens),
  cache_creation_input_tokens: 0,
  cache_read_input_tokens: given.cachedTokens,
  cache_creation: { ephemeral_5m_input_tokens: 0, ephemeral_1h_input_tokens: 0 },
  output_tokens: outputTokens,
  service_tier: 'standard',
});

const stopReason = (given: Answer): string => (given.isTruncated ? 'max_tokens' : 'end_turn');

const head = (given: Answer): JsonObject => ({
  id: `msg_${given.id}`,
  type: 'message',
  role: 'assistant',
  model: given.model,
});

const message = (given: Answer): JsonObject => ({
  ...head(given),
  content: [{ type: 'text', text: given.text }],
  stop_reason: stopReason(given),
  stop_sequence: null,
  ...(given.hidesUsage ? {} : { usage: usageOf(given, given.outputTokens) }),
});

const event = (type: string, members: JsonObject, outputTokens: number): MockEvent => ({
  text: `event: ${type}\ndata: ${JSON.stringify({ type, ...members })}\n\n`,
  outputTokens,
});

function messageEvents(given: Answer): MockEvent[] {
  const opened = {
    ...head(given),
    content: [],
    stop_reason: null,
    stop_sequence: null,
    usage: usageOf(given, 1),
  };
  const all = given.outputTokens;
  const deltas = given.pieces.map((text, sent) => {
    const members = { index: 0, delta: { type: 'text_delta', text } };
    return event('content_block_delta', members, tokensAfter(given, sent + 1));
  });
  const delta = { stop_reason: stopReason(given), stop_sequence: null };
  return [
    event('message_start', { message: opened }, 0),
    event('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }, 0),
    event('ping', {}, 0),
    ...deltas,
    event('content_block_stop', { index: 0 }, all),
    event(
      'message_delta',
      { delta, ...(given.hidesUsage ? {} : { usage: { output_tokens: all } }) },
      all,
    ),
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
