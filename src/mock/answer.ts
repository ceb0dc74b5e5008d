// What the mock provider answers and how many tokens that is. All wires dress up the same answer.

import { randomBytes } from 'node:crypto';
import { textOf, type JsonObject } from '../wire/shape.js';
import { conversationDemand, tokensOf, type Demand } from './demand.js';
import type { Steering } from './steering.js';
import { givenJson, toolCalls, type ToolCall } from './tool-call.js';

export interface Answer {
  /** Random, without the wire's prefix. */
  readonly id: string;
  readonly model: string;
  readonly text: string;
  /** The text in the pieces that a stream sends. */
  readonly pieces: readonly string[];
  /** The text declines to answer. */
  readonly isRefusal: boolean;
  /** Before the text; empty without it. */
  readonly thinking: string;
  /** Behind the text. */
  readonly calls: readonly ToolCall[];
  readonly interleavesCalls: boolean;
  readonly choices: number;
  readonly inputTokens: number;
  /** Classes of the input and output, tools and the tier, as the steering has them. */
  readonly classes: Steering;
  /** Of all choices together. */
  readonly outputTokens: number;
  /** The share of one choice's output that is thinking. */
  readonly thinkingTokens: number;
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
const REFUSAL = 'The mock provider cannot help with that.';
const THINKING = 'The mock provider weighs its only answer against all others.';
const BEFORE_CALLS = 'The mock provider calls its tools.';
const BYTES_PER_TOKEN = 4;
/** A body that is not streamed needs no more text than a person reads. */
const PLAIN_TEXT_MAX = 1024;
const STREAM_TEXT_MAX = 64 * 1024;
const PIECES_MAX = 16;

export function cutInPieces(text: string, piecesMax: number): string[] {
  const size = Math.max(1, Math.ceil(text.length / piecesMax));
  return Array.from({ length: Math.ceil(text.length / size) }, (_, index) =>
    text.slice(index * size, (index + 1) * size),
  );
}

/** What the provider says when nothing tells how long it should be. */
function ownText(steering: Steering, calls: readonly ToolCall[]): string {
  if (steering.refuses) return REFUSAL;
  if (calls.length > 0) return steering.addsText ? BEFORE_CALLS : '';
  return CANNED;
}

/** The canned answer at the length that so many tokens make. */
function textOfLength(tokens: number, isStream: boolean): string {
  const textMax = isStream ? STREAM_TEXT_MAX : PLAIN_TEXT_MAX;
  const length = Math.min(textMax, tokens * BYTES_PER_TOKEN);
  return CANNED.repeat(Math.ceil(length / CANNED.length))
    .slice(0, length)
    .trimEnd();
}

/** Configured counts are reported as they are; its own answer respects the request's limit. */
export function answer(
  body: JsonObject,
  steering: Steering,
  demand: Demand = conversationDemand(body),
): Answer {
  const { choices } = demand;
  // Without output there is nothing to limit.
  const limit = demand.outputLimit ?? 0;
  const calls = toolCalls(body);
  const own = givenJson(body) ?? ownText(steering, calls);
  const thinking = steering.thinks ? THINKING : '';
  const called = calls.map((call) => call.name + call.arguments).join('');
  const ownTokens = tokensOf(thinking + own + called);
  const outputTokens =
    demand.outputLimit === null
      ? 0
      : (steering.outputTokens ?? Math.min(ownTokens, limit) * choices);
  const isCanned = own === CANNED && !steering.thinks;
  const text = isCanned
    ? textOfLength(Math.ceil(outputTokens / choices), body['stream'] === true)
    : own.trimEnd();
  return {
    id: randomBytes(14).toString('hex'),
    model: textOf(body['model']),
    text,
    pieces: cutInPieces(text, PIECES_MAX),
    isRefusal: steering.refuses,
    thinking,
    calls,
    interleavesCalls: steering.interleaves,
    choices,
    inputTokens: steering.inputTokens ?? demand.inputTokens,
    classes: steering,
    outputTokens,
    thinkingTokens: tokensOf(thinking),
    isTruncated: demand.outputLimit !== null && outputTokens / choices >= limit,
    hidesUsage: steering.hidesUsage,
  };
}

/** Output tokens after so many of the text's pieces: all of them after the last. */
export const tokensAfter = (given: Answer, pieces: number): number =>
  tokensAt(given, pieces, given.pieces.length);

/** Output tokens after so many of a stream's steps: all of them after the last. */
export const tokensAt = (given: Answer, step: number, steps: number): number =>
  Math.ceil((given.outputTokens * step) / Math.max(1, steps));
