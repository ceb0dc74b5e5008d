// The mock provider's legacy OpenAI wire: what /v1/completions answers, refuses and streams.

import type { IncomingHttpHeaders } from 'node:http';
import { isAbsent, isObject, type JsonObject } from '../wire/shape.js';
import { tokensAfter, type Answer, type MockEvent } from './answer.js';
import { chatWire, fault } from './chat.js';
import { completionsDemand, inputsOf } from './demand.js';
import type { Fault, Wire } from './wire.js';

/** What OpenAI refuses and a proxy could get wrong. */
function refused(_headers: IncomingHttpHeaders, body: JsonObject): Fault | null {
  if (typeof body['model'] !== 'string') {
    return fault(400, 'you must provide a model parameter', null, null);
  }
  if (isObject(body['stream_options']) && body['stream'] !== true) {
    const message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    return fault(400, message, 'stream_options', null);
  }
  for (const name of ['max_completion_tokens', 'max_output_tokens']) {
    if (body[name] === undefined) continue;
    return fault(400, `Unrecognized request argument supplied: ${name}`, null, null);
  }
  const { n, best_of: bestOf, stream } = body;
  if (typeof bestOf === 'number' && bestOf < (typeof n === 'number' ? n : 1)) {
    return fault(400, 'best_of must be greater than or equal to n', 'best_of', null);
  }
  if (stream === true && !isAbsent(bestOf)) {
    return fault(400, 'Cannot stream results with best_of.', 'best_of', null);
  }
  return null;
}

const usageOf = (given: Answer): JsonObject => ({
  prompt_tokens: given.inputTokens,
  completion_tokens: given.outputTokens,
  total_tokens: given.inputTokens + given.outputTokens,
  prompt_tokens_details: { cached_tokens: given.classes.cachedTokens },
});

const head = (given: Answer): JsonObject => ({
  id: `cmpl-${given.id}`,
  object: 'text_completion',
  created: Math.floor(Date.now() / 1000),
  model: given.model,
});

/** The indices of what is returned: of `best_of` answers to a prompt only `n`. */
function returned(body: JsonObject): number[] {
  const perPrompt = typeof body['n'] === 'number' ? body['n'] : 1;
  const length = perPrompt * inputsOf(body['prompt']).length;
  return Array.from({ length }, (_, index) => index);
}

const choice = (index: number, text: string, finish_reason: string | null): JsonObject => ({
  text,
  index,
  logprobs: null,
  finish_reason,
});

const finishReason = (given: Answer): string => (given.isTruncated ? 'length' : 'stop');

const completion = (given: Answer, body: JsonObject): JsonObject => ({
  ...head(given),
  choices: returned(body).map((index) => choice(index, given.text, finishReason(given))),
  ...(given.hidesUsage ? {} : { usage: usageOf(given) }),
});

/** The rules for usage are those of a chat stream. */
function completionEvents(given: Answer, body: JsonObject): MockEvent[] {
  const options = body['stream_options'];
  const includesUsage = isObject(options) && options['include_usage'] === true;
  const base = head(given);
  const event = (choices: readonly JsonObject[], outputTokens: number, usage: unknown = null) => {
    const chunk = { ...base, choices, ...(includesUsage ? { usage } : {}) };
    return { text: `data: ${JSON.stringify(chunk)}\n\n`, outputTokens };
  };
  const all = given.outputTokens;
  const each = returned(body);
  const events: MockEvent[] = [];
  for (const [sent, text] of given.pieces.entries()) {
    const outputTokens = tokensAfter(given, sent + 1);
    events.push(...each.map((index) => event([choice(index, text, null)], outputTokens)));
  }
  events.push(...each.map((index) => event([choice(index, '', finishReason(given))], all)));
  if (includesUsage && !given.hidesUsage) events.push(event([], all, usageOf(given)));
  events.push({ text: 'data: [DONE]\n\n', outputTokens: all });
  return events;
}

export const completionsWire: Wire = {
  ...chatWire,
  refused,
  demand: completionsDemand,
  plain: completion,
  events: completionEvents,
};
