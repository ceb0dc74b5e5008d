// Cuts a byte stream into server-sent events wherever the network split it: inside a CRLF, inside a
// multi-byte character. Events are views on the chunk at hand, whose memory is used again: only
// what is kept for the next one is copied.

import { asBuffer } from './json.js';

export interface SseEvent {
  /** The event's bytes with the blank line that ends it. All of them together are the stream. */
  readonly raw: Uint8Array;
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

function joined(parts: readonly Uint8Array[]): Buffer {
  const [only] = parts;
  return parts.length === 1 && only !== undefined ? asBuffer(only) : Buffer.concat(parts);
}

const unread = (raw: Buffer): SseEvent => ({ raw, event: null, data: null, dataSpan: null });

const PREFIX = 'data: ';

function readEvent(raw: Buffer): SseEvent {
  const text = raw.toString('utf8');
  // One line of data and a blank one, as nearly every event is.
  const isPlain = text.startsWith(PREFIX) && text.indexOf('\n') === text.length - 2;
  if (isPlain && !text.includes('\r')) {
    const dataSpan = { start: PREFIX.length, end: raw.length - 2 };
    return { raw, event: null, data: text.slice(PREFIX.length, -2), dataSpan };
  }
  let event: string | null = null;
  const data: string[] = [];
  for (const line of text.split(/\r\n|\n|\r/)) {
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

export class SseScanner {
  /** The bytes of the event under way that earlier chunks brought. */
  #parts: Uint8Array[] = [];
  #partsBytes = 0;
  #lineIsEmpty = true;
  #afterCr = false;
  /** The blank line ended in CR; a LF that may follow is still its own. */
  #isClosing = false;
  #isTooLong = false;

  /** The events that this chunk completes. */
  push(chunk: Uint8Array): SseEvent[] {
    const events: SseEvent[] = [];
    // Hardly anyone sends CR, and to look for one byte is a native call.
    const isPlain = !this.#afterCr && !this.#isClosing && !chunk.includes(CR);
    const rest = isPlain ? this.#cutLines(asBuffer(chunk), events) : this.#cutBytes(chunk, events);
    if (rest < chunk.length) this.#keep(chunk.subarray(rest), events);
    return events;
  }

  /** Where lines end in LF alone. Returns where the event under way begins. */
  #cutLines(chunk: Buffer, events: SseEvent[]): number {
    let start = 0;
    for (let at = 0; at < chunk.length;) {
      if (this.#lineIsEmpty && chunk[at] === LF) {
        events.push(this.#cut(chunk.subarray(start, ++at)));
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
  #cutBytes(chunk: Uint8Array, events: SseEvent[]): number {
    let start = 0;
    for (let at = 0; at < chunk.length; at++) {
      const end = this.#step(chunk[at] ?? 0, at);
      if (end === null) continue;
      events.push(this.#cut(chunk.subarray(start, end)));
      start = end;
      // A byte that came behind a CR which closed an event opens the next one.
      if (end === at) this.#step(chunk[at] ?? 0, at);
    }
    return start;
  }

  /** What is left of an event that was never ended. */
  rest(): Uint8Array {
    return joined(this.#parts);
  }

  /**
   * The stream is over: the event under way as if a blank line had ended it, `null` without one.
   */
  end(): SseEvent | null {
    if (this.#partsBytes === 0) return null;
    return this.#cut(new Uint8Array(0));
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

  #cut(last: Uint8Array): SseEvent {
    const raw = joined(this.#partsBytes === 0 ? [last] : [...this.#parts, last]);
    const isTooLong = this.#isTooLong || raw.length > EVENT_BYTES_MAX;
    this.#parts = [];
    this.#partsBytes = 0;
    this.#isTooLong = false;
    return isTooLong ? unread(raw) : readEvent(raw);
  }

  #keep(part: Uint8Array, events: SseEvent[]): void {
    this.#parts.push(Buffer.from(part));
    this.#partsBytes += part.length;
    if (this.#partsBytes <= EVENT_BYTES_MAX) return;
    events.push(unread(joined(this.#parts)));
    this.#parts = [];
    this.#partsBytes = 0;
    this.#isTooLong = true;
  }
}

/** The event with its data rewritten; the bytes around the data stay. */
export function withData(event: SseEvent, rewrite: (data: Buffer) => Uint8Array): Uint8Array {
  const raw = asBuffer(event.raw);
  const { data, dataSpan } = event;
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
