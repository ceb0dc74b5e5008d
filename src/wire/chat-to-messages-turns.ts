// The messages of a chat as Anthropic's system text and turns. What chat spreads over several
// messages becomes one turn: Anthropic wants the speakers to alternate, and tool results to stand
// first in the turn that follows their calls.

import type { Crossing } from './crossing.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';
import { inputOf, toolCallId } from './tool-call.js';

type Role = 'user' | 'assistant';

interface Turn {
  readonly role: Role;
  readonly blocks: JsonObject[];
}

export interface Turns {
  /** In order, none of them empty. */
  readonly system: string[];
  readonly messages: JsonObject[];
}

/** `data:image/png;base64,…`, with parameters in between at most. */
const DATA_URL = /^data:([\w.+-]+\/[\w.+-]+)(?:;[\w.+-]+=[^;,]*)*;base64,/i;
const IMAGE_TYPES = /^image\/(?:jpeg|png|gif|webp)$/;

interface DataUrl {
  readonly mediaType: string;
  readonly data: string;
}

function readDataUrl(url: string): DataUrl | null {
  const match = DATA_URL.exec(url);
  if (match === null) return null;
  return { mediaType: (match[1] ?? '').toLowerCase(), data: url.slice(match[0].length) };
}

/** Anthropic refuses an empty text, which in a chat says nothing either. */
const textBlocks = (text: string): JsonObject[] => (text === '' ? [] : [{ type: 'text', text }]);

function imageBlocks(part: JsonObject, at: string, crossing: Crossing): JsonObject[] {
  const given = part['image_url'];
  const url = textOf(isObject(given) ? given['url'] : given);
  const inline = readDataUrl(url);
  if (inline !== null && IMAGE_TYPES.test(inline.mediaType)) {
    const { mediaType: media_type, data } = inline;
    return [{ type: 'image', source: { type: 'base64', media_type, data } }];
  }
  if (/^https?:/i.test(url)) return [{ type: 'image', source: { type: 'url', url } }];
  crossing.refuse(
    `${at}.image_url`,
    `'${at}.image_url' must be a URL or a data URL of a JPEG, PNG, GIF or WebP image.`,
  );
  return [];
}

function fileBlocks(part: JsonObject, at: string, crossing: Crossing): JsonObject[] {
  const { file_data: fileData, filename } = isObject(part['file']) ? part['file'] : {};
  const inline = readDataUrl(textOf(fileData));
  const title = textOf(filename) === '' ? {} : { title: filename };
  if (inline?.mediaType === 'application/pdf') {
    const source = { type: 'base64', media_type: inline.mediaType, data: inline.data };
    return [{ type: 'document', source, ...title }];
  }
  if (inline?.mediaType === 'text/plain') {
    const data = Buffer.from(inline.data, 'base64').toString('utf8');
    return [
      { type: 'document', source: { type: 'text', media_type: 'text/plain', data }, ...title },
    ];
  }
  const what = ': only the data URL of a PDF or of plain text';
  crossing.unsupported(`${at}.file`, what);
  return [];
}

function partBlocks(part: unknown, at: string, crossing: Crossing): JsonObject[] {
  const fields = isObject(part) ? part : {};
  switch (fields['type']) {
    case 'text':
      return textBlocks(textOf(fields['text']));
    case 'refusal':
      return textBlocks(textOf(fields['refusal']));
    case 'image_url':
      return imageBlocks(fields, at, crossing);
    case 'file':
      return fileBlocks(fields, at, crossing);
    default:
      crossing.unsupported(at, ` of type ${textOf(fields['type']) || 'unknown'}`);
      return [];
  }
}

function blocksOf(content: unknown, at: string, crossing: Crossing): JsonObject[] {
  if (isAbsent(content)) return [];
  if (typeof content === 'string') return textBlocks(content);
  if (!Array.isArray(content)) {
    crossing.refuse(at, `'${at}' must be a text or a list of content parts.`);
  }
  return listOf(content).flatMap((part, index) => partBlocks(part, `${at}[${index}]`, crossing));
}

function callBlock(call: unknown, at: string, crossing: Crossing): JsonObject {
  const { type, id, function: called } = isObject(call) ? call : {};
  if ((!isAbsent(type) && type !== 'function') || !isObject(called)) {
    crossing.unsupported(at, ` of type ${textOf(type) || 'unknown'}`);
  }
  const { name, arguments: args } = isObject(called) ? called : {};
  return { type: 'tool_use', id: toolCallId(id), name: textOf(name), input: inputOf(args) };
}

function assistantBlocks(message: JsonObject, at: string, crossing: Crossing): JsonObject[] {
  const { content, refusal, tool_calls: calls, function_call: older } = message;
  if (!isAbsent(older)) crossing.unsupported(`${at}.function_call`);
  return [
    ...blocksOf(content, `${at}.content`, crossing),
    ...textBlocks(textOf(refusal)),
    ...listOf(calls).map((call, index) => callBlock(call, `${at}.tool_calls[${index}]`, crossing)),
  ];
}

function resultBlock(message: JsonObject, at: string, crossing: Crossing): JsonObject {
  const blocks = blocksOf(message['content'], `${at}.content`, crossing);
  const tool_use_id = toolCallId(message['tool_call_id']);
  return { type: 'tool_result', tool_use_id, content: contentOf(blocks) };
}

/** A single text stands for itself. */
function contentOf(blocks: readonly JsonObject[]): unknown {
  const [only] = blocks;
  if (only === undefined) return '';
  return blocks.length === 1 && only['type'] === 'text' ? only['text'] : blocks;
}

const isResult = (block: JsonObject): boolean => block['type'] === 'tool_result';

const resultsFirst = (blocks: readonly JsonObject[]): JsonObject[] => [
  ...blocks.filter(isResult),
  ...blocks.filter((block) => !isResult(block)),
];

/** Anthropic refuses an answer of its own that ends in white space and is to be continued. */
function withoutTrailingSpace(turns: readonly Turn[]): void {
  const last = turns.at(-1);
  const block = last?.blocks.at(-1);
  if (last?.role !== 'assistant' || block?.['type'] !== 'text') return;
  last.blocks.splice(-1, 1, ...textBlocks(textOf(block['text']).trimEnd()));
}

class Conversation {
  readonly system: string[] = [];
  readonly turns: Turn[] = [];
  readonly #crossing: Crossing;

  constructor(crossing: Crossing) {
    this.#crossing = crossing;
  }

  take(message: unknown, at: string): void {
    const crossing = this.#crossing;
    const fields = isObject(message) ? message : {};
    if (!isAbsent(fields['name'])) crossing.drop('messages.name');
    const content = `${at}.content`;
    switch (fields['role']) {
      case 'system':
      case 'developer': {
        for (const block of blocksOf(fields['content'], content, crossing)) {
          if (block['type'] === 'text') this.system.push(textOf(block['text']));
          else crossing.unsupported(content, ' with more than text');
        }
        return;
      }
      case 'user':
        return this.#add('user', blocksOf(fields['content'], content, crossing));
      case 'assistant':
        return this.#add('assistant', assistantBlocks(fields, at, crossing));
      case 'tool':
        return this.#add('user', [resultBlock(fields, at, crossing)]);
      default: {
        const allowed = 'must be system, developer, user, assistant or tool';
        crossing.refuse(`${at}.role`, `'${at}.role' ${allowed} with an Anthropic model.`);
      }
    }
  }

  #add(role: Role, blocks: readonly JsonObject[]): void {
    if (blocks.length === 0) return;
    const last = this.turns.at(-1);
    if (last?.role === role) last.blocks.push(...blocks);
    else this.turns.push({ role, blocks: [...blocks] });
  }
}

export function messagesTurns(body: JsonObject, crossing: Crossing): Turns {
  const conversation = new Conversation(crossing);
  for (const [index, message] of listOf(body['messages']).entries()) {
    conversation.take(message, `messages[${index}]`);
  }
  const { system, turns } = conversation;
  withoutTrailingSpace(turns);
  const messages = turns
    .filter(({ blocks }) => blocks.length > 0)
    .map(({ role, blocks }) => ({ role, content: contentOf(resultsFirst(blocks)) }));
  if (messages.length === 0) {
    crossing.refuse(
      'messages',
      "'messages' must hold a message of the user's that says something.",
    );
  }
  return { system, messages };
}
