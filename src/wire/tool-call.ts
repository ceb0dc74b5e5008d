// What a tool call needs to cross between the wires: a name and an id that the other wire accepts,
// the same for the call and for its result, and arguments as text here and as an object there.

import { createHash } from 'node:crypto';
import { isAbsent, isObject, listOf, parseObject, textOf, type JsonObject } from './shape.js';

/** OpenAI's limit for a function's name; Anthropic grants 128 characters. */
const CHAT_NAME_MAX = 64;

/** OpenAI's limit for a call's id. */
const ID_MAX = 40;
const PLAIN_ID = new RegExp(`^[\\w-]{1,${ID_MAX}}$`);

const DIGEST_LENGTH = 8;

const digest = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, DIGEST_LENGTH);

/** What is left of a text beside `_` and its digest, which keeps two long texts apart. */
const shortened = (text: string, kept: string, lengthMax: number): string =>
  `${kept.slice(0, lengthMax - DIGEST_LENGTH - 1)}_${digest(text)}`;

/** The tools' names as the provider knows them → as the client does, where they differ. */
export type ToolNames = ReadonlyMap<string, string>;

export const NO_TOOL_NAMES: ToolNames = new Map();

export const chatToolName = (name: string): string =>
  name.length <= CHAT_NAME_MAX ? name : shortened(name, name, CHAT_NAME_MAX);

/** The way back from the shortened names of a Messages request's tools. */
export function toolNamesOf(tools: unknown): ToolNames {
  const names = new Map<string, string>();
  for (const tool of listOf(tools)) {
    const name = isObject(tool) ? textOf(tool['name']) : '';
    const shorter = chatToolName(name);
    if (shorter !== name) names.set(shorter, name);
  }
  return names;
}

/** An id that both wires accept; most are kept as they are. */
export function toolCallId(id: unknown): string {
  const text = textOf(id);
  if (text === '' || PLAIN_ID.test(text)) return text;
  return shortened(text, text.replaceAll(/[^\w-]/g, '_'), ID_MAX);
}

/** A chat call's arguments as an object. What is not one is handed over as it came, in a member. */
export function inputOf(given: unknown): JsonObject {
  if (isObject(given)) return given;
  if (isAbsent(given)) return {};
  const text = typeof given === 'string' ? given : JSON.stringify(given);
  if (text.trim() === '') return {};
  return parseObject(text) ?? { raw_arguments: text };
}
