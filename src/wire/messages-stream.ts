// Meters an Anthropic stream for a client of the same wire. Its bytes stay the provider's, but for
// the cost members in the last message_delta.

import type { ErrorCode } from '../kernel/errors.js';
import type { Usage } from '../kernel/usage.js';
import { isObject, parseObject, textOf, type JsonObject } from './shape.js';
import { SseScanner, type SseEvent } from './sse.js';
import {
  cutEvent,
  gathered,
  HeldUsage,
  salvaged,
  type MeterOptions,
  type StreamMeter,
} from './stream.js';
import { mergeMessagesUsage, messagesUsage } from './usage.js';

/** What the model wrote in a content_block_start or content_block_delta. */
function writtenText(event: JsonObject): string {
  const { delta, content_block: block } = event;
  const text = ['text', 'thinking', 'partial_json'].map((name) =>
    isObject(delta) ? textOf(delta[name]) : '',
  );
  const opening = isObject(block) ? ['text', 'thinking', 'name'] : [];
  return [...text, ...opening.map((name) => (isObject(block) ? textOf(block[name]) : ''))].join('');
}

export class MessagesMeter implements StreamMeter {
  complete = false;
  /** From message_delta on: before it, the count of output tokens is not the answer's. */
  usage: Usage | null = null;
  outputBytes = 0;
  model: string | null = null;
  readonly #scanner = new SseScanner();
  readonly #held: HeldUsage;
  #reported: JsonObject = {};

  constructor(options: MeterOptions) {
    this.#held = new HeldUsage(options.settle);
  }

  get settled() {
    return this.#held.settled;
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
    switch (body?.['type'] ?? event.event) {
      case 'message_start':
        this.#start(body);
        out.push(event.raw);
        return;
      case 'message_delta':
        this.#reported = mergeMessagesUsage(this.#reported, body?.['usage']);
        if (isObject(body?.['usage'])) this.usage = messagesUsage(this.#reported);
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
        this.outputBytes += Buffer.byteLength(writtenText(body ?? {}));
        this.#held.release(out);
        out.push(event.raw);
        return;
      default:
        // Pings, comments and what is yet unknown.
        this.#held.pass(event.raw, out);
    }
  }

  #start(body: JsonObject | null): void {
    const message = body?.['message'];
    if (!isObject(message)) return;
    this.model = textOf(message['model']) || null;
    this.#reported = mergeMessagesUsage(this.#reported, message['usage']);
  }
}
