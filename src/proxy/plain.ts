// An answer that is not streamed: held until it is whole, since its cost stands in it. The body is
// the provider's, byte for byte, with the two cost members spliced in before its last brace.

import { centsText } from '../kernel/money.js';
import type { Usage } from '../kernel/usage.js';
import type { UpstreamFailure } from '../upstream/upstream.js';
import { appendMembers } from '../wire/json.js';
import { chatToMessages, errorToMessages } from '../wire/translate.js';
import { chatUsage, messagesUsage } from '../wire/usage.js';
import type { Headers } from './exchange.js';
import { type Answer, answerHeaders, type AnswerParts, failureRejection } from './answer.js';
import type { Outgoing } from './outgoing.js';
import { reject } from './rejection.js';

/** No provider's JSON answer is larger; a larger one is cut off and charged as an estimate. */
const ANSWER_BYTES_MAX = 64 * 1024 * 1024;

export class PlainAnswer implements Answer {
  readonly #parts: AnswerParts;
  readonly #chunks: Buffer[] = [];
  #bytes = 0;

  constructor(parts: AnswerParts) {
    this.#parts = parts;
  }

  data(chunk: Buffer): void {
    this.#bytes += chunk.length;
    if (this.#bytes > ANSWER_BYTES_MAX) {
      this.#parts.forwarding().abort('the answer is larger than 64 MiB');
      return;
    }
    this.#chunks.push(chunk);
  }

  end(): void {
    const { call, sent, status } = this.#parts;
    const bytes =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    const json = parseObject(bytes);
    const usage = usageOf(sent, json);
    const body = this.#clientBody(bytes, json);
    if (usage === null && (status < 200 || status >= 300)) {
      call.release(status);
      return this.#reply(body, []);
    }
    const settlement = call.settle(usage, bytes.length, status);
    const members = call.costMembers(settlement);
    this.#reply(json === null || members === '' ? body : appendMembers(body, members), [
      ['x-tokenpak-cost-cents', centsText(settlement.cost)],
    ]);
  }

  cut(failure: UpstreamFailure): void {
    const { proxy, call, exchange } = this.#parts;
    call.settle(null, this.#bytes, call.timedOut ? 504 : 502);
    proxy.turn.after(() => {
      reject(exchange, call.requestId, failureRejection(proxy, call, failure));
    });
  }

  /**
   * The answer as the client's API has it: the provider's bytes, unless it had to be translated.
   */
  #clientBody(bytes: Buffer, json: Record<string, unknown> | null): Buffer {
    const { exchange, sent, call, status } = this.#parts;
    if (exchange.api === sent.wire) return bytes;
    const succeeded = status >= 200 && status < 300;
    const translated =
      succeeded && json !== null
        ? chatToMessages(json, { requestedModel: call.quote.request.model })
        : errorToMessages(status, json);
    return Buffer.from(JSON.stringify(translated));
  }

  #reply(body: Buffer, extra: Headers): void {
    const { proxy, exchange, status } = this.#parts;
    const all = [...answerHeaders(this.#parts), ...extra];
    proxy.turn.after(() => exchange.reply(status, all, body));
  }
}

function parseObject(bytes: Buffer): Record<string, unknown> | null {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    const isObject = typeof json === 'object' && json !== null && !Array.isArray(json);
    return isObject ? (json as Record<string, unknown>) : null;
  } catch {
    // Not JSON (an HTML error page, a cut body): it passes as it is and carries no usage.
    return null;
  }
}

function usageOf(sent: Outgoing, json: Record<string, unknown> | null): Usage | null {
  if (json === null) return null;
  return sent.wire === 'chat' ? chatUsage(json['usage']) : messagesUsage(json['usage']);
}
