// Meters an Anthropic stream for a client of the same wire. Its bytes stay the provider's, but for
// the cost members in the last message_delta.

import type { ErrorCode } from '../kernel/errors.js';
import { MessagesReader } from './messages-reader.js';
import { parseObject } from './shape.js';
import { SseScanner, type SseEvent } from './sse.js';
import {
  cutEvent,
  gathered,
  HeldUsage,
  salvaged,
  type MeterOptions,
  type StreamMeter,
} from './stream.js';

export class MessagesMeter implements StreamMeter {
  complete = false;
  readonly #scanner = new SseScanner();
  readonly #reader = new MessagesReader();
  readonly #held: HeldUsage;

  constructor(options: MeterOptions) {
    this.#held = new HeldUsage(options.settle);
  }

  get settled() {
    return this.#held.settled;
  }

  get usage() {
    return this.#reader.usage;
  }

  get begun() {
    return this.#reader.begun;
  }

  get outputBytes() {
    return this.#reader.outputBytes;
  }

  get model() {
    return this.#reader.model;
  }

  push(chunk: Uint8Array): Uint8Array | null {
    const out: Uint8Array[] = [];
    for (const event of this.#scanner.push(chunk)) this.#take(event, out);
    return out.length === 0 ? null : gathered(out);
  }

  end(cut: ErrorCode = 'upstream_unreachable'): Uint8Array {
    const out: Uint8Array[] = [];
    const last = salvaged(this.#scanner.end());
    if (last !== null) this.#take(last, out);
    this.#held.settle(this.usage, out);
    if (!this.complete) out.push(cutEvent('messages', cut));
    return gathered(out);
  }

  #take(event: SseEvent, out: Uint8Array[]): void {
    const body = event.data === null ? null : parseObject(event.data);
    const type = body?.['type'] ?? event.event;
    if (body !== null) this.#reader.read({ ...body, type });
    switch (type) {
      case 'message_start':
        out.push(event.raw);
        return;
      case 'message_delta':
        if (this.settled) out.push(event.raw);
        else this.#held.hold(event, false, out);
        return;
      case 'message_stop':
      case 'error':
        this.#held.settle(this.usage, out);
        this.complete = true;
        out.push(event.raw);
        return;
      case 'content_block_start':
      case 'content_block_delta':
        this.#held.release(out);
        out.push(event.raw);
        return;
      default:
        // Pings, comments and what is yet unknown.
        this.#held.pass(event.raw, out);
    }
  }
}
