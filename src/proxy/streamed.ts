// An answer that is streamed: every event passes as it comes, with backpressure from the client to
// the provider. When the client hangs up the provider is read to its end, since it bills what it
// generates and only its last event says how much.

import type { ErrorCode } from '../kernel/errors.js';
import type { UpstreamFailure } from '../upstream/upstream.js';
import { ChatToMessagesMeter } from '../wire/chat-to-messages-stream.js';
import { MessagesToChatMeter } from '../wire/messages-to-chat-stream.js';
import { meterFor } from '../wire/meter.js';
import { type MeterOptions, roughTokens, type StreamMeter } from '../wire/stream.js';
import { type Answer, answerHeaders, type AnswerParts } from './answer.js';
import { reportStreamWithoutCost } from './report.js';

export class StreamAnswer implements Answer {
  readonly #parts: AnswerParts;
  readonly #meter: StreamMeter;
  #paused = false;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
    this.#meter = this.#meterFor();
    const { exchange, status } = parts;
    exchange.begin(status, answerHeaders(parts));
    exchange.onReady(() => this.#clientChanged());
    if (exchange.closed) this.#clientChanged();
  }

  data(chunk: Buffer): void {
    const settledBefore = this.#meter.settled;
    const bytes = this.#meter.push(chunk);
    if (this.#meter.settled && !settledBefore) this.#settled();
    if (bytes !== null && bytes.length > 0) this.#write(bytes);
  }

  end(): void {
    this.#finish('upstream_unreachable');
  }

  cut(failure: UpstreamFailure): void {
    this.#finish(failure.isLate ? 'upstream_timeout' : 'upstream_unreachable');
  }

  /** `cut`: what the client is told if the stream has not come to its own end. */
  #finish(cut: ErrorCode): void {
    const { proxy, call, exchange } = this.#parts;
    call.stopDeadline();
    const settledBefore = this.#meter.settled;
    const bytes = this.#meter.end(cut);
    if (!settledBefore) this.#settled();
    if (exchange.closed) return;
    if (bytes.length > 0) exchange.write(bytes);
    if (exchange.end()) return;
    // All is settled, but the client has yet to take the rest: it is given a deadline of its own.
    if (cut === 'upstream_timeout') return exchange.drop();
    const deadline = proxy.deadlines.add(() => exchange.drop());
    exchange.onReady(() => proxy.deadlines.remove(deadline));
  }

  /** The settle record is written before the bytes that tell its cost. */
  #settled(): void {
    const { proxy, call } = this.#parts;
    const { complete, usage, outputBytes } = this.#meter;
    // A stream that was cut could tell no usage; one that came to its end should have.
    if (complete && usage === null && outputBytes > 0) reportStreamWithoutCost(proxy, call);
    proxy.turn.flush();
  }

  #write(bytes: Uint8Array): void {
    const { exchange, forwarding } = this.#parts;
    if (exchange.closed || exchange.write(bytes)) return;
    this.#paused = true;
    forwarding().pause();
  }

  /** The client can take more, or has left. */
  #clientChanged(): void {
    const { proxy, exchange, forwarding } = this.#parts;
    if (exchange.closed && proxy.config.server.onDisconnect === 'abort' && !this.#meter.settled) {
      forwarding().abort({ message: 'was left by the client', isLate: false });
    } else if (this.#paused) {
      this.#paused = false;
      forwarding().resume();
    }
  }

  #meterFor(): StreamMeter {
    const { proxy, exchange, sent, call, status } = this.#parts;
    const options: MeterOptions = {
      settle: (usage) => call.costMembers(call.settle(usage, this.#meter, status)),
      stripUsage: sent.usageInjected,
      // Clients take the first figure they see for how full the context is: the bound, some four
      // times the truth, would have them summarize it away.
      inputTokens: Math.min(call.candidate.inputTokens, roughTokens(exchange.body.length)),
      requestedModel: call.quote.request.model,
    };
    if (exchange.api === 'messages' && sent.wire === 'chat') {
      return new ChatToMessagesMeter({ ...options, toolNames: sent.toolNames });
    }
    if (exchange.api === 'chat' && sent.wire === 'messages') {
      const createdSeconds = Math.floor(proxy.now() / 1000);
      return new MessagesToChatMeter({ ...options, createdSeconds });
    }
    return meterFor(sent.wire, options);
  }
}
