// Meters an OpenAI chat stream for a client of the Messages API, and translates it as it comes:
// text, reasoning and tool calls as content blocks, the end once usage or the end has been told.

import type { ErrorCode } from '../kernel/errors.js';
import { ChatReader, DONE } from './chat-reader.js';
import {
  callsIn,
  errorToMessages,
  madeUpId,
  messageId,
  reasoningIn,
  stopReason,
  translatedUsage,
} from './chat-to-messages-answer.js';
import { BlockWriter, frame, type CallPiece } from './messages-blocks.js';
import type { Output } from './output.js';
import { isAbsent, isObject, listOf, parseObject, textOf, type JsonObject } from './shape.js';
import type { SseEvent } from './sse.js';
import { cutEvent, estimatedUsage, type MeterOptions } from './stream.js';
import { EventMeter } from './event-meter.js';
import { toolCallId, type ToolNames } from './tool-call.js';

export interface ChatToMessagesOptions extends MeterOptions {
  readonly toolNames: ToolNames;
}

/** A piece of a call; servers that do not number their calls send one after the other. */
function callPiece(call: JsonObject, position: number): CallPiece {
  const { index, id, function: called } = call;
  const { name, arguments: args } = isObject(called) ? called : {};
  // Some servers send the arguments as the object itself.
  const text = isObject(args) ? JSON.stringify(args) : textOf(args);
  return {
    index: typeof index === 'number' ? index : position,
    id: toolCallId(id),
    name: textOf(name),
    arguments: text,
  };
}

export class ChatToMessagesMeter extends EventMeter<ChatReader> {
  readonly #options: ChatToMessagesOptions;
  readonly #blocks: BlockWriter;
  #isStarted = false;
  #id = messageId(null);
  #refused = false;
  #finishReason: unknown = null;

  constructor(options: ChatToMessagesOptions) {
    super(options, new ChatReader());
    this.#options = options;
    this.#blocks = new BlockWriter({
      toolName: (name) => options.toolNames.get(name) ?? name,
      madeUpId: (position) => madeUpId(this.#id, position),
    });
  }

  protected override conclude(out: Output): void {
    if (this.reader.isFinished) this.#finish(out);
  }

  protected override cutEvent(code: ErrorCode): Uint8Array {
    return cutEvent('messages', code);
  }

  protected override take(event: SseEvent, out: Output): void {
    if (this.complete) return;
    if (event.data === null) {
      // Comments keep the connection alive, and are the same in both wires.
      out.pass(event);
      return;
    }
    if (event.data === DONE) {
      this.#finish(out);
      return;
    }
    const chunk = parseObject(event.data);
    if (chunk === null) return;
    if (!isAbsent(chunk['error'])) {
      this.held.settle(this.usage, out);
      this.complete = true;
      out.push(frame('error', errorToMessages(500, chunk)).raw);
      return;
    }
    this.reader.read(chunk);
    this.#start(chunk, out);
    const choice = listOf(chunk['choices'])[0];
    if (isObject(choice)) this.#translate(choice, out);
  }

  #start(chunk: JsonObject, out: Output): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    this.#id = messageId(chunk['id']);
    const message = {
      id: this.#id,
      type: 'message',
      role: 'assistant',
      model: this.#options.requestedModel,
      content: [],
      stop_reason: null,
      stop_sequence: null,
      // Some clients keep the input count of this event as the final one, so it must not be zero.
      usage: { input_tokens: this.#options.inputTokens, output_tokens: 0 },
    };
    out.push(frame('message_start', { message }).raw);
    out.push(frame('ping', {}).raw);
  }

  #translate(choice: JsonObject, out: Output): void {
    const delta = isObject(choice['delta']) ? choice['delta'] : {};
    const refusal = textOf(delta['refusal']);
    this.#refused ||= refusal !== '';
    this.#finishReason = choice['finish_reason'] ?? this.#finishReason;
    this.#blocks.text('thinking', reasoningIn(delta), out);
    this.#blocks.text('text', textOf(delta['content']) + refusal, out);
    for (const [position, call] of callsIn(delta).entries()) {
      this.#blocks.call(callPiece(call, position), out);
    }
  }

  #finish(out: Output): void {
    this.#start({}, out);
    this.#blocks.finish(out);
    const usage = translatedUsage(
      this.usage ?? estimatedUsage(this.#options.inputTokens, this.outputBytes),
    );
    const reason = stopReason(this.#finishReason, {
      refused: this.#refused,
      called: this.#blocks.calls > 0,
    });
    const delta = { stop_reason: reason, stop_sequence: null };
    this.held.hold(frame('message_delta', { delta, usage }), false, out);
    this.held.settle(this.usage, out);
    this.complete = true;
    out.push(frame('message_stop', {}).raw);
  }
}
