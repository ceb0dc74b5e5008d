// What of a request reaches the model: every text, and the tokens its frame costs. The tokens of
// the texts plus the fixed ones are never below what is billed. On plain chat messages they equal
// OpenAI's published rule (cookbook, "How to count tokens with tiktoken"). Nothing here is kept.

import {
  DOCUMENT_TOKENS_MAX,
  type Json,
  isJson,
  listOf,
  mediaTokensMax,
  toolTokensMax,
} from './media.js';

export interface Prompt {
  readonly texts: string[];
  readonly fixedTokens: number;
}

const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_NAME = 1;
const TOKENS_PRIMING = 3;

/** Parts after the first may be joined with a separator. */
const TOKENS_PER_PART = 2;

/** A tool call or result becomes a message, or a block, of its own. */
const TOKENS_PER_CALL = 8;

/** Fields of a request, besides messages and tools, whose content is put into the prompt. */
const PROMPT_FIELDS = {
  chat: ['response_format', 'tool_choice', 'function_call'],
  messages: ['tool_choice', 'output_config', 'output_format'],
} as const;

class PromptReader {
  readonly texts: string[] = [];
  fixedTokens = TOKENS_PRIMING;

  text(value: unknown): void {
    if (typeof value === 'string' && value !== '') this.texts.push(value);
  }

  /** Whatever we have no rule for counts as the text it is. */
  json(value: unknown): void {
    if (typeof value === 'string') this.text(value);
    else if (value !== undefined && value !== null) this.texts.push(JSON.stringify(value));
  }

  message(message: unknown): void {
    this.fixedTokens += TOKENS_PER_MESSAGE;
    if (!isJson(message)) return this.json(message);
    for (const [key, value] of Object.entries(message)) {
      if (key === 'content') this.content(value);
      else if (key === 'tool_calls') this.calls(value);
      else if (key === 'audio') this.fixedTokens += isJson(value) ? DOCUMENT_TOKENS_MAX : 0;
      else this.json(value);
      if (key === 'name') this.fixedTokens += TOKENS_PER_NAME;
    }
  }

  content(content: unknown): void {
    if (!Array.isArray(content)) return this.json(content);
    for (const part of content) {
      this.fixedTokens += TOKENS_PER_PART;
      this.part(part);
    }
  }

  part(part: unknown): void {
    if (!isJson(part)) return this.json(part);
    const media = mediaTokensMax(part);
    this.fixedTokens += media;
    switch (part['type']) {
      case 'text':
        return this.text(part['text']);
      case 'tool_result':
        this.fixedTokens += TOKENS_PER_CALL;
        return this.content(part['content']);
      case 'tool_use':
        this.fixedTokens += TOKENS_PER_CALL;
        this.text(part['name']);
        return this.json(part['input']);
      case 'document':
        this.text(part['title']);
        this.text(part['context']);
        return this.source(part['source']);
      default:
        // Media costs what its kind costs.
        if (media === 0) this.json(part);
    }
  }

  source(source: unknown): void {
    if (!isJson(source)) return;
    if (source['type'] === 'text') this.text(source['data']);
    else if (source['type'] === 'content') this.content(source['content']);
  }

  calls(calls: unknown): void {
    for (const call of listOf(calls)) {
      this.fixedTokens += TOKENS_PER_CALL;
      const body = isJson(call) ? (call['function'] ?? call['custom']) : undefined;
      if (!isJson(body)) this.json(call);
      else for (const value of Object.values(body)) this.json(value);
    }
  }
}

export function promptTexts(api: 'chat' | 'messages', body: Json): Prompt {
  const reader = new PromptReader();
  reader.fixedTokens += toolTokensMax(api, body);
  for (const message of listOf(body['messages'])) reader.message(message);
  if (body['system'] !== undefined && api === 'messages') {
    reader.message({ role: 'system', content: body['system'] });
  }
  for (const tool of [...listOf(body['tools']), ...listOf(body['functions'])]) reader.json(tool);
  for (const field of PROMPT_FIELDS[api]) {
    const value = body[field];
    if (isJson(value)) reader.json(value);
  }
  return { texts: reader.texts, fixedTokens: reader.fixedTokens };
}

/** Models whose published counting rule is exact; newer ones prepend instructions of their own. */
const EXACT = /^(?:openai\/)?(?:gpt-3\.5|gpt-35|gpt-4)/;

/** The largest such preamble seen was about 100 tokens (gpt-5.1). */
const HIDDEN_TOKENS = 256;

/** Tokens that a provider adds to the prompt unseen: to be added to an exact count. */
export const hiddenTokensMax = (upstreamModel: string): number =>
  EXACT.test(upstreamModel) ? 0 : HIDDEN_TOKENS;
