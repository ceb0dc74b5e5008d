// What OpenAI refuses in a chat request and a proxy could get wrong. The mock provider refuses it
// too, in the same words, so that a test which passes here does not fail there.

import { isAbsent, isObject, listOf, textOf, type JsonObject } from '../wire/shape.js';

export interface BrokenRule {
  readonly message: string;
  readonly param: string | null;
  readonly code: string | null;
}

const broken = (message: string, param: string | null, code: string | null = null): BrokenRule => ({
  message,
  param,
  code,
});

const REASONING_MODELS = /^(o\d|gpt-[5-9])/;
const NAME = /^[a-zA-Z0-9_-]{1,64}$/;
const STOPS_MAX = 4;
const ID_LENGTH_MAX = 40;
const USER_LENGTH_MAX = 64;

function brokenParameter(body: JsonObject): BrokenRule | null {
  if (typeof body['model'] !== 'string') return broken('you must provide a model parameter', null);
  if (!Array.isArray(body['messages'])) {
    const message = "Missing required parameter: 'messages'.";
    return broken(message, 'messages', 'missing_required_parameter');
  }
  if (isObject(body['stream_options']) && body['stream'] !== true) {
    const message = "The 'stream_options' parameter is only allowed when 'stream' is enabled.";
    return broken(message, 'stream_options');
  }
  if (body['max_tokens'] !== undefined && body['max_completion_tokens'] !== undefined) {
    const message =
      "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
    return broken(message, 'max_tokens', 'invalid_parameter_combination');
  }
  if (listOf(body['stop']).length > STOPS_MAX) {
    return broken("Invalid 'stop': array too long.", 'stop', 'array_above_max_length');
  }
  if (textOf(body['user']).length > USER_LENGTH_MAX) {
    return broken("Invalid 'user': string too long.", 'user', 'string_above_max_length');
  }
  return brokenForModel(body);
}

function brokenForModel(body: JsonObject): BrokenRule | null {
  if (!REASONING_MODELS.test(textOf(body['model']))) {
    if (isAbsent(body['reasoning_effort'])) return null;
    return broken('Unrecognized request argument supplied: reasoning_effort', null);
  }
  const unsupported = ['max_tokens', 'temperature', 'top_p'].find((name) => !isAbsent(body[name]));
  if (unsupported === undefined) return null;
  const message = `Unsupported parameter: '${unsupported}' is not supported with this model.`;
  return broken(message, unsupported, 'unsupported_parameter');
}

function brokenTool(body: JsonObject): BrokenRule | null {
  for (const name of ['tool_choice', 'parallel_tool_calls']) {
    if (isAbsent(body[name]) || !isAbsent(body['tools'])) continue;
    return broken(`'${name}' is only allowed when 'tools' are specified.`, name);
  }
  if (Array.isArray(body['tools']) && body['tools'].length === 0) {
    return broken("Invalid 'tools': empty array.", 'tools', 'empty_array');
  }
  for (const [index, tool] of listOf(body['tools']).entries()) {
    const { type, function: definition } = isObject(tool) ? tool : {};
    if (type !== 'function') continue;
    const { name, parameters } = isObject(definition) ? definition : {};
    const at = `tools[${index}].function`;
    if (!NAME.test(textOf(name))) {
      return broken(`Invalid '${at}.name': string does not match pattern.`, `${at}.name`);
    }
    if (isObject(parameters) && parameters['type'] !== 'object') {
      const message = `Invalid schema for function '${textOf(name)}': it must be of type object.`;
      return broken(message, `${at}.parameters`, 'invalid_function_parameters');
    }
  }
  return null;
}

const PARTS: Readonly<Record<string, readonly string[]>> = {
  user: ['text', 'image_url', 'input_audio', 'file'],
  assistant: ['text', 'refusal'],
  system: ['text'],
  developer: ['text'],
  tool: ['text'],
};

function brokenContent(message: JsonObject, at: string): BrokenRule | null {
  const { role, content, tool_calls: calls } = message;
  const allowed = PARTS[textOf(role)];
  if (allowed === undefined) return broken(`Invalid value: '${textOf(role)}'.`, `${at}.role`);
  if (isAbsent(content)) {
    const isSpoken = listOf(calls).length > 0 || !isAbsent(message['refusal']);
    if (isSpoken) return null;
    return broken("Invalid value for 'content': expected a string, got null.", `${at}.content`);
  }
  if (Array.isArray(content) && content.length === 0) {
    return broken(`Invalid '${at}.content': empty array.`, `${at}.content`, 'empty_array');
  }
  const wrong = listOf(content).find(
    (part) => !isObject(part) || !allowed.includes(textOf(part['type'])),
  );
  if (wrong === undefined) return null;
  return broken(`Invalid value in '${at}.content'.`, `${at}.content`, 'invalid_value');
}

function brokenCall(call: unknown, at: string): BrokenRule | null {
  const { id, function: called } = isObject(call) ? call : {};
  const { name, arguments: args } = isObject(called) ? called : {};
  if (textOf(id) === '' || textOf(id).length > ID_LENGTH_MAX) {
    return broken(`Invalid '${at}.id': string too long.`, `${at}.id`, 'string_above_max_length');
  }
  if (!NAME.test(textOf(name)) || typeof args !== 'string') {
    return broken(`Invalid '${at}.function'.`, `${at}.function`, 'invalid_value');
  }
  return null;
}

/** Every call is answered at once, and every tool message answers a call. */
function brokenOrder(messages: readonly unknown[]): BrokenRule | null {
  let open = new Set<unknown>();
  for (const [index, message] of messages.entries()) {
    const { role, tool_call_id: id, tool_calls: calls } = isObject(message) ? message : {};
    const param = `messages.[${index}].role`;
    if (role === 'tool') {
      if (open.delete(id)) continue;
      const text = "messages with role 'tool' must be a response to a preceeding message";
      return broken(`Invalid parameter: ${text} with 'tool_calls'.`, param);
    }
    if (open.size > 0) break;
    open = new Set(listOf(calls).map((call) => (isObject(call) ? call['id'] : null)));
  }
  if (open.size === 0) return null;
  const text = "An assistant message with 'tool_calls' must be followed by tool messages";
  return broken(`${text} responding to each 'tool_call_id'.`, 'messages');
}

function brokenMessage(body: JsonObject): BrokenRule | null {
  const messages = listOf(body['messages']);
  for (const [index, message] of messages.entries()) {
    if (!isObject(message)) continue;
    const at = `messages[${index}]`;
    const wrong = brokenContent(message, at);
    if (wrong !== null) return wrong;
    for (const [position, call] of listOf(message['tool_calls']).entries()) {
      const wrongCall = brokenCall(call, `${at}.tool_calls[${position}]`);
      if (wrongCall !== null) return wrongCall;
    }
  }
  return brokenOrder(messages);
}

/** In strict mode every object is closed, and each of its members required. */
function isStrict(schema: unknown): boolean {
  if (!isObject(schema)) return true;
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = listOf(schema['required']);
  const isClosed =
    schema['type'] !== 'object' ||
    (schema['additionalProperties'] === false &&
      Object.keys(properties).every((name) => required.includes(name)));
  return isClosed && Object.values(properties).every(isStrict) && isStrict(schema['items']);
}

function brokenFormat(body: JsonObject): BrokenRule | null {
  const { type, json_schema: json } = isObject(body['response_format'])
    ? body['response_format']
    : {};
  if (type !== 'json_schema') return null;
  const { name, schema, strict } = isObject(json) ? json : {};
  if (!NAME.test(textOf(name))) {
    const param = 'response_format.json_schema.name';
    return broken(`Missing required parameter: '${param}'.`, param, 'missing_required_parameter');
  }
  if (strict !== true || isStrict(schema)) return null;
  const text = "'additionalProperties' is required to be supplied and to be false";
  return broken(
    `Invalid schema for response_format '${textOf(name)}': ${text}.`,
    'response_format',
  );
}

/** The first rule of OpenAI's that the request breaks; `null` when it would be answered. */
export const brokenChatRule = (body: JsonObject): BrokenRule | null =>
  brokenParameter(body) ?? brokenTool(body) ?? brokenMessage(body) ?? brokenFormat(body);
