// What admission must know of a request, read from its parsed body. A request whose cost could pass
// what is read here is refused with a message that names the mend; everything else is the
// provider's to judge.

import type { Api } from '../kernel/api.js';
import type { ErrorCode } from '../kernel/errors.js';
import { inputCount } from './inputs.js';
import { misplaced } from './misplaced.js';
import { hasHiddenContext } from './responses-items.js';
import { isAbsent, isObject, type JsonObject } from './shape.js';
import { findUnbounded } from './unbounded.js';
import { type Wanted, wantedIn } from './wanted.js';

export interface ModelRequest {
  readonly model: string;
  readonly stream: boolean;
  /** The client itself asked for the usage event of a chat or completions stream. */
  readonly includeUsage: boolean;
  /** Per choice. `null`: the request sets none, the model's own maximum bounds it. */
  readonly maxOutputTokens: number | null;
  /**
   * The maximum is the API's default and stands not in the request. A provider may have another, so
   * it holds only once it is written in.
   */
  readonly maxIsDefault: boolean;
  /** Answers that are generated and billed, over all prompts and rounds of the request. */
  readonly choices: number;
  /** Messages, input items, prompts or texts to embed. */
  readonly messages: number;
  /** Inputs that have a model's window each: the prompts of a list, or the rounds of a tool. */
  readonly prompts: number;
  /** The provider adds to the input what is not here: only the model's window bounds it. */
  readonly hiddenContext: boolean;
  readonly wanted: Wanted;
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

/** What a completion that sets no `max_tokens` gets. */
const COMPLETION_TOKENS_DEFAULT = 16;

/** The members that limit a wire's output, per choice; none where there is no output. */
export const OUTPUT_LIMITS: Readonly<Record<Api, readonly string[]>> = {
  chat: ['max_tokens', 'max_completion_tokens'],
  messages: ['max_tokens'],
  completions: ['max_tokens'],
  responses: ['max_output_tokens'],
  embeddings: [],
};

/** More than any model gives; bounded so that no product of it leaves a journal's fields. */
const OUTPUT_TOKENS_MAX = 1_000_000_000;

const invalid = (param: string | null, message: string): InvalidRequest => ({
  invalid: message,
  param,
});

const isFlag = (value: unknown): boolean => isAbsent(value) || typeof value === 'boolean';

/** The largest of the limits given: a provider that honours either stays below it. */
function maxOutputTokens(api: Api, body: JsonObject): number | InvalidRequest | null {
  if (api === 'embeddings') return 0;
  // Zero output is a cache warm-up for Anthropic; to others, zero or less can mean "no limit".
  const least = api === 'messages' ? 0 : 1;
  let largest: number | null = null;
  for (const name of OUTPUT_LIMITS[api]) {
    const value = body[name];
    if (isAbsent(value)) continue;
    if (
      typeof value !== 'number' ||
      !Number.isInteger(value) ||
      value < least ||
      value > OUTPUT_TOKENS_MAX
    ) {
      return invalid(name, `'${name}' must be a whole number of at least ${least}.`);
    }
    largest = Math.max(largest ?? 0, value);
  }
  return largest;
}

/** Answers to each prompt: `best_of` are generated and billed where only `n` are returned. */
function choices(api: Api, body: JsonObject): number | InvalidRequest {
  const names = api === 'chat' ? ['n'] : api === 'completions' ? ['n', 'best_of'] : [];
  let most = 1;
  for (const name of names) {
    const value = body[name];
    if (isAbsent(value)) continue;
    if (typeof value !== 'number' || !Number.isInteger(value) || value < 1 || value > CHOICES_MAX) {
      return invalid(name, `'${name}' must be a whole number from 1 to ${CHOICES_MAX}.`);
    }
    most = Math.max(most, value);
  }
  return most;
}

/** What stands in the place of the messages, counted. `misplaced` has seen to its shape. */
function inputs(api: Api, body: JsonObject): number {
  const { messages, input, prompt } = body;
  switch (api) {
    case 'completions':
      return inputCount(prompt) ?? 1;
    case 'embeddings':
      return inputCount(input) ?? 1;
    case 'responses':
      return Array.isArray(input) ? input.length : 1;
    default:
      return Array.isArray(messages) ? messages.length : 0;
  }
}

/** The request as admission sees it, or why it cannot be admitted at all. */
export function readRequest(api: Api, body: unknown): ModelRequest | InvalidRequest {
  if (!isObject(body)) return invalid(null, 'The request body must be a JSON object.');
  const { model, stream, stream_options: options } = body;
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
  const wanted = wantedIn(api, body);
  if ('invalid' in wanted) return wanted;
  const messages = inputs(api, body);
  const { rounds } = wanted;
  const prompts = api === 'completions' || api === 'embeddings' ? messages : rounds;
  const maxIsDefault = api === 'completions' && output === null;
  return {
    model,
    stream: stream === true,
    includeUsage: includeUsage === true,
    maxOutputTokens: maxIsDefault ? COMPLETION_TOKENS_DEFAULT : output,
    maxIsDefault,
    // A response's maximum holds for all its rounds, a message's perhaps for each.
    choices: count * (api === 'completions' || api === 'messages' ? prompts : 1),
    messages,
    prompts,
    hiddenContext: rounds > 1 || (api === 'responses' && hasHiddenContext(body)),
    wanted,
  };
}
