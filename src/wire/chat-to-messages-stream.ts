// Meters an OpenAI chat stream for a client of the Messages API, and translates it as it comes.
// Text and usage cross over; reasoning has no signature to show a client and is only counted.

import type { ErrorCode } from '../kernel/errors.js';
import type { Usage } from '../kernel/usage.js';
import { ChatReader, DONE } from './chat-reader.js';
import { isAbsent, isObject, listOf, parseObject, textOf, type JsonObject } from './shape.js';
import { SseScanner, type SseEvent } from './sse.js';
import {
  cutEvent,
  gathered,
  HeldUsage,
  salvaged,
  type MeterOptions,
  type StreamMeter,
} from './stream.js';
import { errorToMessages, messageId, stopReason, translatedUsage } from './translate.js';

/**
 * Four bytes of English make a token: what the client is told when the provider reported nothing.
 */
const BYTES_PER_TOKEN = 4;

function frame(type: string, members: JsonObject): SseEvent {
  const data = JSON.stringify({ type, ...members });
  const head = `event: ${type}\ndata: `;
  const raw = Buffer.from(`${head}${data}\n\n`);
  return { raw, event: type, data, dataSpan: { start: head.length, end: raw.length - 2 } };
}

export class ChatToMessagesMeter implements StreamMeter {
  complete = false;
  readonly #options: MeterOptions;
  readonly #scanner = new SseScanner();
  readonly #reader = new ChatReader();
  readonly #held: HeldUsage;
  #isStarted = false;
  #hasText = false;
  #refused = false;
  #finishReason: unknown = null;

  constructor(options: MeterOptions) {
    this.#options = options;
    this.#held = new HeldUsage(options.settle);
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
    if (!this.complete && this.#reader.isFinished) this.#finish(out);
    if (!this.complete) {
      this.#held.settle(this.usage, out);
      out.push(cutEvent('messages', cut));
    }
    return gathered(out);
  }

  #take(event: SseEvent, out: Uint8Array[]): void {
    if (this.complete) return;
    if (event.data === null) {
      // Comments keep the connection alive, and are the same in both wires.
      out.push(event.raw);
      return;
    }
    if (event.data === DONE) {
      this.#finish(out);
      return;
    }
    const chunk = parseObject(event.data);
    if (chunk === null) return;
    if (!isAbsent(chunk['error'])) {
      this.#held.settle(this.usage, out);
      this.complete = true;
      out.push(frame('error', errorToMessages(500, chunk)).raw);
      return;
    }
    this.#reader.read(chunk);
    this.#start(chunk, out);
    const choice = listOf(chunk['choices'])[0];
    if (isObject(choice)) this.#translate(choice, out);
  }

  #start(chunk: JsonObject, out: Uint8Array[]): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    const message = {
      id: messageId(chunk['id']),
      type: 'message',
      role: 'assistant',
      model: this.#options.requestedModel,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      // Some clients keep the input count of this event as the final one, so it must not be zero.
      usage: { input_tokens: this.#options.inputTokens, output_tokens: 0 },
    };
    out.push(frame('message_start', { message }).raw, frame('ping', {}).raw);
  }

  #translate(choice: JsonObject, out: Uint8Array[]): void {
    const delta = isObject(choice['delta']) ? choice['delta'] : {};
    const text = textOf(delta['content']) + textOf(delta['refusal']);
    this.#refused ||= textOf(delta['refusal']) !== '';
    this.#finishReason = choice['finish_reason'] ?? this.#finishReason;
    if (text === '') return;
    if (!this.#hasText) {
      this.#hasText = true;
      const block = { index: 0, content_block: { type: 'text', text: '' } };
      out.push(frame('content_block_start', block).raw);
    }
    out.push(frame('content_block_delta', { index: 0, delta: { type: 'text_delta', text } }).raw);
  }

  #finish(out: Uint8Array[]): void {
    this.#start({}, out);
    if (this.#hasText) out.push(frame('content_block_stop', { index: 0 }).raw);
    const usage = translatedUsage(this.usage ?? this.#estimatedUsage());
    const reason = stopReason(this.#finishReason, this.#refused);
    const delta = { stop_reason: reason, stop_sequence: null };
    this.#held.hold(frame('message_delta', { delta, usage }), false, out);
    this.#held.settle(this.usage, out);
    this.complete = true;
    out.push(frame('message_stop', {}).raw);
  }

  #estimatedUsage(): Usage {
    return {
      inputTokens: this.#options.inputTokens,
      cachedInputTokens: 0,
      cacheWriteTokens: 0,
      cacheWrite1hTokens: 0,
      outputTokens: Math.ceil(this.outputBytes / BYTES_PER_TOKEN),
      reasoningTokens: 0,
    };
  }
}
