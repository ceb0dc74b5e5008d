// An upper bound on the input tokens a request can be billed for, from its size and the kinds of
// its parts. O(parts), never O(bytes): it runs on every request. It must never be too low.

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

/** Priming the reply, and what a translation to the other API adds around the whole. */
const FRAMING_TOKENS = 64;

/** A provider frames each message with at most these; its JSON already outweighs them. */
const MESSAGE_TOKENS = 4;

/**
 * A byte-level token covers at least one byte, and JSON text is never shorter than the string it
 * stands for, so the body's own bytes bound its text. Added is only what bytes do not bound.
 */
export function inputBound(api: 'chat' | 'messages', body: Json, bodyBytes: number): number {
  let tokens = bodyBytes + FRAMING_TOKENS + toolTokensMax(api, body);
  for (const message of listOf(body['messages'])) {
    tokens += MESSAGE_TOKENS;
    if (!isJson(message)) continue;
    for (const part of partsOf(message['content'])) {
      // What the part carries stands in the body's bytes already.
      if (isJson(part)) tokens += Math.max(0, mediaTokensMax(part) - payloadLength(part));
    }
    // An earlier spoken answer, referred to by id.
    if (isJson(message['audio'])) tokens += DOCUMENT_TOKENS_MAX;
  }
  return tokens;
}

/** No provider takes more input than the model's window. */
export function boundedByContext(
  bound: number,
  facts: { readonly contextTokens: number | null },
): number {
  return facts.contextTokens === null ? bound : Math.min(bound, facts.contextTokens);
}
