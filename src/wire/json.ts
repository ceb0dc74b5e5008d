// Finds and edits the top-level members of a JSON object without parsing or rebuilding the rest:
// a provider's bytes stay the provider's. Every function expects bytes that JSON.parse has accepted
// as an object; on other bytes the result is meaningless, but no loop runs past the end.

import { isAscii, putAscii } from '../kernel/ascii.js';

export interface Span {
  readonly keyStart: number;
  readonly valueStart: number;
  readonly valueEnd: number;
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;
const SPACE_MAX = 0x20;

/** A view on the same memory, never a copy. */
export const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);

function skipSpace(bytes: Buffer, from: number): number {
  let at = from;
  while (at < bytes.length && (bytes[at] ?? 0) <= SPACE_MAX) at++;
  return at;
}

/** Up to here a loop beats the call into native code. */
const SHORT_STRING = 32;

/** The index after the closing quote of the string that opens at `from`; the end without one. */
export function skipString(bytes: Buffer, from: number): number {
  for (let at = from + 1; ;) {
    const nearEnd = Math.min(bytes.length, at + SHORT_STRING);
    while (at < nearEnd) {
      const byte = bytes[at];
      if (byte === QUOTE) return at + 1;
      at += byte === BACKSLASH ? 2 : 1;
    }
    // Here `at` is never the second half of an escape: backslashes are counted back to it at most.
    const quote = bytes.indexOf(QUOTE, at);
    if (quote < 0) return bytes.length;
    let slashes = 0;
    while (quote - slashes > at && bytes[quote - slashes - 1] === BACKSLASH) slashes++;
    if (slashes % 2 === 0) return quote + 1;
    at = quote + 1;
  }
}

function skipNested(bytes: Buffer, from: number): number {
  let depth = 0;
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at);
      continue;
    }
    at++;
    if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
    else if ((byte === CLOSE_BRACE || byte === CLOSE_BRACKET) && --depth === 0) return at;
  }
  return at;
}

function skipValue(bytes: Buffer, from: number): number {
  const first = bytes[from];
  if (first === QUOTE) return skipString(bytes, from);
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return skipNested(bytes, from);
  let at = from;
  while (at < bytes.length) {
    const byte = bytes[at] ?? 0;
    if (byte === COMMA || byte === CLOSE_BRACE || byte <= SPACE_MAX) break;
    at++;
  }
  return at;
}

/**
 * Every member in order, duplicates included. No list of them is kept: a body may hold millions.
 */
function* members(bytes: Buffer): Generator<Span, void, void> {
  let at = skipSpace(bytes, bytes.indexOf(OPEN_BRACE) + 1);
  while (bytes[at] === QUOTE) {
    const keyStart = at;
    at = skipSpace(bytes, skipString(bytes, at));
    if (bytes[at] === COLON) at++;
    const valueStart = skipSpace(bytes, at);
    const valueEnd = skipValue(bytes, valueStart);
    yield { keyStart, valueStart, valueEnd };
    at = skipSpace(bytes, valueEnd);
    if (bytes[at] === COMMA) at = skipSpace(bytes, at + 1);
  }
}

function keyText(bytes: Buffer, { keyStart }: Span): string {
  const text = bytes.toString('utf8', keyStart + 1, skipString(bytes, keyStart) - 1);
  return text.includes('\\') ? String(JSON.parse(`"${text}"`)) : text;
}

/**
 * Objects and lists in each other beyond this are refused. What clients send nests some twenty deep
 * (tools with their schemas most of all); tens of thousands overrun the stack of whoever walks it.
 */
export const DEPTH_MAX = 128;

/**
 * More values than this are refused in a body: 32 MB of `{},` make eleven million objects, which
 * take a thread seconds and 700 MB. The most that an API takes are the 300,000 tokens of a batch of
 * embeddings.
 */
export const VALUES_MAX = 500_000;

/** Too short to nest deep enough to hurt anybody: not worth a look. */
const SHALLOW_BYTES_MAX = 1024;

export interface Outline {
  /** Members at the top, duplicates included. */
  readonly members: number;
  /** Why it should not be parsed; what is behind the place where that shows is not looked at. */
  readonly fault: 'too deep' | 'too many values' | null;
}

/** How JSON is built, before anybody parses it. Of bytes that are none the members mean nothing. */
export function outline(source: Uint8Array, valuesMax = VALUES_MAX): Outline {
  const bytes = asBuffer(source);
  let found = 0;
  let depth = 0;
  let values = 1;
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at);
      continue;
    }
    at++;
    if (byte === COMMA) {
      if (++values > valuesMax) return { members: found, fault: 'too many values' };
    } else if (byte === COLON) {
      if (depth === 1) found++;
    } else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > DEPTH_MAX) return { members: found, fault: 'too deep' };
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
  }
  return { members: found, fault: null };
}

/** Of JSON that a provider sent, or that stands in a text. */
export const isTooDeep = (source: Uint8Array | string): boolean =>
  source.length > SHALLOW_BYTES_MAX &&
  outline(typeof source === 'string' ? Buffer.from(source) : source, Infinity).fault !== null;

const NULL = Buffer.from('null');

/** The same JSON with `null` for whatever nests too deep: what stands above it can be read. */
export function withoutDepths(source: Uint8Array): Buffer {
  const bytes = asBuffer(source);
  const pieces: Uint8Array[] = [];
  let copied = 0;
  let depth = 0;
  for (let at = 0; at < bytes.length;) {
    const byte = bytes[at];
    if (byte === QUOTE) {
      at = skipString(bytes, at);
    } else if (depth === DEPTH_MAX && (byte === OPEN_BRACE || byte === OPEN_BRACKET)) {
      pieces.push(bytes.subarray(copied, at), NULL);
      copied = at = skipNested(bytes, at);
    } else {
      at++;
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) depth++;
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--;
    }
  }
  return Buffer.concat([...pieces, bytes.subarray(copied)]);
}

/** Where each member stands; of duplicates the last, as JSON.parse has it. */
export function topLevelMembers(source: Uint8Array): Map<string, Span> {
  const bytes = asBuffer(source);
  const found = new Map<string, Span>();
  for (const span of members(bytes)) found.set(keyText(bytes, span), span);
  return found;
}

export interface MemberEdits {
  /** Name → JSON text. Added last when absent. */
  readonly set?: Readonly<Record<string, string>>;
  readonly remove?: readonly string[];
}

/**
 * Sets and removes top-level members; every other byte stays. All duplicates of a name are edited,
 * so that a parser which takes the first one reads the same value as one which takes the last.
 */
export function editMembers(source: Uint8Array, edits: MemberEdits): Buffer {
  const bytes = asBuffer(source);
  const set = new Map(Object.entries(edits.set ?? {}));
  const removed = new Set(edits.remove);
  const absent = new Map(set);
  const pieces: Uint8Array[] = [];
  let copied = 0;
  /** Where the removed members begin that no kept one has followed yet. */
  let goneStart: number | null = null;
  let keptEnd: number | null = null;
  let lastEnd = 0;
  for (const span of members(bytes)) {
    const key = keyText(bytes, span);
    lastEnd = span.valueEnd;
    if (removed.has(key)) {
      goneStart ??= span.keyStart;
      continue;
    }
    // With a kept member behind them, removed ones go together with their commas.
    if (goneStart !== null) {
      pieces.push(bytes.subarray(copied, goneStart));
      copied = span.keyStart;
      goneStart = null;
    }
    keptEnd = span.valueEnd;
    const text = set.get(key);
    if (text === undefined) continue;
    absent.delete(key);
    pieces.push(bytes.subarray(copied, span.valueStart), Buffer.from(text));
    copied = span.valueEnd;
  }
  // Behind the last kept member everything goes at once, the comma before it too.
  if (goneStart !== null) {
    pieces.push(bytes.subarray(copied, keptEnd ?? goneStart));
    copied = lastEnd;
  }
  pieces.push(bytes.subarray(copied));
  const added = [...absent].map(([key, value]) => `${JSON.stringify(key)}:${value}`);
  return appendMembers(Buffer.concat(pieces), added.join(','));
}

/**
 * Puts `"name":value,…` behind the object's last member. No members, or no object: the same bytes.
 */
export function appendMembers(source: Uint8Array, text: string): Buffer {
  const bytes = asBuffer(source);
  if (text === '') return bytes;
  let at = bytes.lastIndexOf(CLOSE_BRACE);
  if (at < 0) return bytes;
  while (at > 0 && (bytes[at - 1] ?? 0) <= SPACE_MAX) at--;
  const added = bytes[at - 1] === OPEN_BRACE ? text : `,${text}`;
  const isPlain = isAscii(added);
  const addedBytes = isPlain ? added.length : Buffer.byteLength(added);
  const whole = Buffer.allocUnsafe(bytes.length + addedBytes);
  whole.set(bytes);
  // From the brace on all moves back: a provider ends its answers with it.
  whole.copyWithin(at + addedBytes, at, bytes.length);
  if (isPlain) putAscii(whole, at, added);
  else whole.write(added, at);
  return whole;
}
