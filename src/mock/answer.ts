// What the mock provider answers and how many tokens that is. Both wires dress up the same answer.

import { randomBytes } from 'node:crypto';
import { isObject, listOf, textOf, type JsonObject } from '../wire/shape.js';
import type { Steering } from './steering.js';

export interface Answer {
  /** Random, without the wire's prefix. */
  readonly id: string;
  readonly model: string;
  readonly text: string;
  /** The text in the pieces that a stream sends. */
  readonly pieces: readonly string[];
  readonly choices: number;
  readonly inputTokens: number;
  readonly cachedTokens: number;
  /** Of all choices together. */
  readonly outputTokens: number;
  readonly isTruncated: boolean;
  readonly hidesUsage: boolean;
}

/** An event of a stream, and the output tokens that have been generated once it is sent. */
export interface MockEvent {
  readonly text: string;
  readonly outputTokens: number;
}

const CANNED =
  'The mock provider gives this answer to every prompt, and bills you for it to the token. ';
const BYTES_PER_TOKEN = 4;
/** A body that is not streamed needs no more text than a person reads. */
const PLAIN_TEXT_MAX = 1024;
const STREAM_TEXT_MAX = 64 * 1024;
const PIECES_MAX = 16;

const contentTexts = (content: unknown): string[] =>
  typeof content === 'string'
    ? [content]
    : listOf(content).map((part) => (isObject(part) ? textOf(part['text']) : ''));

/** Every text of the prompt, in either wire. */
export function promptText(body: JsonObject): string {
  const messages = listOf(body['messages']).map((message) =>
    isObject(message) ? message['content'] : null,
  );
  return [body['system'], ...messages].flatMap(contentTexts).join('\n');
}

const tokensOf = (text: string): number => Math.ceil(Buffer.byteLength(text) / BYTES_PER_TOKEN);

function cutInPieces(text: string): string[] {
  const size = Math.max(1, Math.ceil(text.length / PIECES_MAX));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}

/** Configured counts are reported as they are; its own answer respects the request's limit. */
export function answer(body: JsonObject, steering: Steering): Answer {
  const limits = [body['max_tokens'], body['max_completion_tokens']];
  const limit = Math.min(...limits.map((each) => (typeof each === 'number' ? each : Infinity)));
  const choices = typeof body['n'] === 'number' ? body['n'] : 1;
  const ownTokens = tokensOf(CANNED);
  const outputTokens = steering.outputTokens ?? Math.min(ownTokens, limit) * choices;
  const textMax = body['stream'] === true ? STREAM_TEXT_MAX : PLAIN_TEXT_MAX;
  const length = Math.min(textMax, Math.ceil(outputTokens / choices) * BYTES_PER_TOKEN);
  const text = CANNED.repeat(Math.ceil(length / CANNED.length))
    .slice(0, length)
    .trimEnd();
  return {
    id: randomBytes(14).toString('hex'),
    model: textOf(body['model']),
    text,
    pieces: cutInPieces(text),
    choices,
    inputTokens: steering.inputTokens ?? Math.max(1, tokensOf(promptText(body))),
    cachedTokens: steering.cachedTokens,
    outputTokens,
    isTruncated: outputTokens / choices >= limit,
    hidesUsage: steering.hidesUsage,
  };
}

/** Output tokens after so many of the answer's pieces: all of them after the last. */
export const tokensAfter = (given: Answer, pieces: number): number =>
  Math.ceil((given.outputTokens * pieces) / Math.max(1, given.pieces.length));
