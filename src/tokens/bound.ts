// An upper bound on the input tokens a request can be billed for, from its size and the kinds of
// its parts. O(parts), never O(bytes): it runs on every request. It must never be too low.

import type { Api } from '../kernel/api.js';
import { inputsMax, tokenIds } from './bare-inputs.js';
import {
  DOCUMENT_TOKENS_MAX,
  type Json,
  isJson,
  listOf,
  mediaTokensMax,
  partsOf,
  payloadLength,
  toolTokensMax,
} from './media.js';
import { soundOf, soundTokensMax } from './sound.js';
import { isPicture, type Picture, pictureOf, picturesMax, type Viewer } from './picture.js';

/** Priming the reply, and what a translation to the other API adds around the whole. */
const FRAMING_TOKENS = 64;

/** A provider frames each message with at most these; its JSON already outweighs them. */
const MESSAGE_TOKENS = 4;

/** Special tokens around an input, and the few words that some servers put before it. */
const BARE_INPUT_TOKENS = 16;

/** UTF-16 units have at most this many bytes of UTF-8. */
const BYTES_PER_UNIT = 3;

const NO_PARTS: readonly unknown[] = [];

/** The parts of a message or item that may be media. */
function mediaParts(item: Json): readonly unknown[] {
  const { content, output } = item;
  // A text, as nearly every message.
  if (typeof content === 'string' && output === undefined) return NO_PARTS;
  return [
    ...partsOf(content),
    // What a tool of the Responses API gave back: a text, a list of parts, or a screenshot.
    ...partsOf(isJson(output) ? [output] : output),
  ];
}

/** What any model bills, and the pictures, for which each has a formula of its own. */
export interface InputBound {
  readonly tokens: number;
  readonly pictures: readonly Picture[];
}

const NO_PICTURES: readonly Picture[] = [];

function conversationBound(api: Api, body: Json, bodyBytes: number): InputBound {
  const pictures: Picture[] = [];
  let tokens = bodyBytes + FRAMING_TOKENS + toolTokensMax(api, body);
  for (const message of listOf(api === 'responses' ? body['input'] : body['messages'])) {
    tokens += MESSAGE_TOKENS;
    if (!isJson(message)) continue;
    for (const part of mediaParts(message)) {
      if (!isJson(part)) continue;
      if (isPicture(part)) {
        const picture = pictureOf(part);
        tokens -= picture.carried;
        pictures.push(picture);
        continue;
      }
      if (part['type'] === 'input_audio') {
        tokens += soundTokensMax(part) - soundOf(part).length;
        continue;
      }
      // What the part carries stands in the body's bytes already.
      tokens += Math.max(0, mediaTokensMax(part) - payloadLength(part));
    }
    // An earlier spoken answer, referred to by id.
    if (isJson(message['audio'])) tokens += DOCUMENT_TOKENS_MAX;
  }
  return { tokens, pictures };
}

/** Token ids are counted, not bounded: nothing else of such a request but a suffix has a length. */
function bareBound(input: unknown, suffix: unknown, bodyBytes: number): number {
  const frame = FRAMING_TOKENS + BARE_INPUT_TOKENS * inputsMax(input);
  const ids = tokenIds(input);
  if (ids === null) return bodyBytes + frame;
  return ids + frame + (typeof suffix === 'string' ? suffix.length * BYTES_PER_UNIT : 0);
}

/**
 * A byte-level token covers at least one byte, and JSON text is never shorter than the string it
 * stands for, so the body's own bytes bound its text. Added is only what bytes do not bound. A
 * request with hidden context has no bound but the model's window.
 */
export function inputBound(api: Api, body: Json, bodyBytes: number): InputBound {
  switch (api) {
    case 'completions':
      return {
        tokens: bareBound(body['prompt'], body['suffix'], bodyBytes),
        pictures: NO_PICTURES,
      };
    case 'embeddings':
      return { tokens: bareBound(body['input'], null, bodyBytes), pictures: NO_PICTURES };
    default:
      return conversationBound(api, body, bodyBytes);
  }
}

/** All that a model can be billed for the input. */
export const boundFor = ({ tokens, pictures }: InputBound, viewer: Viewer): number =>
  tokens + picturesMax(pictures, viewer);

/** No provider takes more input than the model's window, for each prompt of a list. */
export function boundedByContext(
  bound: number,
  facts: { readonly contextTokens: number | null },
  prompts = 1,
): number {
  return facts.contextTokens === null ? bound : Math.min(bound, facts.contextTokens * prompts);
}
