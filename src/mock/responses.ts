// The mock provider's Responses wire: what /v1/responses answers, refuses and streams.

import type { IncomingHttpHeaders } from 'node:http';
import { isObject, textOf, type JsonObject } from '../wire/shape.js';
import { cutInPieces, tokensAfter, type Answer, type MockEvent } from './answer.js';
import { chatWire, fault, tierOf } from './chat.js';
import type { Fault, Wire } from './wire.js';

const OUTPUT_TOKENS_MIN = 16;
/** A call's arguments are streamed in so many. */
const CALL_PIECES = 3;

/** What OpenAI refuses and a proxy could get wrong. */
function refused(_headers: IncomingHttpHeaders, body: JsonObject): Fault | null {
  for (const name of ['messages', 'max_tokens', 'max_completion_tokens', 'n']) {
    if (body[name] === undefined) continue;
    return fault(400, `Unsupported parameter: '${name}'.`, name, 'unsupported_parameter');
  }
  if (typeof body['model'] !== 'string') {
    const message = "Missing required parameter: 'model'.";
    return fault(400, message, 'model', 'missing_required_parameter');
  }
  const options = body['stream_options'];
  if (isObject(options) && 'include_usage' in options) {
    const param = 'stream_options.include_usage';
    return fault(400, `Unknown parameter: '${param}'.`, param, 'unknown_parameter');
  }
  const limit = body['max_output_tokens'];
  if (typeof limit === 'number' && limit < OUTPUT_TOKENS_MIN) {
    const message = `Invalid 'max_output_tokens': expected a value >= ${OUTPUT_TOKENS_MIN}.`;
    return fault(400, message, 'max_output_tokens', 'integer_below_min_value');
  }
  return null;
}

const usageOf = (given: Answer): JsonObject => ({
  input_tokens: given.inputTokens,
  input_tokens_details: {
    cached_tokens: given.classes.cachedTokens,
    cache_write_tokens: given.classes.cacheWriteTokens,
  },
  output_tokens: given.outputTokens,
  output_tokens_details: { reasoning_tokens: given.thinkingTokens },
  total_tokens: given.inputTokens + given.outputTokens,
});

const textPart = (text: string): JsonObject => ({
  type: 'output_text',
  annotations: [],
  logprobs: [],
  text,
});

const message = (given: Answer, status: string, content: readonly JsonObject[]): JsonObject => ({
  id: `msg_${given.id}`,
  type: 'message',
  status,
  content,
  role: 'assistant',
});

/** The calls of tools that the provider has run. */
function searches({ id, classes }: Answer): JsonObject[] {
  const call = (type: string, count: number, more: JsonObject): JsonObject[] =>
    Array.from({ length: count }, (_, index) => ({
      id: `${type}_${id}_${index}`,
      type,
      status: 'completed',
      ...more,
    }));
  const action = { type: 'search', query: 'mock' };
  return [
    ...call('web_search_call', classes.webSearches, { action }),
    ...call('file_search_call', classes.fileSearches, { queries: ['mock'], results: null }),
  ];
}

const functionCall = (given: Answer, index: number, args: string, status: string): JsonObject => ({
  id: `fc_${given.id}_${index}`,
  type: 'function_call',
  status,
  arguments: args,
  call_id: `call_${given.id}_${index}`,
  name: given.calls[index]?.name ?? '',
});

/** What the model wrote: a text unless it only calls tools, then its calls. */
function written(given: Answer, status: string): JsonObject[] {
  const calls = given.calls.map((call, index) =>
    functionCall(given, index, call.arguments || '{}', 'completed'),
  );
  return given.text === '' && calls.length > 0
    ? calls
    : [message(given, status, [textPart(given.text)]), ...calls];
}

/** The response at rest, or not begun: without output and usage then. */
function response(given: Answer, body: JsonObject, isOver: boolean): JsonObject {
  const status = !isOver ? 'in_progress' : given.isTruncated ? 'incomplete' : 'completed';
  return {
    id: `resp_${given.id}`,
    object: 'response',
    created_at: Math.floor(Date.now() / 1000),
    status,
    background: false,
    error: null,
    incomplete_details: status === 'incomplete' ? { reason: 'max_output_tokens' } : null,
    instructions: body['instructions'] ?? null,
    max_output_tokens: body['max_output_tokens'] ?? null,
    model: given.model,
    output: isOver ? [...searches(given), ...written(given, status)] : [],
    parallel_tool_calls: true,
    previous_response_id: body['previous_response_id'] ?? null,
    service_tier: tierOf(given, body),
    store: true,
    tools: body['tools'] ?? [],
    ...(isOver &&
      given.classes.webSearches > 0 && {
        tool_usage: { web_search: { num_requests: given.classes.webSearches } },
      }),
    usage: isOver && !given.hidesUsage ? usageOf(given) : null,
    metadata: {},
  };
}

type Add = (type: string, members: JsonObject, outputTokens: number) => void;

/** In the order and with the members that OpenAI sends. */
function responseEvents(given: Answer, body: JsonObject): MockEvent[] {
  const events: MockEvent[] = [];
  const add: Add = (type, members, outputTokens) => {
    const data = { type, sequence_number: events.length, ...members };
    events.push({ text: `event: ${type}\ndata: ${JSON.stringify(data)}\n\n`, outputTokens });
  };
  const begun = { response: response(given, body, false) };
  const status = given.isTruncated ? 'incomplete' : 'completed';
  add('response.created', begun, 0);
  add('response.in_progress', begun, 0);
  for (const [index, item] of written(given, status).entries()) {
    if (item['type'] === 'message') messageEvents(given, item, add);
    else callEvents(item, index, { add, outputTokens: given.outputTokens });
  }
  add(`response.${status}`, { response: response(given, body, true) }, given.outputTokens);
  return events;
}

function messageEvents(given: Answer, whole: JsonObject, add: Add): void {
  const all = given.outputTokens;
  const item = { output_index: 0 };
  const part = { item_id: `msg_${given.id}`, output_index: 0, content_index: 0 };
  add('response.output_item.added', { ...item, item: message(given, 'in_progress', []) }, 0);
  add('response.content_part.added', { ...part, part: textPart('') }, 0);
  for (const [sent, delta] of given.pieces.entries()) {
    const members = { ...part, delta, logprobs: [], obfuscation: 'x'.repeat(sent % 16) };
    add('response.output_text.delta', members, tokensAfter(given, sent + 1));
  }
  add('response.output_text.done', { ...part, text: given.text, logprobs: [] }, all);
  add('response.content_part.done', { ...part, part: textPart(given.text) }, all);
  add('response.output_item.done', { ...item, item: whole }, all);
}

function callEvents(
  whole: JsonObject,
  output_index: number,
  { add, outputTokens }: { add: Add; outputTokens: number },
): void {
  const about = { item_id: whole['id'], output_index };
  const args = textOf(whole['arguments']);
  const begun = { ...whole, arguments: '', status: 'in_progress' };
  add('response.output_item.added', { output_index, item: begun }, outputTokens);
  for (const delta of cutInPieces(args, CALL_PIECES)) {
    add('response.function_call_arguments.delta', { ...about, delta }, outputTokens);
  }
  add('response.function_call_arguments.done', { ...about, arguments: args }, outputTokens);
  add('response.output_item.done', { output_index, item: whole }, outputTokens);
}

export const responsesWire: Wire = {
  ...chatWire,
  refused,
  plain: (given, body) => response(given, body, true),
  events: responseEvents,
};
