// What of a request reaches the model: every text, and the tokens its frame costs. The tokens of
// the texts plus the fixed ones are never below what is billed. On plain chat messages they equal
// OpenAI's published rule (cookbook, "How to count tokens with tiktoken"). Nothing here is kept.

import type { Api } from '../kernel/api.js';
import { bareTexts, tokenIds } from './bare-inputs.js';
import { type Json, isJson, listOf, toolTokensMax } from './media.js';
import type { Picture } from './picture.js';
import { PromptReader } from './prompt-reader.js';

export interface Prompt {
  readonly texts: string[];
  readonly fixedTokens: number;
  readonly pictures: readonly Picture[];
}

/** Fields of a request, besides messages and tools, whose content is put into the prompt. */
const PROMPT_FIELDS = {
  chat: ['response_format', 'tool_choice', 'function_call'],
  messages: ['tool_choice', 'output_config', 'output_format'],
  responses: ['text', 'tool_choice'],
} as const;

const promptOf = ({ texts, fixedTokens, pictures }: PromptReader): Prompt => ({
  texts,
  fixedTokens,
  pictures,
});

const isNothing = (value: unknown): boolean => value === undefined || value === null;

function conversation(api: 'chat' | 'messages' | 'responses', body: Json): Prompt {
  const reader = new PromptReader();
  reader.fixedTokens += toolTokensMax(api, body);
  if (api === 'responses') {
    const { input, instructions } = body;
    if (!isNothing(instructions)) reader.message({ role: 'system', content: instructions });
    if (typeof input === 'string') reader.message({ role: 'user', content: input });
    for (const item of listOf(input)) reader.item(item);
  }
  for (const message of listOf(body['messages'])) reader.message(message);
  if (body['system'] !== undefined && api === 'messages') {
    reader.message({ role: 'system', content: body['system'] });
  }
  for (const tool of [...listOf(body['tools']), ...listOf(body['functions'])]) reader.json(tool);
  for (const field of PROMPT_FIELDS[api]) {
    const value = body[field];
    if (isJson(value)) reader.json(value);
  }
  return promptOf(reader);
}

/** What stands between the text before and the text behind a completion. */
const TOKENS_PER_SUFFIX = 8;

/** Texts without a frame. Token ids are counted already, and an empty text becomes one token. */
function bare(input: unknown, suffix: unknown): Prompt {
  const texts = bareTexts(input);
  const reader = new PromptReader(tokenIds(input) ?? 0);
  for (const text of texts) reader.text(text);
  reader.fixedTokens += texts.length - reader.texts.length;
  if (typeof suffix === 'string') {
    reader.fixedTokens += TOKENS_PER_SUFFIX;
    reader.text(suffix);
  }
  return promptOf(reader);
}

/** Of a request without hidden context: what the provider adds cannot be counted here. */
export function promptTexts(api: Api, body: Json): Prompt {
  switch (api) {
    case 'completions':
      return bare(body['prompt'] ?? '', body['suffix']);
    case 'embeddings':
      return bare(body['input'], null);
    default:
      return conversation(api, body);
  }
}

/** Models whose published counting rule is exact; newer ones prepend instructions of their own. */
const EXACT = /^(?:openai\/)?(?:gpt-3\.5|gpt-35|gpt-4|text-embedding-|davinci-|babbage-)/;

/** The largest such preamble seen was about 100 tokens (gpt-5.1). */
const HIDDEN_TOKENS = 256;

/** Tokens that a provider adds to the prompt unseen: to be added to an exact count. */
export const hiddenTokensMax = (upstreamModel: string): number =>
  EXACT.test(upstreamModel) ? 0 : HIDDEN_TOKENS;
