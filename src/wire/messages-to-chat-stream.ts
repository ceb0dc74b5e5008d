// Meters an Anthropic stream for a client of Chat Completions, and translates it as it comes. The
// reason to stop waits for the stream's end, since several events may tell it.

import type { ErrorCode } from '../kernel/errors.js';
import { DONE } from './chat-reader.js';
import { MessagesReader } from './messages-reader.js';
import { chatUsageOf, completionId, errorToChat, finishReason } from './messages-to-chat-answer.js';
import type { Output } from './output.js';
import { isObject, parseObject, textOf, type JsonObject } from './shape.js';
import type { SseEvent } from './sse.js';
import { cutEvent, estimatedUsage, type MeterOptions } from './stream.js';
import { EventMeter } from './event-meter.js';

export interface MessagesToChatOptions extends MeterOptions {
  /** Unix seconds, which a message does not tell. */
  readonly createdSeconds: number;
}

function frame(data: string): SseEvent {
  const head = 'data: ';
  const raw = Buffer.from(`${head}${data}\n\n`);
  return { raw, event: null, data, dataSpan: { start: head.length, end: raw.length - 2 } };
}

/** Keeps the connection alive, as Anthropic's ping does. */
const PING = Buffer.from(': ping\n\n');

export class MessagesToChatMeter extends EventMeter<MessagesReader> {
  readonly #options: MessagesToChatOptions;
  #id = completionId(null);
  #isStarted = false;
  #calls = 0;
  /**
   * The input of the call under way as far as its arguments are not sent: `null` outside a call.
   */
  #unsentInput: unknown = null;
  #stopReason: string | null = null;

  constructor(options: MessagesToChatOptions) {
    super(options, new MessagesReader());
    this.#options = options;
  }

  protected override conclude(out: Output): void {
    if (this.#stopReason !== null) this.#finish(out);
  }

  protected override cutEvent(code: ErrorCode): Uint8Array {
    return cutEvent('chat', code);
  }

  protected override take(event: SseEvent, out: Output): void {
    if (this.complete) return;
    if (event.data === null) {
      // Comments keep the connection alive, and are the same in both wires.
      out.pass(event);
      return;
    }
    const parsed = parseObject(event.data);
    if (parsed === null) return;
    const body = { ...parsed, type: parsed['type'] ?? event.event };
    this.reader.read(body);
    this.#translate(body, out);
  }

  #translate(body: JsonObject, out: Output): void {
    switch (body['type']) {
      case 'message_start':
        return this.#start(body['message'], out);
      case 'content_block_start':
        return this.#open(isObject(body['content_block']) ? body['content_block'] : {}, out);
      case 'content_block_delta':
        return this.#delta(isObject(body['delta']) ? body['delta'] : {}, out);
      case 'content_block_stop':
        return this.#close(out);
      case 'message_delta': {
        const { delta } = body;
        this.#stopReason =
          (isObject(delta) ? textOf(delta['stop_reason']) : '') || this.#stopReason;
        return;
      }
      case 'message_stop':
        return this.#finish(out);
      case 'error':
        return this.#fail(body, out);
      case 'ping':
        out.push(PING);
        return;
      default:
      // What is yet unknown has no place in the other wire.
    }
  }

  #start(message: unknown, out: Output): void {
    if (this.#isStarted) return;
    this.#isStarted = true;
    if (isObject(message)) this.#id = completionId(message['id']);
    this.#send({ role: 'assistant', content: '', refusal: null }, out);
  }

  #open(block: JsonObject, out: Output): void {
    const { type, id, name, input } = block;
    this.#close(out);
    this.#delta(block, out);
    if (type !== 'tool_use') return;
    this.#unsentInput = input ?? {};
    const index = this.#calls++;
    const call = { index, id, type: 'function', function: { name, arguments: '' } };
    this.#send({ tool_calls: [call] }, out);
  }

  /** The texts of a delta, or those that a block opens with. */
  #delta(delta: JsonObject, out: Output): void {
    const text = textOf(delta['text']);
    const thinking = textOf(delta['thinking']);
    const json = textOf(delta['partial_json']);
    if (text !== '') this.#send({ content: text }, out);
    if (thinking !== '') this.#send({ reasoning_content: thinking }, out);
    if (json !== '') this.#sendArguments(json, out);
  }

  /** Without a piece of its arguments, a call's input stands in its opening; mostly it is empty. */
  #close(out: Output): void {
    if (this.#unsentInput !== null) this.#sendArguments(JSON.stringify(this.#unsentInput), out);
  }

  #sendArguments(json: string, out: Output): void {
    this.#unsentInput = null;
    const call = { index: this.#calls - 1, function: { arguments: json } };
    this.#send({ tool_calls: [call] }, out);
  }

  #finish(out: Output): void {
    this.#start(null, out);
    this.#close(out);
    out.push(this.#chunk([this.#choice({}, finishReason(this.#stopReason))], null).raw);
    const usage = chatUsageOf(
      this.usage ?? estimatedUsage(this.#options.inputTokens, this.outputBytes),
    );
    this.held.hold(this.#chunk([], usage), this.#options.stripUsage, out);
    this.held.settle(this.usage, out);
    this.#done(out);
  }

  #fail(body: JsonObject, out: Output): void {
    this.held.settle(this.usage, out);
    out.push(frame(JSON.stringify(errorToChat(500, body))).raw);
    this.#done(out);
  }

  #done(out: Output): void {
    this.complete = true;
    out.push(frame(DONE).raw);
  }

  #send(delta: JsonObject, out: Output): void {
    out.push(this.#chunk([this.#choice(delta, null)], null).raw);
  }

  #choice(delta: JsonObject, finish_reason: string | null): JsonObject {
    return { index: 0, delta, logprobs: null, finish_reason };
  }

  /** As OpenAI has it, a client that asked for usage finds it in every chunk, and null before. */
  #chunk(choices: readonly JsonObject[], usage: JsonObject | null): SseEvent {
    const chunk = {
      id: this.#id,
      object: 'chat.completion.chunk',
      created: this.#options.createdSeconds,
      model: this.#options.requestedModel,
      choices,
      ...(this.#options.stripUsage ? {} : { usage }),
    };
    return frame(JSON.stringify(chunk));
  }
}
