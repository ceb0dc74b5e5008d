// A Messages request as a Chat Completions request. What has no counterpart and would change the
// answer is refused with the name of the field; what would not is left out and told.

import { createHash } from 'node:crypto';
import { Crossing } from './crossing.js';
import { chatTurns } from './messages-to-chat-turns.js';
import { effortOf, takesEffort } from './reasoning.js';
import type { InvalidRequest } from './request.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';
import { chatToolName, toolNamesOf, type ToolNames } from './tool-call.js';

export interface ToChatOptions {
  readonly upstreamModel: string;
  /** `max_completion_tokens` is for reasoning models, which then refuse `temperature` too. */
  readonly maxTokensField: 'max_tokens' | 'max_completion_tokens';
  /** In place of the request's own `max_tokens`; `null` keeps that. */
  readonly maxTokens: number | null;
}

export interface ChatRequest {
  readonly body: JsonObject;
  /** Needed to translate the answer. */
  readonly toolNames: ToolNames;
  /** Members that were left out. */
  readonly dropped: readonly string[];
}

/** OpenAI accepts four. */
const STOP_SEQUENCES_MAX = 4;

/** OpenAI's limit for `user`. */
const USER_LENGTH_MAX = 64;

/** Members that are read below, and those whose only admitted values say nothing to OpenAI. */
const KNOWN_MEMBERS = new Set([
  'model',
  'max_tokens',
  'messages',
  'system',
  'stream',
  'stop_sequences',
  'temperature',
  'top_p',
  'metadata',
  'cache_control',
  'service_tier',
  'speed',
  'inference_geo',
  'tools',
  'tool_choice',
  'thinking',
  'output_config',
  'output_format',
]);

/** Members that the answer is as good without. */
const DROPPED_MEMBERS = new Set(['top_k', 'context_management']);

const isEmpty = (value: unknown): boolean =>
  isAbsent(value) || (Array.isArray(value) && value.length === 0);

function checkMembers(body: JsonObject, crossing: Crossing): void {
  for (const name of Object.keys(body)) {
    if (KNOWN_MEMBERS.has(name) || isEmpty(body[name])) continue;
    if (DROPPED_MEMBERS.has(name)) crossing.drop(name);
    else crossing.unsupported(name);
  }
}

function outputLimit(body: JsonObject, options: ToChatOptions, crossing: Crossing): JsonObject {
  const maxTokens = options.maxTokens ?? body['max_tokens'];
  if (isAbsent(maxTokens)) return {};
  // Anthropic only warms its cache then; elsewhere zero can mean "no limit".
  if (maxTokens === 0) crossing.unsupported('max_tokens', ' of 0');
  return { [options.maxTokensField]: maxTokens };
}

function sampling(body: JsonObject, options: ToChatOptions, crossing: Crossing): JsonObject {
  const chat: Record<string, unknown> = {};
  for (const name of ['temperature', 'top_p']) {
    if (isAbsent(body[name])) continue;
    if (options.maxTokensField === 'max_completion_tokens') crossing.drop(name);
    else chat[name] = body[name];
  }
  const stop = listOf(body['stop_sequences']);
  if (stop.length > STOP_SEQUENCES_MAX) {
    const message = `'stop_sequences' may hold at most ${STOP_SEQUENCES_MAX} with an OpenAI model.`;
    crossing.refuse('stop_sequences', message);
  }
  if (stop.length > 0) chat['stop'] = stop;
  return chat;
}

function chatTool(tool: unknown, at: string, crossing: Crossing): JsonObject {
  const { type, name, description, input_schema: schema, strict } = isObject(tool) ? tool : {};
  if (!isAbsent(type) && type !== 'custom') crossing.unsupported(at, ` of type ${textOf(type)}`);
  if (!isObject(schema)) crossing.refuse(`${at}.input_schema`, `'${at}' needs an input_schema.`);
  return {
    type: 'function',
    function: {
      name: chatToolName(textOf(name)),
      ...(isAbsent(description) ? {} : { description }),
      parameters: schema,
      ...(strict === true && isStrict(schema) ? { strict } : {}),
    },
  };
}

const TOOL_CHOICES: Readonly<Record<string, string>> = {
  auto: 'auto',
  any: 'required',
  none: 'none',
};

function chatToolChoice(choice: JsonObject, crossing: Crossing): JsonObject {
  const { type, name, disable_parallel_tool_use: isSerial } = choice;
  const word = TOOL_CHOICES[textOf(type)];
  if (type !== 'tool' && word === undefined) {
    crossing.refuse('tool_choice.type', "'tool_choice.type' must be auto, any, none or tool.");
  }
  const forced = { type: 'function', function: { name: chatToolName(textOf(name)) } };
  return {
    tool_choice: word ?? forced,
    ...(isSerial === true ? { parallel_tool_calls: false } : {}),
  };
}

/** OpenAI refuses a choice among no tools. */
function chatTools(body: JsonObject, crossing: Crossing): JsonObject {
  const { tools, tool_choice: choice } = body;
  if (isEmpty(tools)) return {};
  return {
    tools: listOf(tools).map((tool, index) => chatTool(tool, `tools[${index}]`, crossing)),
    ...(isObject(choice) ? chatToolChoice(choice, crossing) : {}),
  };
}

/** What OpenAI's strict mode knows nothing of. */
const LOOSE_KEYWORDS = ['allOf', 'oneOf', 'not', 'if', 'patternProperties', 'dependentRequired'];

/** OpenAI's strict mode: every object closed, and every member of it required. */
function isClosed(schema: unknown): boolean {
  if (Array.isArray(schema)) return schema.every(isClosed);
  if (!isObject(schema)) return true;
  const { properties, required, additionalProperties } = schema;
  if (LOOSE_KEYWORDS.some((name) => schema[name] !== undefined)) return false;
  if (schema['type'] === 'object' || isObject(properties)) {
    const names = Object.keys(isObject(properties) ? properties : {});
    const needed = new Set(listOf(required));
    if (additionalProperties !== false || !names.every((name) => needed.has(name))) return false;
  }
  return Object.values(schema).every(isClosed);
}

const isStrict = (schema: unknown): boolean =>
  isObject(schema) && schema['type'] === 'object' && isClosed(schema);

function responseFormat(body: JsonObject, crossing: Crossing): JsonObject {
  const { output_config: config, output_format: older } = body;
  for (const name of Object.keys(isObject(config) ? config : {})) {
    if (name !== 'effort' && name !== 'format') crossing.unsupported(`output_config.${name}`);
  }
  const format = (isObject(config) ? config['format'] : null) ?? older;
  if (isAbsent(format)) return {};
  const { type, schema } = isObject(format) ? format : {};
  if (type !== 'json_schema') crossing.unsupported('output_config.format');
  const json_schema = { name: 'output', schema, strict: isStrict(schema) };
  return { response_format: { type: 'json_schema', json_schema } };
}

/** Without the thinking of the history, the model is not asked to think now either. */
function reasoning(body: JsonObject, options: ToChatOptions, crossing: Crossing): JsonObject {
  const effort = effortOf(body['thinking'], body['output_config']);
  if (effort === null || crossing.hasDropped('thinking')) return {};
  if (takesEffort(options.upstreamModel)) return { reasoning_effort: effort };
  crossing.drop(isAbsent(body['thinking']) ? 'output_config.effort' : 'thinking');
  return {};
}

function billing(body: JsonObject): JsonObject {
  const user = isObject(body['metadata']) ? textOf(body['metadata']['user_id']) : '';
  const id = user.length > USER_LENGTH_MAX ? createHash('sha256').update(user).digest('hex') : user;
  return {
    ...(id === '' ? {} : { user: id }),
    ...(body['service_tier'] === 'standard_only' ? { service_tier: 'default' } : {}),
  };
}

/** The request for the provider; `body` has passed `readRequest`. */
export function toChatRequest(
  body: JsonObject,
  options: ToChatOptions,
): ChatRequest | InvalidRequest {
  const crossing = new Crossing('chat');
  checkMembers(body, crossing);
  const messages = chatTurns(body, crossing);
  const chat = {
    model: options.upstreamModel,
    messages,
    ...outputLimit(body, options, crossing),
    ...sampling(body, options, crossing),
    ...chatTools(body, crossing),
    ...responseFormat(body, crossing),
    ...reasoning(body, options, crossing),
    ...billing(body),
    ...(body['stream'] === true ? { stream: true, stream_options: { include_usage: true } } : {}),
  };
  if (crossing.refused !== null) return crossing.refused;
  return { body: chat, toolNames: toolNamesOf(body['tools']), dropped: crossing.dropped };
}
