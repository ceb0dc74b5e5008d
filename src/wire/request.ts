// What admission must know of a request, read from its parsed body. A request whose cost could pass
// what is read here is refused with a message that names the mend; everything else is the
// provider's to judge.

import type { Api } from '../kernel/api.js';
import type { ErrorCode } from '../kernel/errors.js';
import { isAbsent, isObject, type JsonObject } from './shape.js';
import { findUnbounded } from './unbounded.js';

export interface ModelRequest {
  readonly model: string;
  readonly stream: boolean;
  /** The client itself asked for the usage event of a chat stream. */
  readonly includeUsage: boolean;
  /** Per choice. `null`: the request sets none, the model's own maximum bounds it. */
  readonly maxOutputTokens: number | null;
  readonly choices: number;
  readonly messages: number;
}

export interface InvalidRequest {
  /** A message that names the mend. */
  readonly invalid: string;
  readonly param: string | null;
  /** The error's code where it is another than `invalid_request`. */
  readonly code?: ErrorCode;
}

/** The most choices OpenAI grants one request. */
export const CHOICES_MAX = 128;

const invalid = (param: string | null, message: string): InvalidRequest => ({
  invalid: message,
  param,
});

const isFlag = (value: unknown): boolean => isAbsent(value) || typeof value === 'boolean';

/** Something a client sent where it does not belong; answered before the members are read. */
function misplaced(api: Api, body: JsonObject): InvalidRequest | null {
  if (body['background'] === true) {
    const message = "'background': true is billed after the call ends. Send it without.";
    return { invalid: message, param: 'background', code: 'unmetered_endpoint' };
  }
  if (Array.isArray(body['messages'])) return null;
  if (api === 'chat' && !isAbsent(body['input'])) {
    return invalid(
      'input',
      "This is a Responses request ('input' without 'messages') on the Chat Completions route. " +
        "Set the client to the Chat Completions API, or send 'messages'.",
    );
  }
  return invalid('messages', "'messages' must be a list of messages. Add it to the request.");
}

/** The largest of the limits given: a provider that honours either stays below it. */
function maxOutputTokens(api: Api, body: JsonObject): number | InvalidRequest | null {
  // Zero output is a cache warm-up for Anthropic; to others, zero or less can mean "no limit".
  const least = api === 'messages' ? 0 : 1;
  const names = api === 'messages' ? ['max_tokens'] : ['max_tokens', 'max_completion_tokens'];
  let largest: number | null = null;
  for (const name of names) {
    const value = body[name];
    if (isAbsent(value)) continue;
    if (typeof value !== 'number' || !Number.isSafeInteger(value) || value < least) {
      return invalid(name, `'${name}' must be a whole number of at least ${least}.`);
    }
    largest = Math.max(largest ?? 0, value);
  }
  return largest;
}

function choices(api: Api, body: JsonObject): number | InvalidRequest {
  const { n } = body;
  if (api === 'messages' || isAbsent(n)) return 1;
  if (typeof n === 'number' && Number.isInteger(n) && n >= 1 && n <= CHOICES_MAX) return n;
  return invalid('n', `'n' must be a whole number from 1 to ${CHOICES_MAX}.`);
}

/** The request as admission sees it, or why it cannot be admitted at all. */
export function readRequest(api: Api, body: unknown): ModelRequest | InvalidRequest {
  if (!isObject(body)) return invalid(null, 'The request body must be a JSON object.');
  const { model, stream, messages, stream_options: options } = body;
  const astray = misplaced(api, body);
  if (astray !== null) return astray;
  if (typeof model !== 'string' || model === '') {
    return invalid('model', "'model' must be the name of a model.");
  }
  if (!isFlag(stream)) return invalid('stream', "'stream' must be true or false.");
  const includeUsage = isObject(options) ? options['include_usage'] : null;
  if (!isFlag(includeUsage) || !(isAbsent(options) || isObject(options))) {
    return invalid(
      'stream_options',
      '\'stream_options\' must be {"include_usage": true or false}.',
    );
  }
  const output = maxOutputTokens(api, body);
  if (output !== null && typeof output !== 'number') return output;
  const count = choices(api, body);
  if (typeof count !== 'number') return count;
  const unbounded = findUnbounded(api, body);
  if (unbounded !== null) return unbounded;
  return {
    model,
    stream: stream === true,
    includeUsage: includeUsage === true,
    maxOutputTokens: output,
    choices: count,
    messages: Array.isArray(messages) ? messages.length : 0,
  };
}
