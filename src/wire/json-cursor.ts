// Walks over JSON in bytes, value by value, building nothing. Each step tells whether it was taken:
// what JSON.parse would refuse never is, nor what is broken UTF-8 or nests deeper than is usual.

import { isUtf8 } from 'node:buffer';

export const QUOTE = 0x22;
export const COMMA = 0x2c;
export const COLON = 0x3a;
export const OPEN_BRACKET = 0x5b;
export const CLOSE_BRACKET = 0x5d;
export const OPEN_BRACE = 0x7b;
export const CLOSE_BRACE = 0x7d;

const TAB = 0x09;
const LF = 0x0a;
const CR = 0x0d;
/** What is below it no string may hold. */
const SPACE = 0x20;
const PLUS = 0x2b;
const MINUS = 0x2d;
const DOT = 0x2e;
const DIGIT_0 = 0x30;
const DIGIT_9 = 0x39;
const BACKSLASH = 0x5c;
const LETTER_E = 0x65;
const LETTER_U = 0x75;
const LOWER_CASE = 0x20;
const NOT_ASCII = 0x80;

/** What behind a backslash means one byte. */
const ESCAPED = new Set(Buffer.from('"\\/bfnrt'));
/** `\u` and four digits. */
const UNIT_BYTES = 6;
const LITERALS = ['null', 'true', 'false'].map((text) => Buffer.from(text));

/** Of what is passed over whole. */
const DEPTH_MAX = 16;

const NOTHING = Buffer.alloc(0);

export class JsonCursor {
  bytes: Buffer = NOTHING;
  at = 0;
  /** Of the string passed last: how many bytes of UTF-8 it means, and where it ended. */
  stringBytes = 0;
  stringEnd = 0;
  #end = 0;

  /** What it walked on before is let go. */
  start(bytes: Buffer, start: number, end: number): void {
    this.bytes = bytes;
    this.at = start;
    this.#end = end;
    this.space();
  }

  get isDone(): boolean {
    return this.at === this.#end;
  }

  space(): void {
    for (; this.at < this.#end; this.at++) {
      const byte = this.bytes[this.at];
      if (byte !== SPACE && byte !== TAB && byte !== LF && byte !== CR) return;
    }
  }

  /** One byte, and the space behind it. */
  mark(byte: number): boolean {
    if (this.bytes[this.at] !== byte || this.at >= this.#end) return false;
    this.at += 1;
    this.space();
    return true;
  }

  /** The end of an object or a list: the space behind it may be another's. */
  close(byte: number): boolean {
    if (this.bytes[this.at] !== byte || this.at >= this.#end) return false;
    this.at += 1;
    return true;
  }

  string(): boolean {
    const { bytes } = this;
    const start = this.at + 1;
    let at = start;
    let saved = 0;
    let seen = 0;
    if (bytes[this.at] !== QUOTE) return false;
    while (at < this.#end) {
      const byte = bytes[at] as number;
      if (byte === QUOTE) {
        if (seen >= NOT_ASCII && !isUtf8(bytes.subarray(start, at))) return false;
        this.stringBytes = at - start - saved;
        this.at = this.stringEnd = at + 1;
        return true;
      }
      if (byte < SPACE) return false;
      seen |= byte;
      at += 1;
      if (byte !== BACKSLASH) continue;
      const isUnit = bytes[at] === LETTER_U;
      const means = isUnit ? this.#unitBytes(at + 1) : Number(ESCAPED.has(bytes[at] as number));
      if (means === 0) return false;
      const takes = isUnit ? UNIT_BYTES : 2;
      saved += takes - means;
      at += takes - 1;
    }
    return false;
  }

  /** A string, number or literal. */
  scalar(): boolean {
    const byte = this.bytes[this.at] as number;
    if (byte === QUOTE) return this.string();
    if (byte === MINUS || (byte >= DIGIT_0 && byte <= DIGIT_9)) return this.#number();
    for (let index = 0; index < LITERALS.length; index++) {
      if (this.#literal(LITERALS[index] as Buffer)) return true;
    }
    return false;
  }

  /** Whatever stands here. */
  value(depth = 0): boolean {
    const byte = this.bytes[this.at];
    if (byte !== OPEN_BRACE && byte !== OPEN_BRACKET) return this.scalar();
    const isObject = byte === OPEN_BRACE;
    const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET;
    this.mark(byte);
    if (depth === DEPTH_MAX) return false;
    if (this.close(close)) return true;
    do {
      if (isObject && !this.key()) return false;
      if (!this.value(depth + 1)) return false;
      this.space();
    } while (this.mark(COMMA));
    return this.close(close);
  }

  /** A member's name and its colon. */
  key(): boolean {
    if (!this.string()) return false;
    this.space();
    return this.mark(COLON);
  }

  /** Of `\u` and the four digits here; 0 if they are none, or one half of a pair. */
  #unitBytes(from: number): number {
    let unit = 0;
    for (let at = from; at < from + 4; at++) {
      const byte = this.bytes[at] as number;
      const letter = byte | LOWER_CASE;
      if (byte >= DIGIT_0 && byte <= DIGIT_9) unit = unit * 16 + byte - DIGIT_0;
      else if (letter >= 0x61 && letter <= 0x66) unit = unit * 16 + letter - 0x57;
      else return 0;
    }
    if (unit >= 0xd800 && unit <= 0xdfff) return 0;
    return unit < 0x80 ? 1 : unit < 0x800 ? 2 : 3;
  }

  #number(): boolean {
    if (this.bytes[this.at] === MINUS) this.at += 1;
    if (this.bytes[this.at] === DIGIT_0) this.at += 1;
    else if (!this.#digits()) return false;
    if (this.bytes[this.at] === DOT) {
      this.at += 1;
      if (!this.#digits()) return false;
    }
    if (((this.bytes[this.at] as number) | LOWER_CASE) !== LETTER_E) return true;
    this.at += 1;
    const sign = this.bytes[this.at];
    if (sign === PLUS || sign === MINUS) this.at += 1;
    return this.#digits();
  }

  #digits(): boolean {
    const start = this.at;
    for (; ; this.at++) {
      const byte = this.bytes[this.at] as number;
      // Behind the end stands the line's own, which is no digit.
      if (!(byte >= DIGIT_0 && byte <= DIGIT_9)) return this.at > start;
    }
  }

  #literal(literal: Buffer): boolean {
    for (let index = 0; index < literal.length; index++) {
      if (this.bytes[this.at + index] !== literal[index]) return false;
    }
    this.at += literal.length;
    return true;
  }
}
