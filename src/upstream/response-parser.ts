// Takes a connection's bytes apart into answers, wherever the network split them. Hands on views of
// the caller's memory, which hold until the call ends, and copies only a head that came in parts.
//
//   head ─┬─ 1xx: another head
//         ├─ sized ─────────────────────────────────────────┐
//         ├─ until_close ──────────────────── (finish) ─────┤
//         └─ size ─ sizeLf ─ data ─ dataCr ─ dataLf ─ size  ├─ done
//               └── of 0 ── trailer ─ trailerLf ────────────┘

import { MalformedResponse, readHead, type ResponseHead } from './response-head.js';

export interface ResponseSink {
  head(head: ResponseHead): void;
  /** The next bytes of the body; their memory is used again after the call. */
  body(bytes: Buffer): void;
  end(): void;
}

/** Of one answer, interim ones before it included: no provider's is a tenth of it. */
export const HEAD_BYTES_MAX = 64 * 1024;
/** A chunk's size with its extensions; trailers have as much again in all. */
const LINE_BYTES_MAX = 4 * 1024;
/** Digits of a chunk's size: 16 TiB. */
const SIZE_DIGITS_MAX = 11;

const CR = 0x0d;
const LF = 0x0a;
const SEMICOLON = 0x3b;
const SPACE = 0x20;
const TAB = 0x09;
const HEAD_END = Buffer.from('\r\n\r\n');
const PREAMBLE = Buffer.from('HTTP/1.');

type State =
  | 'head'
  | 'sized'
  | 'until_close'
  | 'size'
  | 'extension'
  | 'sizeLf'
  | 'data'
  | 'dataCr'
  | 'dataLf'
  | 'trailer'
  | 'trailerLf'
  | 'done';

export class ResponseParser {
  readonly #sink: ResponseSink;
  #state: State = 'done';
  /** The beginning of a head that earlier calls brought. */
  #held: Buffer | null = null;
  /** Bytes of heads so far, or of the line at hand. */
  #counted = 0;
  /** Of the sized body or the chunk at hand. */
  #left = 0;
  #digits = 0;
  /** The trailer's line at hand is empty so far. */
  #isEmptyLine = true;

  constructor(sink: ResponseSink) {
    this.#sink = sink;
  }

  /** A request is about to be sent: the next bytes are its answer. */
  expect(): void {
    this.#state = 'head';
    this.#held = null;
    this.#counted = 0;
  }

  /** Nothing is expected: no request is in flight, or its answer is whole. */
  get isDone(): boolean {
    return this.#state === 'done';
  }

  /** Reads on. Returns how many bytes belonged to the answer; throws MalformedResponse. */
  push(bytes: Buffer): number {
    let at = 0;
    let source = bytes;
    if (this.#state === 'head') {
      if (this.#held !== null) source = Buffer.concat([this.#held, bytes]);
      at = this.#readHeads(source);
    }
    switch (this.#state) {
      case 'head':
      case 'done':
        break;
      case 'sized':
        at = this.#sized(source, at);
        break;
      case 'until_close':
        if (at < source.length) this.#sink.body(source.subarray(at));
        at = source.length;
        break;
      default:
        at = this.#chunked(source, at);
    }
    return at - (source.length - bytes.length);
  }

  /** The connection has ended. True when that is the answer's proper end. */
  finish(): boolean {
    if (this.#state !== 'until_close') return false;
    this.#end();
    return true;
  }

  #end(): void {
    this.#state = 'done';
    this.#sink.end();
  }

  /** The index behind the final head; all bytes are held back when it is not there yet. */
  #readHeads(bytes: Buffer): number {
    let start = 0;
    while (this.#state === 'head') {
      const end = bytes.indexOf(HEAD_END, start);
      if (end < 0) {
        holdable(bytes, start, this.#counted);
        this.#held = Buffer.from(bytes.subarray(start));
        return bytes.length;
      }
      this.#counted += end - start;
      if (this.#counted > HEAD_BYTES_MAX) throw new MalformedResponse('its head is too long');
      const head = readHead(bytes.toString('latin1', start, end + 2));
      start = end + HEAD_END.length;
      if (head.status === 101) throw new MalformedResponse('it changes the protocol', 101);
      if (head.status >= 200) this.#begin(head);
    }
    this.#held = null;
    return start;
  }

  #begin(head: ResponseHead): void {
    this.#state = head.framing === 'chunked' ? 'size' : head.framing;
    this.#left = head.bodyBytes;
    this.#counted = 0;
    this.#digits = 0;
    this.#sink.head(head);
    if (head.framing === 'sized' && head.bodyBytes === 0) this.#end();
  }

  #sized(bytes: Buffer, at: number): number {
    const end = Math.min(bytes.length, at + this.#left);
    if (end === at) return at;
    this.#left -= end - at;
    this.#sink.body(bytes.subarray(at, end));
    if (this.#left === 0 && this.#state === 'sized') this.#end();
    return end;
  }

  /** Moves the data of all chunks in these bytes together, so that they are handed on as one. */
  #chunked(bytes: Buffer, from: number): number {
    let at = from;
    let start = -1;
    let end = -1;
    while (at < bytes.length && this.#state !== 'done') {
      if (this.#state !== 'data') {
        this.#frame(bytes[at] as number);
        at += 1;
        continue;
      }
      const stop = Math.min(bytes.length, at + this.#left);
      if (start < 0) {
        start = at;
        end = stop;
      } else {
        bytes.copyWithin(end, at, stop);
        end += stop - at;
      }
      this.#left -= stop - at;
      at = stop;
      if (this.#left === 0) this.#state = 'dataCr';
    }
    if (start >= 0) this.#sink.body(bytes.subarray(start, end));
    if (this.#state === 'done') this.#sink.end();
    return at;
  }

  /** One byte of what stands between the data of two chunks. */
  #frame(byte: number): void {
    switch (this.#state) {
      case 'size':
        return this.#sizeByte(byte);
      case 'extension':
        this.#count();
        if (byte === CR) this.#state = 'sizeLf';
        else if (byte === LF) throw new MalformedResponse("a chunk's size does not end in CRLF");
        return;
      case 'sizeLf':
        this.#must(byte, LF, this.#left === 0 ? 'trailer' : 'data');
        this.#isEmptyLine = true;
        this.#counted = 0;
        return;
      case 'dataCr':
        return this.#must(byte, CR, 'dataLf');
      case 'dataLf':
        this.#digits = 0;
        this.#counted = 0;
        return this.#must(byte, LF, 'size');
      case 'trailer':
        this.#count();
        if (byte === CR) this.#state = 'trailerLf';
        else if (byte === LF) throw new MalformedResponse('a trailer does not end in CRLF');
        else this.#isEmptyLine = false;
        return;
      default:
        this.#must(byte, LF, this.#isEmptyLine ? 'done' : 'trailer');
        this.#isEmptyLine = true;
    }
  }

  #sizeByte(byte: number): void {
    const digit = hexDigit(byte);
    if (digit >= 0) {
      this.#digits += 1;
      if (this.#digits > SIZE_DIGITS_MAX) throw new MalformedResponse('a chunk is too large');
      this.#left = (this.#digits === 1 ? 0 : this.#left * 16) + digit;
      return;
    }
    if (this.#digits === 0) throw new MalformedResponse('a chunk has no size');
    if (byte === CR) this.#state = 'sizeLf';
    else if (byte === SEMICOLON || byte === SPACE || byte === TAB) this.#state = 'extension';
    else throw new MalformedResponse("a chunk's size is no number");
  }

  #count(): void {
    this.#counted += 1;
    if (this.#counted > LINE_BYTES_MAX) throw new MalformedResponse('a line of it is too long');
  }

  #must(byte: number, expected: number, next: State): void {
    if (byte !== expected) throw new MalformedResponse('a chunk does not end where it says');
    this.#state = next;
  }
}

/** Of a head that has not ended: whether it can become one at all. */
function holdable(bytes: Buffer, start: number, counted: number): void {
  const length = bytes.length - start;
  const begun = Math.min(length, PREAMBLE.length);
  if (bytes.compare(PREAMBLE, 0, begun, start, start + begun) !== 0) {
    throw new MalformedResponse('it does not begin with an HTTP/1 status line');
  }
  if (counted + length > HEAD_BYTES_MAX) throw new MalformedResponse('its head is too long');
  for (let at = bytes.indexOf(LF, start); at >= 0; at = bytes.indexOf(LF, at + 1)) {
    if (bytes[at - 1] !== CR) throw new MalformedResponse('a header line does not end in CRLF');
  }
}

/** A hexadecimal digit's value, -1 for what is none. */
function hexDigit(byte: number): number {
  if (byte >= 0x30 && byte <= 0x39) return byte - 0x30;
  const letter = byte | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}
