// Gathers the texts of a request that reach the model, and adds up the tokens of the frame around
// them. It knows messages, items and parts, not requests.

import { DOCUMENT_TOKENS_MAX, isJson, listOf, mediaTokensMax } from './media.js';
import { isPicture, type Picture, pictureOf } from './picture.js';
import { soundTokensMax } from './sound.js';

const TOKENS_PER_MESSAGE = 3;
const TOKENS_PER_NAME = 1;
const TOKENS_PRIMING = 3;

/** Parts after the first may be joined with a separator. */
const TOKENS_PER_PART = 2;

/** A tool call or result becomes a message, or a block, of its own. */
const TOKENS_PER_CALL = 8;

/** Members of a Responses item that name it to the API and never reach the model. */
const UNSEEN_MEMBERS = new Set(['id', 'status']);

const lengthOf = (value: unknown): number => (typeof value === 'string' ? value.length : 0);

export class PromptReader {
  readonly texts: string[] = [];
  readonly pictures: Picture[] = [];
  fixedTokens: number;

  constructor(fixedTokens = TOKENS_PRIMING) {
    this.fixedTokens = fixedTokens;
  }

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

  /** An item of a Responses input. */
  item(item: unknown): void {
    if (!isJson(item)) return this.json(item);
    const isMessage = item['type'] === undefined || item['type'] === 'message';
    this.fixedTokens += isMessage ? TOKENS_PER_MESSAGE : TOKENS_PER_CALL;
    for (const [key, value] of Object.entries(item)) {
      if (UNSEEN_MEMBERS.has(key)) continue;
      // What was encrypted may have been packed too: its length bounds it, its tokens need not.
      if (key === 'encrypted_content') this.fixedTokens += lengthOf(value);
      else if (key === 'output' && isJson(value)) this.part(value);
      else if (['content', 'output', 'summary'].includes(key)) this.content(value);
      else this.json(value);
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
    if (isPicture(part)) {
      this.pictures.push(pictureOf(part));
      return;
    }
    if (part['type'] === 'input_audio') {
      this.fixedTokens += soundTokensMax(part);
      return;
    }
    const media = mediaTokensMax(part);
    this.fixedTokens += media;
    switch (part['type']) {
      case 'text':
      case 'input_text':
      case 'output_text':
      case 'reasoning_text':
      case 'summary_text':
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
