// What a request asks of the mock provider, read from where its wire keeps it: how many answers,
// how long, and to how much input.

import { isObject, listOf, textOf, type JsonObject } from '../wire/shape.js';

export interface Demand {
  /** Answers that are generated and billed. */
  readonly choices: number;
  /** Output tokens of each at most; `Infinity` without a limit, `null` where there is no output. */
  readonly outputLimit: number | null;
  readonly inputTokens: number;
}

const BYTES_PER_TOKEN = 4;

/** The mock's own tokenizer. */
export const tokensOf = (text: string): number =>
  Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

function contentTexts(content: unknown): string[] {
  if (typeof content === 'string') return [content];
  return listOf(content).map((part) => (isObject(part) ? textOf(part['text']) : textOf(part)));
}

function itemTexts(item: unknown): string[] {
  if (!isObject(item)) return [textOf(item)];
  return [item['content'], item['output'], item['arguments']].flatMap(contentTexts);
}

/** Every text of the prompt, in any wire. */
export function promptText(body: JsonObject): string {
  const { system, instructions, messages, prompt, input } = body;
  const items = typeof input === 'string' ? [input] : listOf(input);
  return [
    ...[system, instructions, prompt].flatMap(contentTexts),
    ...[...listOf(messages), ...items].flatMap(itemTexts),
  ].join('\n');
}

const count = (value: unknown, fallback: number): number =>
  typeof value === 'number' ? value : fallback;

/** Of a chat, a message or a response. */
export const conversationDemand = (body: JsonObject): Demand => ({
  choices: count(body['n'], 1),
  outputLimit: Math.min(
    count(body['max_tokens'], Infinity),
    count(body['max_completion_tokens'], Infinity),
    count(body['max_output_tokens'], Infinity),
  ),
  inputTokens: Math.max(1, tokensOf(promptText(body))),
});

/** The inputs one by one: texts, or lists of token ids. */
export function inputsOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) return [textOf(value)];
  return typeof value[0] === 'number' ? [value] : value;
}

const inputTokens = (inputs: readonly unknown[]): number =>
  inputs.reduce<number>(
    (sum, input) =>
      sum + (Array.isArray(input) ? input.length : Math.max(1, tokensOf(textOf(input)))),
    0,
  );

const COMPLETION_TOKENS_DEFAULT = 16;

export function completionsDemand(body: JsonObject): Demand {
  const prompts = inputsOf(body['prompt']);
  return {
    choices: Math.max(count(body['n'], 1), count(body['best_of'], 1)) * prompts.length,
    outputLimit: count(body['max_tokens'], COMPLETION_TOKENS_DEFAULT),
    inputTokens: inputTokens(prompts),
  };
}

export const embeddingsDemand = (body: JsonObject): Demand => ({
  choices: 1,
  outputLimit: null,
  inputTokens: inputTokens(inputsOf(body['input'])),
});
