// What a meter sends its client for one chunk, as one piece. Events that went through untouched lie
// side by side, and are nothing but the place where they stand; what does not is moved together in
// one memory for all streams of a thread.

import { asBuffer } from './json.js';
import { PlainEvent, type SseEvent } from './sse.js';

const NOTHING = Buffer.alloc(0);

let room = NOTHING;
/** More is not kept for the next. */
const ROOM_BYTES_MAX = 1024 * 1024;

/** Up to here a loop beats the call into native code. */
const SHORT_BYTES = 256;

export class Output {
  /** The last piece, as far as it has grown. */
  #memory: Buffer = NOTHING;
  #start = 0;
  #end = 0;
  /** What was moved together before it. */
  #movedBytes = 0;

  push(bytes: Uint8Array): void {
    this.add(asBuffer(bytes), 0, bytes.length);
  }

  /** The event as it came. */
  pass(event: SseEvent): void {
    if (event instanceof PlainEvent) this.add(event.memory, event.start, event.end);
    else this.push(event.raw);
  }

  /** A part of some memory. */
  add(memory: Buffer, start: number, end: number): void {
    if (memory !== this.#memory || start !== this.#end) {
      this.#move();
      this.#memory = memory;
      this.#start = start;
    }
    this.#end = end;
  }

  /** All of it, which holds until anything is taken again; `null` when there is none. */
  take(): Uint8Array | null {
    if (this.#movedBytes > 0) this.#move();
    const bytes =
      this.#movedBytes > 0
        ? room.subarray(0, this.#movedBytes)
        : this.#memory.subarray(this.#start, this.#end);
    if (room.length > ROOM_BYTES_MAX) room = NOTHING;
    this.#memory = NOTHING;
    this.#start = 0;
    this.#end = 0;
    this.#movedBytes = 0;
    return bytes.length === 0 ? null : bytes;
  }

  #move(): void {
    const bytes = this.#movedBytes + this.#end - this.#start;
    if (bytes > room.length) {
      const larger = Buffer.allocUnsafeSlow(2 * bytes);
      room.copy(larger, 0, 0, this.#movedBytes);
      room = larger;
    }
    if (this.#end - this.#start > SHORT_BYTES) {
      room.set(this.#memory.subarray(this.#start, this.#end), this.#movedBytes);
    } else {
      let to = this.#movedBytes;
      for (let at = this.#start; at < this.#end; at++) room[to++] = this.#memory[at] as number;
    }
    this.#movedBytes = bytes;
  }
}
