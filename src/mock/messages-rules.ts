// What Anthropic refuses in a Messages request and a proxy could get wrong. The mock provider
// refuses it too, in the same words, so that a test which passes here does not fail there.

import type { IncomingHttpHeaders } from 'node:http';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from '../wire/shape.js';

const MEMBERS = new Set(
  `model max_tokens messages system stream stop_sequences metadata temperature top_p top_k tools
  tool_choice thinking output_config output_format service_tier speed inference_geo cache_control
  container mcp_servers context_management`.split(/\s+/),
);

const SAMPLING = ['temperature', 'top_p', 'top_k'];
/** From this version on, sampling is not asked for. */
const VERSION_WITHOUT_SAMPLING = '2026-10-21';
const NAME = /^[a-zA-Z0-9_-]{1,128}$/;
const ID = /^[a-zA-Z0-9_-]+$/;
const IMAGE_TYPES = ['image/jpeg', 'image/png', 'image/gif', 'image/webp'];
const BUDGET_MIN = 1_024;

function brokenParameter(headers: IncomingHttpHeaders, body: JsonObject): string | null {
  const version = headers['anthropic-version'];
  if (version === undefined) return 'anthropic-version: header is required';
  for (const name of ['model', 'max_tokens', 'messages']) {
    if (body[name] === undefined) return `${name}: Field required`;
  }
  const extra = Object.keys(body).find((name) => !MEMBERS.has(name));
  if (extra !== undefined) return `${extra}: Extra inputs are not permitted`;
  const sampled = SAMPLING.find((name) => !isAbsent(body[name]));
  if (sampled !== undefined && String(version) >= VERSION_WITHOUT_SAMPLING) {
    return `${sampled}: not supported in this version`;
  }
  const { temperature, top_p: topP } = body;
  if (typeof temperature === 'number' && (temperature < 0 || temperature > 1)) {
    return 'temperature: range: 0..1';
  }
  if (!isAbsent(temperature) && !isAbsent(topP)) {
    return '`temperature` and `top_p` cannot both be specified for this model.';
  }
  return null;
}

function brokenTool(body: JsonObject): string | null {
  const tools = listOf(body['tools']);
  const { type, disable_parallel_tool_use: serial } = isObject(body['tool_choice'])
    ? body['tool_choice']
    : {};
  if (type !== undefined && tools.length === 0) {
    return 'tool_choice may only be specified while providing tools.';
  }
  if (type === 'none' && serial !== undefined) {
    return 'tool_choice.none.disable_parallel_tool_use: Extra inputs are not permitted';
  }
  for (const [index, tool] of tools.entries()) {
    const { name, input_schema: schema, type: kind } = isObject(tool) ? tool : {};
    if (!NAME.test(textOf(name))) return `tools.${index}.name: String should match pattern`;
    const isCustom = isAbsent(kind) || kind === 'custom';
    if (isCustom && (!isObject(schema) || schema['type'] !== 'object')) {
      return `tools.${index}.custom.input_schema.type: Field required`;
    }
  }
  return null;
}

const blocksOf = (message: unknown): JsonObject[] =>
  isObject(message) ? listOf(message['content']).filter(isObject) : [];

const idsOf = (message: unknown, type: string, member: string): unknown[] =>
  blocksOf(message)
    .filter((block) => block['type'] === type)
    .map((block) => block[member]);

/** Thinking comes first in a turn that the model is to go on from, and no tool is forced. */
function brokenThinking(body: JsonObject): string | null {
  const { thinking, max_tokens: maxTokens, tool_choice: choice } = body;
  const { type, budget_tokens: budget } = isObject(thinking) ? thinking : {};
  if (type !== 'enabled' && type !== 'adaptive') return null;
  if (type === 'enabled' && (typeof budget !== 'number' || budget < BUDGET_MIN)) {
    return 'thinking.enabled.budget_tokens: Input should be greater than or equal to 1024';
  }
  if (type === 'enabled' && Number(budget) >= Number(maxTokens)) {
    return '`max_tokens` must be greater than `thinking.budget_tokens`.';
  }
  if (!isAbsent(body['temperature']) && body['temperature'] !== 1) {
    return '`temperature` may only be set to 1 when thinking is enabled.';
  }
  if (isObject(choice) && (choice['type'] === 'any' || choice['type'] === 'tool')) {
    return 'Thinking may not be enabled when tool_choice forces tool use.';
  }
  const last = listOf(body['messages']).findLast(
    (message) => isObject(message) && message['role'] === 'assistant',
  );
  const [first] = blocksOf(last);
  const calls = idsOf(last, 'tool_use', 'id').length > 0;
  const thinks = first?.['type'] === 'thinking' || first?.['type'] === 'redacted_thinking';
  if (!calls || thinks) return null;
  return 'Expected `thinking` or `redacted_thinking`, but found `tool_use`.';
}

function brokenBlock(block: JsonObject, at: string): string | null {
  const { type, text, source, id } = block;
  const { type: sourceType, media_type: mediaType } = isObject(source) ? source : {};
  switch (type) {
    case 'text':
      return textOf(text) === '' ? `${at}: text content blocks must be non-empty` : null;
    case 'tool_use':
      return ID.test(textOf(id)) ? null : `${at}.tool_use.id: String should match pattern`;
    case 'image': {
      const isKnown = sourceType !== 'base64' || IMAGE_TYPES.includes(textOf(mediaType));
      return isKnown ? null : `${at}.image.source.base64.media_type: Input should be 'image/jpeg'`;
    }
    case 'thinking':
      return textOf(block['signature']) === '' ? `${at}: Invalid \`signature\`` : null;
    case 'tool_result':
    case 'document':
    case 'redacted_thinking':
      return null;
    default:
      return `${at}: Input tag '${textOf(type)}' found using 'type' does not match`;
  }
}

function brokenContent(message: unknown, at: string): string | null {
  const { role, content } = isObject(message) ? message : {};
  if (role !== 'user' && role !== 'assistant' && role !== 'system') {
    return `${at}.role: Input should be 'user' or 'assistant'`;
  }
  if (content === '' || (Array.isArray(content) && content.length === 0)) {
    return `${at}: all messages must have non-empty content`;
  }
  for (const [index, block] of blocksOf(message).entries()) {
    const wrong = brokenBlock(block, `${at}.content.${index}`);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** Results answer the calls of the turn before, all of them, and stand first. */
function brokenOrder(messages: readonly unknown[]): string | null {
  for (const [index, message] of [...messages, null].entries()) {
    const calls = idsOf(messages[index - 1], 'tool_use', 'id');
    const results = idsOf(message, 'tool_result', 'tool_use_id');
    const lost = calls.find((id) => !results.includes(id));
    if (lost !== undefined) {
      return `messages.${index - 1}: \`tool_use\` ids were found without \`tool_result\` blocks.`;
    }
    if (results.some((id) => !calls.includes(id))) {
      return `messages.${index}: unexpected \`tool_use_id\` found in \`tool_result\` blocks.`;
    }
    const types = blocksOf(message).map((block) => block['type']);
    if (types.slice(0, results.length).some((type) => type !== 'tool_result')) {
      return `messages.${index}: \`tool_result\` blocks must come first.`;
    }
  }
  return null;
}

function brokenMessage(body: JsonObject): string | null {
  const messages = listOf(body['messages']);
  if (messages.length === 0) return 'messages: at least one message is required';
  for (const [index, message] of messages.entries()) {
    const wrong = brokenContent(message, `messages.${index}`);
    if (wrong !== null) return wrong;
  }
  const last = messages.at(-1);
  if (isObject(last) && last['role'] === 'assistant') {
    const block = blocksOf(last).at(-1);
    const text = typeof last['content'] === 'string' ? last['content'] : textOf(block?.['text']);
    if (text !== text.trimEnd()) {
      return 'messages: final assistant content cannot end with trailing whitespace';
    }
  }
  return brokenOrder(messages);
}

/** The first rule of Anthropic's that the request breaks; `null` when it would be answered. */
export const brokenMessagesRule = (headers: IncomingHttpHeaders, body: JsonObject): string | null =>
  brokenParameter(headers, body) ?? brokenTool(body) ?? brokenMessage(body) ?? brokenThinking(body);
