// An answer that is not streamed: held until it is whole, since its cost stands in it. The body is
// the provider's, byte for byte, with the two cost members spliced in before its last brace.

import type { Usage } from '../kernel/usage.js';
import type { UpstreamFailure } from '../upstream/upstream.js';
import { errorToMessages, toMessagesResponse } from '../wire/chat-to-messages-answer.js';
import { appendMembers } from '../wire/json.js';
import { errorToChat, toChatResponse } from '../wire/messages-to-chat-answer.js';
import { parseObject, parseReport, type JsonObject } from '../wire/shape.js';
import { usageOf } from '../wire/usage.js';
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
      this.#parts.forwarding().abort({ message: 'sent more than 64 MiB', isLate: false });
      return;
    }
    this.#parts.exchange.hold(chunk.length);
    this.#chunks.push(Buffer.from(chunk));
  }

  end(): void {
    const { proxy, call, sent, status } = this.#parts;
    const endedAtUs = proxy.nowUs();
    const bytes =
      this.#chunks.length === 1 ? (this.#chunks[0] as Buffer) : Buffer.concat(this.#chunks);
    // Else (an HTML error page, a cut body) it passes as it is, and carries no usage.
    const text = bytes.toString('utf8');
    const json = parseObject(text);
    const usage = reportedBy(sent, json ?? parseReport(text));
    const body = this.#clientBody(bytes, json);
    if (usage === null && (status < 200 || status >= 300)) {
      call.release(status);
      return this.#reply(body, json, { endedAtUs });
    }
    call.stopDeadline();
    const settlement = call.settle(usage, { outputBytes: bytes.length }, status);
    const members = call.costMembers(settlement);
    const priced = json === null || members === '' ? body : appendMembers(body, members);
    this.#reply(priced, json, { costCents: settlement.costCents, endedAtUs });
  }

  cut(failure: UpstreamFailure): void {
    const { proxy, call, exchange } = this.#parts;
    call.stopDeadline();
    call.settle(null, { outputBytes: this.#bytes }, failure.isLate ? 504 : 502);
    proxy.turn.after(() => {
      reject(exchange, call.requestId, failureRejection(call, failure));
    });
  }

  /**
   * The answer as the client's API has it: the provider's bytes, unless it had to be translated.
   */
  #clientBody(bytes: Buffer, json: JsonObject | null): Buffer {
    const { proxy, exchange, sent, call } = this.#parts;
    if (exchange.api === sent.wire) return bytes;
    const clientStatus = this.#clientStatus(json);
    const succeeded = clientStatus < 300;
    const requestedModel = call.quote.request.model;
    if (exchange.api === 'messages') {
      return asJson(
        succeeded && json !== null
          ? toMessagesResponse(json, { requestedModel, toolNames: sent.toolNames })
          : errorToMessages(clientStatus, json),
      );
    }
    const createdSeconds = Math.floor(proxy.now() / 1000);
    return asJson(
      succeeded && json !== null
        ? toChatResponse(json, { requestedModel, createdSeconds })
        : errorToChat(clientStatus, json),
    );
  }

  /**
   * The provider's; but an error that it told with a 200, or what cannot be read, must not become
   * an empty answer.
   */
  #clientStatus(json: JsonObject | null): number {
    const { exchange, sent, status } = this.#parts;
    const isAnswer =
      exchange.api === sent.wire || (json !== null && (json['error'] ?? null) === null);
    return isAnswer || status >= 300 ? status : 502;
  }

  #reply(
    body: Buffer,
    json: JsonObject | null,
    { costCents, endedAtUs }: { readonly costCents?: string; readonly endedAtUs: number },
  ): void {
    const { proxy, exchange, sent } = this.#parts;
    const all = answerHeaders(this.#parts);
    if (costCents !== undefined) all.push(['x-tokenpak-cost-cents', costCents]);
    // A translated body is JSON, whatever the provider called its own.
    if (exchange.api !== sent.wire) {
      const type = all.findIndex(([name]) => name === 'content-type');
      if (type >= 0) all[type] = ['content-type', 'application/json'];
    }
    const status = this.#clientStatus(json);
    proxy.turn.after(() => {
      exchange.reply(status, all, body);
      proxy.tally.overhead('answer', proxy.nowUs() - endedAtUs);
    });
  }
}

const asJson = (body: object): Buffer => Buffer.from(JSON.stringify(body));

function reportedBy(sent: Outgoing, json: JsonObject | null): Usage | null {
  if (json === null) return null;
  return usageOf(sent.wire, json);
}
