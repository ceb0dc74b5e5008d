// The most input tokens that parts which are not text can be billed as. Nothing is fetched and no
// bytes are decoded: a part is judged by its kind and by the length of what it carries.

export type Json = Record<string, unknown>;

export const isJson = (value: unknown): value is Json =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/**
 * The dearest documented image: 2,833 + 8 tiles × 5,667 = 48,169 tokens (gpt-4o-mini, high detail,
 * at most 768 × 2,048). Claude's and the patch models' images stay below 15,000.
 */
export const IMAGE_TOKENS_MAX = 50_000;

/** A PDF is billed by its pages, text and picture, which its bytes do not bound: a whole window. */
export const DOCUMENT_TOKENS_MAX = 1_000_000;

/** Tools that the provider runs itself feed their results back as input, round after round. */
export const HOSTED_TOOL_TOKENS_MAX = 2_000_000;

/** Anthropic adds a text of its own where there are tools: 549 tokens measured, doubled here. */
export const TOOL_PREAMBLE_TOKENS = 1_100;

/** What a tool costs beyond its own JSON. */
export const TOOL_TOKENS = 16;

/** A tool that the client runs but Anthropic defines (bash, text editor): its schema is theirs. */
const PROVIDER_SCHEMA_TOKENS = 2_048;

const CLIENT_RUN = /^(?:bash|text_editor|computer|memory)_/;

const textLength = (value: unknown): number => (typeof value === 'string' ? value.length : 0);

/** Base64 carried in the part: its length, in characters and so in bytes. */
export function payloadLength(part: Json): number {
  const holders = [part, part['source'], part['image_url'], part['file'], part['input_audio']];
  let length = 0;
  for (const holder of holders) {
    if (!isJson(holder)) continue;
    length += textLength(holder['data']) + textLength(holder['file_data']);
    const url = holder['url'];
    if (typeof url === 'string' && url.startsWith('data:')) length += url.length;
  }
  return length;
}

function isPlainText(part: Json): boolean {
  const source = part['source'];
  return isJson(source) && (source['type'] === 'text' || source['type'] === 'content');
}

/** The most that one content part can be billed as if it is media; 0 for everything else. */
export function mediaTokensMax(part: unknown): number {
  if (!isJson(part)) return 0;
  switch (part['type']) {
    case 'image_url':
    case 'image':
      return Math.max(IMAGE_TOKENS_MAX, payloadLength(part));
    case 'input_audio':
      // Ten tokens a second; the sparsest codec carries a thousand bytes a second.
      return payloadLength(part);
    case 'file':
    case 'video_url':
    case 'container_upload':
      return Math.max(DOCUMENT_TOKENS_MAX, payloadLength(part));
    case 'document':
      return isPlainText(part) ? 0 : Math.max(DOCUMENT_TOKENS_MAX, payloadLength(part));
    default:
      return 0;
  }
}

/** A message's parts, those inside tool results and documents among them. */
export function partsOf(content: unknown): unknown[] {
  const parts: unknown[] = [];
  for (const part of listOf(content)) {
    parts.push(part);
    if (!isJson(part)) continue;
    parts.push(...listOf(part['content']));
    if (isJson(part['source'])) parts.push(...listOf(part['source']['content']));
  }
  return parts;
}

function toolTokens(tool: unknown): number {
  const type = isJson(tool) ? tool['type'] : undefined;
  if (typeof type !== 'string' || type === 'function' || type === 'custom') return TOOL_TOKENS;
  return CLIENT_RUN.test(type) ? PROVIDER_SCHEMA_TOKENS : HOSTED_TOOL_TOKENS_MAX;
}

/** What tools cost beyond the tokens of their JSON. */
export function toolTokensMax(api: 'chat' | 'messages', body: Json): number {
  const tools = [...listOf(body['tools']), ...listOf(body['functions'])];
  let tokens = tools.length > 0 && api === 'messages' ? TOOL_PREAMBLE_TOKENS : 0;
  for (const tool of tools) tokens += toolTokens(tool);
  if (isJson(body['web_search_options'])) tokens += HOSTED_TOOL_TOKENS_MAX;
  if (listOf(body['mcp_servers']).length > 0) tokens += HOSTED_TOOL_TOKENS_MAX;
  return tokens;
}
