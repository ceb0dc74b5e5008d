// Cuts a byte stream into server-sent events wherever the network split it: inside a CRLF, inside a
// multi-byte character. Events are views on memory that is used again, the chunk's or what is kept
// of an event in parts: they hold until the next chunk, and nothing is copied for them.

import { asBuffer } from './json.js';

export interface SseEvent {
  /** The event's bytes with the blank line that ends it. All of them together are the stream. */
  readonly raw: Buffer;
  readonly event: string | null;
  /** `null` for comments, blank lines and what is too long to read. */
  readonly data: string | null;
  /** Where the data stands in `raw`, `null` when it came in several lines. */
  readonly dataSpan: { readonly start: number; readonly end: number } | null;
}

/** A longer event is passed on without being read, so that memory stays bounded. */
export const EVENT_BYTES_MAX = 8 * 1024 * 1024;

const LF = 0x0a;
const CR = 0x0d;

const DATA = Buffer.from('data: ');
const NAME = Buffer.from('event: ');
const NOTHING = Buffer.alloc(0);

const unread = (raw: Buffer): SseEvent => ({ raw, event: null, data: null, dataSpan: null });

/**
 * One line of data, under its name or under nothing. One object serves for all of a stream, and has
 * text made of the bytes only for whoever asks.
 */
export class PlainEvent implements SseEvent {
  memory: Buffer = NOTHING;
  start = 0;
  end = 0;
  dataStart = 0;
  dataEnd = 0;

  get raw(): Buffer {
    return this.memory.subarray(this.start, this.end);
  }

  get event(): string | null {
    const end = this.dataStart - DATA.length - 1;
    return end < this.start ? null : this.memory.toString('utf8', this.start + NAME.length, end);
  }

  get data(): string {
    return this.memory.toString('utf8', this.dataStart, this.dataEnd);
  }

  get dataSpan(): { readonly start: number; readonly end: number } {
    return { start: this.dataStart - this.start, end: this.dataEnd - this.start };
  }

  /** Whether it is of this form, which has no CR. */
  reads(memory: Buffer, start: number, end: number): boolean {
    const line = startsWith(memory, start, NAME) ? memory.indexOf(LF, start) + 1 : start;
    if (!startsWith(memory, line, DATA) || memory.indexOf(LF, line) !== end - 2) return false;
    this.memory = memory;
    this.start = start;
    this.end = end;
    this.dataStart = line + DATA.length;
    this.dataEnd = end - 2;
    return true;
  }
}

function startsWith(bytes: Buffer, at: number, prefix: Buffer): boolean {
  for (let index = 0; index < prefix.length; index++) {
    if (bytes[at + index] !== prefix[index]) return false;
  }
  return true;
}

function readLines(raw: Buffer): SseEvent {
  let event: string | null = null;
  const data: string[] = [];
  for (const line of raw.toString('utf8').split(/\r\n|\n|\r/)) {
    const colon = line.indexOf(':');
    const name = colon === -1 ? line : line.slice(0, colon);
    if (name !== 'data' && name !== 'event') continue;
    const from = line[colon + 1] === ' ' ? colon + 2 : colon + 1;
    const value = colon === -1 ? '' : line.slice(from);
    if (name === 'event') event = value;
    else data.push(value);
  }
  const [only] = data;
  if (only === undefined) return { raw, event, data: null, dataSpan: null };
  const start = data.length === 1 ? raw.lastIndexOf(only) : -1;
  const dataSpan = start === -1 ? null : { start, end: start + Buffer.byteLength(only) };
  return { raw, event, data: data.join('\n'), dataSpan };
}

/** The largest memory that a stream has let go, for the next of this thread that needs one. */
let spare: Buffer = NOTHING;
const SPARE_BYTES_MAX = 1024 * 1024;

/** With as much again at least for what may follow. */
function roomFor(bytes: number): Buffer {
  const wanted = 2 ** Math.ceil(Math.log2(2 * bytes));
  // A much larger one would be kept for as long as a stream that stalls in an event.
  if (wanted > spare.length || spare.length > 4 * wanted) return Buffer.allocUnsafe(wanted);
  const room = spare;
  spare = NOTHING;
  return room;
}

/** What becomes of an event, which holds for the call alone. */
type Take = (event: SseEvent) => void;

export class SseScanner {
  readonly #take: Take;
  readonly #plain = new PlainEvent();
  /**
   * What earlier chunks brought of the event under way, from `#start` to `#end`. It is let go with
   * the first chunk that ends between two events.
   */
  #memory: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  /** There is no CR in the event under way, nor in the chunk at hand. */
  #isPlain = true;
  #isChunkPlain = true;
  #lineIsEmpty = true;
  #afterCr = false;
  /** The blank line ended in CR; a LF that may follow is still its own. */
  #isClosing = false;
  #isTooLong = false;

  constructor(take: Take) {
    this.#take = take;
  }

  /** Hands on the events that this chunk completes. Their bytes hold until any next chunk. */
  push(source: Uint8Array): void {
    const chunk = asBuffer(source);
    // Events that were handed on are used up: their place is free again.
    if (this.#start > 0) this.#moveTo(this.#memory);
    // Hardly anyone sends CR, and to look for one byte is a native call.
    this.#isChunkPlain = !this.#afterCr && !this.#isClosing && !chunk.includes(CR);
    this.#isPlain = (this.#isPlain || this.#end === 0) && this.#isChunkPlain;
    const rest = this.#isChunkPlain ? this.#cutLines(chunk) : this.#cutBytes(chunk);
    if (rest < chunk.length) this.#keep(chunk.subarray(rest));
    if (this.#start === this.#end) this.#letGo();
    this.#plain.memory = NOTHING;
  }

  /** Where lines end in LF alone. Returns where the event under way begins. */
  #cutLines(chunk: Buffer): number {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      if (this.#lineIsEmpty && chunk[at] === LF) {
        this.#cut(chunk, start, ++at);
        start = at;
        continue;
      }
      const end = chunk.indexOf(LF, at);
      this.#lineIsEmpty = end !== -1;
      at = end === -1 ? chunk.length : end + 1;
    }
    return start;
  }

  /** Whatever lines end in, byte by byte. */
  #cutBytes(chunk: Buffer): number {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const end = this.#step(chunk[at] ?? 0, at);
      if (end === null) continue;
      this.#cut(chunk, start, end);
      start = end;
      // A byte that came behind a CR which closed an event opens the next one.
      if (end === at) this.#step(chunk[at] ?? 0, at);
    }
    return start;
  }

  /** What is left of an event that was never ended. */
  rest(): Uint8Array {
    return this.#memory.subarray(this.#start, this.#end);
  }

  /**
   * The stream is over: the event under way as if a blank line had ended it, `null` without one.
   */
  end(): SseEvent | null {
    if (this.#start === this.#end) return null;
    const raw = this.#memory.subarray(this.#start, this.#end);
    this.#letGo();
    return this.#isTooLong ? unread(raw) : readLines(raw);
  }

  /** Where the event under way ends, seeing this byte: at it, behind it, or not yet. */
  #step(byte: number, at: number): number | null {
    const isSecondHalf = byte === LF && this.#afterCr;
    if (this.#isClosing) {
      this.#isClosing = false;
      this.#lineIsEmpty = true;
      this.#afterCr = false;
      return isSecondHalf ? at + 1 : at;
    }
    this.#afterCr = byte === CR;
    if (byte !== LF && byte !== CR) {
      this.#lineIsEmpty = false;
      return null;
    }
    if (isSecondHalf) return null;
    if (!this.#lineIsEmpty) {
      this.#lineIsEmpty = true;
      return null;
    }
    this.#isClosing = byte === CR;
    return byte === LF ? at + 1 : null;
  }

  #cut(chunk: Buffer, start: number, end: number): void {
    if (this.#start === this.#end) return this.#handOn(chunk, start, end);
    this.#append(chunk.subarray(start, end));
    const begun = this.#start;
    this.#start = this.#end;
    this.#handOn(this.#memory, begun, this.#end);
  }

  #handOn(memory: Buffer, start: number, end: number): void {
    const isTooLong = this.#isTooLong || end - start > EVENT_BYTES_MAX;
    const isPlain = this.#isPlain;
    this.#isTooLong = false;
    this.#isPlain = this.#isChunkPlain;
    if (isTooLong) this.#take(unread(memory.subarray(start, end)));
    else if (isPlain && this.#plain.reads(memory, start, end)) this.#take(this.#plain);
    else this.#take(readLines(memory.subarray(start, end)));
  }

  #keep(part: Buffer): void {
    this.#append(part);
    if (this.#end - this.#start <= EVENT_BYTES_MAX) return;
    const raw = this.#memory.subarray(this.#start, this.#end);
    this.#start = this.#end;
    this.#isTooLong = true;
    this.#take(unread(raw));
  }

  #append(part: Buffer): void {
    const bytes = this.#end - this.#start + part.length;
    if (this.#end + part.length > this.#memory.length) this.#moveTo(roomFor(bytes));
    this.#memory.set(part, this.#end);
    this.#end += part.length;
  }

  #moveTo(memory: Buffer): void {
    memory.set(this.#memory.subarray(this.#start, this.#end));
    this.#memory = memory;
    this.#end -= this.#start;
    this.#start = 0;
  }

  #letGo(): void {
    if (this.#memory.length > spare.length && this.#memory.length <= SPARE_BYTES_MAX) {
      spare = this.#memory;
    }
    this.#memory = NOTHING;
    this.#start = 0;
    this.#end = 0;
  }
}

/** The event with its data rewritten; the bytes around the data stay. */
export function withData(event: SseEvent, rewrite: (data: Buffer) => Uint8Array): Uint8Array {
  const { raw, data, dataSpan } = event;
  if (data === null) return raw;
  if (dataSpan !== null) {
    const { start, end } = dataSpan;
    const rewritten = rewrite(raw.subarray(start, end));
    return Buffer.concat([raw.subarray(0, start), rewritten, raw.subarray(end)]);
  }
  // Data that came in several lines goes out in as many.
  const lines = asBuffer(rewrite(Buffer.from(data)))
    .toString('utf8')
    .split('\n');
  const name = event.event === null ? '' : `event: ${event.event}\n`;
  return Buffer.from(`${name}${lines.map((line) => `data: ${line}\n`).join('')}\n`);
}
