// A Chat Completions request as a Messages request. What has no counterpart and would change the
// answer is refused with the name of the field; what would not is left out and told.

import { createHash } from 'node:crypto';
import { messagesTurns } from './chat-to-messages-turns.js';
import { Crossing } from './crossing.js';
import { thinkingFor } from './reasoning.js';
import type { InvalidRequest } from './request.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';

export interface ToMessagesRequestOptions {
  readonly upstreamModel: string;
  /** Anthropic needs one: the request's own, or the most the model may answer. */
  readonly maxTokens: number;
}

export interface MessagesRequest {
  readonly body: JsonObject;
  /** In place of the client's own. */
  readonly headers: Readonly<Record<string, string>>;
  /** Members that were left out. */
  readonly dropped: readonly string[];
}

/** The last version that takes `temperature` and `top_p`; what is made here is written for it. */
const VERSION = '2023-06-01';

/** Anthropic's limit for `metadata.user_id`. */
const USER_LENGTH_MAX = 256;

const JSON_HINT = 'Answer with one JSON object and nothing else.';

/** Members that are read below. Any other is left out, unless it is refused. */
const KNOWN_MEMBERS = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
  'n',
  'stop',
  'temperature',
  'top_p',
  'tools',
  'tool_choice',
  'parallel_tool_calls',
  'response_format',
  'reasoning_effort',
  'user',
  'safety_identifier',
  'modalities',
  'service_tier',
]);

/** An answer without them would not be the one that was asked for. */
const REFUSED_MEMBERS = new Set(['functions', 'function_call']);

const isEmpty = (value: unknown): boolean =>
  isAbsent(value) || (Array.isArray(value) && value.length === 0);

function checkMembers(body: JsonObject, crossing: Crossing): void {
  for (const name of Object.keys(body)) {
    if (KNOWN_MEMBERS.has(name) || isEmpty(body[name])) continue;
    if (REFUSED_MEMBERS.has(name)) crossing.unsupported(name);
    else crossing.drop(name);
  }
  if (!isAbsent(body['n']) && body['n'] !== 1) crossing.unsupported('n', ' above 1');
}

function tool(given: unknown, at: string, crossing: Crossing): JsonObject {
  const { type, function: definition } = isObject(given) ? given : {};
  if (type !== 'function' || !isObject(definition)) {
    crossing.unsupported(at, ` of type ${textOf(type) || 'unknown'}`);
  }
  const { name, description, parameters, strict } = isObject(definition) ? definition : {};
  if (strict === true) crossing.drop('tools.strict');
  const schema = isObject(parameters) ? parameters : { properties: {} };
  return {
    name,
    ...(isAbsent(description) ? {} : { description }),
    input_schema: { type: 'object', ...schema },
  };
}

const TOOL_CHOICES: Readonly<Record<string, string>> = {
  auto: 'auto',
  required: 'any',
  none: 'none',
};

function toolChoice(body: JsonObject, crossing: Crossing): JsonObject | null {
  const { tool_choice: given, parallel_tool_calls: parallel } = body;
  const serial = parallel === false ? { disable_parallel_tool_use: true } : {};
  if (isAbsent(given)) return parallel === false ? { type: 'auto', ...serial } : null;
  const type = TOOL_CHOICES[textOf(given)];
  // Where no tool may be called there are none to call at once.
  if (type !== undefined) return type === 'none' ? { type } : { type, ...serial };
  const forced = isObject(given) && given['type'] === 'function' ? given['function'] : null;
  if (!isObject(forced)) crossing.unsupported('tool_choice');
  return { type: 'tool', name: isObject(forced) ? forced['name'] : null, ...serial };
}

/** A choice without tools is refused upstream, and means nothing. */
function tools(body: JsonObject, crossing: Crossing): JsonObject {
  if (isEmpty(body['tools'])) return {};
  const choice = toolChoice(body, crossing);
  return {
    tools: listOf(body['tools']).map((each, index) => tool(each, `tools[${index}]`, crossing)),
    ...(choice === null ? {} : { tool_choice: choice }),
  };
}

/** The model is to go on from calls of its own, whose thinking a chat cannot hand back. */
function isInToolLoop(body: JsonObject): boolean {
  const last = listOf(body['messages']).findLast(
    (message) => isObject(message) && message['role'] === 'assistant',
  );
  return isObject(last) && !isEmpty(last['tool_calls']);
}

function reasoning(
  body: JsonObject,
  given: { options: ToMessagesRequestOptions; forcesTool: boolean },
  crossing: Crossing,
): JsonObject {
  const effort = textOf(body['reasoning_effort']);
  if (effort === '') return {};
  const isAllowed = !given.forcesTool && !isInToolLoop(body);
  const thinking = thinkingFor(effort, { ...given.options, isAllowed });
  if (thinking === null) crossing.drop('reasoning_effort');
  return thinking ?? {};
}

/** Anthropic knows temperatures from 0 to 1, takes one of the two, and none while it thinks. */
function sampling(body: JsonObject, isThinking: boolean, crossing: Crossing): JsonObject {
  const { temperature, top_p, stop } = body;
  const stops = isAbsent(stop) ? {} : { stop_sequences: typeof stop === 'string' ? [stop] : stop };
  if (isThinking || (!isAbsent(temperature) && !isAbsent(top_p))) {
    if (isThinking && !isAbsent(temperature)) crossing.drop('temperature');
    if (!isAbsent(top_p)) crossing.drop('top_p');
  }
  if (isThinking) return stops;
  if (isAbsent(temperature)) return isAbsent(top_p) ? stops : { ...stops, top_p };
  const clamped =
    typeof temperature === 'number' ? Math.min(1, Math.max(0, temperature)) : temperature;
  return { ...stops, temperature: clamped };
}

/** A schema for the answer, or a sentence for the system text. */
function outputFormat(
  body: JsonObject,
  crossing: Crossing,
): { format?: JsonObject; hint?: string } {
  const { response_format: given } = body;
  const { type, json_schema: json } = isObject(given) ? given : {};
  if (isAbsent(given) || type === 'text') return {};
  if (type === 'json_object') return { hint: JSON_HINT };
  if (type === 'json_schema' && isObject(json) && isObject(json['schema'])) {
    return { format: { type, schema: json['schema'] } };
  }
  crossing.unsupported('response_format');
  return {};
}

function billing(body: JsonObject): JsonObject {
  const user = textOf(body['safety_identifier']) || textOf(body['user']);
  const user_id =
    user.length > USER_LENGTH_MAX ? createHash('sha256').update(user).digest('hex') : user;
  return {
    ...(user_id === '' ? {} : { metadata: { user_id } }),
    ...(body['service_tier'] === 'default' ? { service_tier: 'standard_only' } : {}),
  };
}

/** The request for the provider; `body` has passed `readRequest`. */
export function toMessagesRequest(
  body: JsonObject,
  options: ToMessagesRequestOptions,
): MessagesRequest | InvalidRequest {
  const crossing = new Crossing('messages');
  checkMembers(body, crossing);
  const { system, messages } = messagesTurns(body, crossing);
  const called = tools(body, crossing);
  const choice = called['tool_choice'];
  const forcesTool = isObject(choice) && (choice['type'] === 'any' || choice['type'] === 'tool');
  const thought = reasoning(body, { options, forcesTool }, crossing);
  const { format, hint } = outputFormat(body, crossing);
  const instructions = hint === undefined ? system : [...system, hint];
  const config = isObject(thought['output_config']) ? thought['output_config'] : {};
  const output_config = { ...config, ...(format === undefined ? {} : { format }) };
  const translated = {
    model: options.upstreamModel,
    max_tokens: options.maxTokens,
    ...(instructions.length === 0 ? {} : { system: instructions.join('\n\n') }),
    messages,
    ...called,
    ...sampling(body, thought['thinking'] !== undefined, crossing),
    ...thought,
    ...(Object.keys(output_config).length === 0 ? {} : { output_config }),
    ...billing(body),
    ...(body['stream'] === true ? { stream: true } : {}),
  };
  if (crossing.refused !== null) return crossing.refused;
  return {
    body: translated,
    headers: { 'anthropic-version': VERSION },
    dropped: crossing.dropped,
  };
}
