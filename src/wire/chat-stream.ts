// Meters an OpenAI chat stream for a client of the same wire. Its bytes stay the provider's, but
// for the cost members in the last event with usage and what an injected include_usage added.

import type { ErrorCode } from '../kernel/errors.js';
import { ChatReader, DONE } from './chat-reader.js';
import { editMembers } from './json.js';
import { isAbsent, isObject, parseObject } from './shape.js';
import { SseScanner, withData, type SseEvent } from './sse.js';
import {
  cutEvent,
  gathered,
  HeldUsage,
  salvaged,
  type MeterOptions,
  type StreamMeter,
} from './stream.js';

export class ChatMeter implements StreamMeter {
  complete = false;
  readonly #scanner = new SseScanner();
  readonly #reader = new ChatReader();
  readonly #held: HeldUsage;
  readonly #stripUsage: boolean;

  constructor(options: MeterOptions) {
    this.#held = new HeldUsage(options.settle);
    this.#stripUsage = options.stripUsage;
  }

  get settled() {
    return this.#held.settled;
  }

  get usage() {
    return this.#reader.usage;
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
    if (this.#reader.isFinished) this.complete = true;
    if (!this.complete) out.push(cutEvent('chat', cut));
    return gathered(out);
  }

  #take(event: SseEvent, out: Uint8Array[]): void {
    if (event.data === null) {
      this.#held.pass(event.raw, out);
      return;
    }
    const chunk = event.data === DONE ? null : parseObject(event.data);
    const isLast = event.data === DONE || !isAbsent(chunk?.['error']);
    if (isLast) {
      this.#held.settle(this.usage, out);
      this.complete = true;
    }
    if (isLast || this.settled || chunk === null) {
      this.#held.release(out);
      out.push(event.raw);
      return;
    }
    this.#reader.read(chunk);
    const { usage, choices } = chunk;
    if (isObject(usage)) {
      const isExtra = Array.isArray(choices) && choices.length === 0;
      this.#held.hold(event, this.#stripUsage && isExtra, out);
      return;
    }
    this.#held.release(out);
    const isAdded = this.#stripUsage && usage === null;
    out.push(
      isAdded ? withData(event, (data) => editMembers(data, { remove: ['usage'] })) : event.raw,
    );
  }
}
