// The most input tokens that parts which are not text can be billed as. Nothing is fetched and no
// bytes are decoded: a part is judged by its kind and by the length of what it carries.

import type { Api } from '../kernel/api.js';

export type Json = Record<string, unknown>;

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A PDF is billed by its pages, text and picture, which its bytes do not bound: a whole window. */
export const DOCUMENT_TOKENS_MAX = 1_000_000;

/** Tools that the provider runs itself feed their results back as input, round after round. */
export const HOSTED_TOOL_TOKENS_MAX = 2_000_000;

/** Anthropic adds a text of its own where there are tools: 549 tokens measured, doubled here. */
export const TOOL_PREAMBLE_TOKENS = 1_100;

/** What a tool costs beyond its own JSON. */
export const TOOL_TOKENS = 16;

/**
 * A tool that the client runs but the provider defines (bash, text editor): its schema is theirs.
 */
const PROVIDER_SCHEMA_TOKENS = 2_048;

const CLIENT_RUN = /^(?:(?:bash|text_editor|computer|memory)_|(?:local_shell|apply_patch)$)/;

const textLength = (value: unknown): number => (typeof value === 'string' ? value.length : 0);

const isDataUrl = (value: unknown): boolean =>
  typeof value === 'string' && value.startsWith('data:');

/** Base64 carried in the part: its length, in characters and so in bytes. */
export function payloadLength(part: Json): number {
  const holders = [part, part['source'], part['file']];
  let length = 0;
  for (const holder of holders) {
    if (!isJson(holder)) continue;
    length += textLength(holder['data']) + textLength(holder['file_data']);
    if (isDataUrl(holder['url'])) length += textLength(holder['url']);
  }
  return length;
}

function isPlainText(part: Json): boolean {
  const source = part['source'];
  return isJson(source) && (source['type'] === 'text' || source['type'] === 'content');
}

const TEXTUAL =
  /^((input_|output_|summary_|reasoning_)?text|refusal|(redacted_)?thinking|tool_use|tool_result|search_result)$/;

/** Parts that say what they say in the body's own bytes. */
const isTextual = (type: unknown): boolean => typeof type !== 'string' || TEXTUAL.test(type);

/**
 * The most that one content part can be billed as if it is media; 0 for everything else. Pictures
 * and sound are not judged here: see picture.ts and sound.ts.
 */
export function mediaTokensMax(part: unknown): number {
  if (!isJson(part)) return 0;
  switch (part['type']) {
    case 'file':
    case 'input_file':
    case 'video_url':
    case 'container_upload':
      return Math.max(DOCUMENT_TOKENS_MAX, payloadLength(part));
    case 'document':
      return isPlainText(part) ? 0 : Math.max(DOCUMENT_TOKENS_MAX, payloadLength(part));
    default:
      // A kind that nobody knows may bring in anything, by a URL for one.
      return isTextual(part['type']) ? 0 : Math.max(DOCUMENT_TOKENS_MAX, payloadLength(part));
  }
}

/** What a tool result, or a document made of parts, holds. */
function* insideOf(part: Json): Generator {
  yield* listOf(part['content']);
  if (isJson(part['source'])) yield* listOf(part['source']['content']);
}

/** A message's parts, those inside tool results and documents among them. */
export function partsOf(content: unknown): unknown[] {
  const parts: unknown[] = [];
  for (const part of listOf(content)) {
    parts.push(part);
    if (!isJson(part)) continue;
    for (const inner of insideOf(part)) {
      parts.push(inner);
      // A tool's result may hold a document, and that images: the deepest the wires allow.
      if (isJson(inner)) for (const innermost of insideOf(inner)) parts.push(innermost);
    }
  }
  return parts;
}

function toolTokens(tool: unknown): number {
  const { type, tools } = isJson(tool) ? tool : {};
  if (type === 'namespace') {
    return listOf(tools).reduce<number>((sum, each) => sum + toolTokens(each), TOOL_TOKENS);
  }
  if (typeof type !== 'string' || type === 'function' || type === 'custom') return TOOL_TOKENS;
  return CLIENT_RUN.test(type) ? PROVIDER_SCHEMA_TOKENS : HOSTED_TOOL_TOKENS_MAX;
}

/** What tools cost beyond the tokens of their JSON. */
export function toolTokensMax(api: Api, body: Json): number {
  const tools = [...listOf(body['tools']), ...listOf(body['functions'])];
  let tokens = tools.length > 0 && api === 'messages' ? TOOL_PREAMBLE_TOKENS : 0;
  for (const tool of tools) tokens += toolTokens(tool);
  if (isJson(body['web_search_options'])) tokens += HOSTED_TOOL_TOKENS_MAX;
  if (listOf(body['mcp_servers']).length > 0) tokens += HOSTED_TOOL_TOKENS_MAX;
  return tokens;
}
