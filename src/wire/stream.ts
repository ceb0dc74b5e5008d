// What every wire's stream meter promises, and the parts they share: holding the event that carries
// the usage until its cost can be spliced in, the comment that stands in for it, and the error that
// ends a stream which was cut. A meter never waits for a byte that it could pass on.

import type { ErrorCode } from '../kernel/errors.js';
import { NO_USAGE, type Usage } from '../kernel/usage.js';
import { errorBody } from './error.js';
import { appendMembers } from './json.js';
import { parseReport } from './shape.js';
import type { Output } from './output.js';
import { withData, type SseEvent } from './sse.js';

export interface StreamMeter {
  /**
   * The bytes to send the client now, `null` when there are none. They may be the chunk's own, or
   * stand in memory that serves all meters of a thread: they hold until any of them is given more.
   * Nothing of the chunk is kept.
   */
  push(chunk: Uint8Array): Uint8Array | null;
  /**
   * The upstream ended, whole or cut: the remaining bytes. A stream without its terminal event gets
   * an error event with the code given, `upstream_unreachable` by default.
   */
  end(cut?: ErrorCode): Uint8Array;
  readonly settled: boolean;
  /** The provider's report; `null` until it has come. */
  readonly usage: Usage | null;
  /** What a wire that begins with a report has told of the input, though no end ever came. */
  readonly begun?: Usage | null;
  /** UTF-8 bytes of all text, tool and reasoning deltas so far: never fewer than their tokens. */
  readonly outputBytes: number;
  /** The model that the provider says it serves. */
  readonly model: string | null;
  /** The terminal event, or an error in its place, was seen. */
  readonly complete: boolean;
}

export interface MeterOptions {
  /**
   * The JSON members to splice in; `''` leaves the bytes untouched. Called exactly once, at the
   * moment its bytes are about to be emitted, unless the client leaves before.
   */
  readonly settle: (usage: Usage | null) => string;
  /** `include_usage` was injected: drop the event and the `null` members it caused. */
  readonly stripUsage: boolean;
  /** The estimate for `message_start` when translating. */
  readonly inputTokens: number;
  readonly requestedModel: string;
}

/**
 * What may wait behind a held event. Beyond it the event goes out unspliced, and a comment tells
 * the cost.
 */
const HELD_BYTES_MAX = 64 * 1024;

/** Of English text. */
const BYTES_PER_TOKEN = 4;

/** About how many tokens a text or a request of so many bytes has; never a bill. */
export const roughTokens = (bytes: number): number => Math.ceil(bytes / BYTES_PER_TOKEN);

/** What a translated stream tells its client when the provider reported nothing; never a bill. */
export const estimatedUsage = (inputTokens: number, outputBytes: number): Usage => ({
  ...NO_USAGE,
  inputTokens,
  outputTokens: roughTokens(outputBytes),
});

/** `"request_cost_cents":180,"cost_cents":360` as an SSE comment. */
function costComment(members: string): Uint8Array {
  const text = members.replaceAll('"', '').replaceAll(':', '=').replaceAll(',', ' ');
  return Buffer.from(`: tokenpak ${text}\n\n`);
}

const withRaw = ({ event, data, dataSpan }: SseEvent, raw: Buffer): SseEvent => ({
  raw,
  event,
  data,
  dataSpan,
});

/**
 * One event that may turn out to be the last with usage, and what came behind it in the meantime.
 */
export class HeldUsage {
  settled = false;
  readonly #settle: (usage: Usage | null) => string;
  #event: SseEvent | null = null;
  #isStripped = false;
  #behind: Uint8Array[] = [];
  #behindBytes = 0;

  constructor(settle: (usage: Usage | null) => string) {
    this.#settle = settle;
  }

  /** The event takes the place of the one held before. Stripped, it never reaches the client. */
  hold(event: SseEvent, isStripped: boolean, out: Output): void {
    this.release(out);
    this.#event = withRaw(event, Buffer.from(event.raw));
    this.#isStripped = isStripped;
  }

  /** An event that tells nothing about usage: out, in its order. */
  pass(event: SseEvent, out: Output): void {
    if (this.#event === null) {
      out.pass(event);
      return;
    }
    const raw = Buffer.from(event.raw);
    this.#behind.push(raw);
    this.#behindBytes += raw.length;
    if (this.#behindBytes > HELD_BYTES_MAX) this.release(out);
  }

  /** The held event was not the last: it goes out as it came. */
  release(out: Output): void {
    if (this.#event !== null && !this.#isStripped) out.push(this.#event.raw);
    this.#follow(out);
  }

  /**
   * The stream is over: the cost goes out in the held event, or as a comment. Later calls do
   * nothing.
   */
  settle(usage: Usage | null, out: Output): void {
    if (this.settled) return;
    this.settled = true;
    const members = this.#settle(usage);
    if (members === '') {
      this.release(out);
    } else if (this.#event !== null && !this.#isStripped) {
      out.push(withData(this.#event, (data) => appendMembers(data, members)));
    } else {
      out.push(costComment(members));
    }
    this.#follow(out);
  }

  #follow(out: Output): void {
    if (this.#event === null) return;
    for (const raw of this.#behind) out.push(raw);
    this.#event = null;
    this.#behind = [];
    this.#behindBytes = 0;
  }
}

/**
 * The last event of a stream that ended without a blank line, ended properly. `null` when it is a
 * fragment: a client would choke on half a JSON text before it saw the error event.
 */
export function salvaged(event: SseEvent | null): SseEvent | null {
  if (event === null || event.data === null) return null;
  if (event.data !== '[DONE]' && parseReport(event.data) === null) return null;
  const raw = Buffer.from(event.raw).toString('utf8');
  if (/(\n|\r\n?)(\n|\r)$/.test(raw)) return event;
  return withRaw(event, Buffer.from(`${raw.trimEnd()}\n\n`));
}

/** Why a stream ends in an error. */
export const cutMessage = (code: ErrorCode): string =>
  code === 'upstream_timeout'
    ? 'The request reached its deadline before the answer was complete.'
    : 'The provider ended the stream before the answer was complete.';

/** What a client of this wire understands as the end of a stream that failed. */
export function cutEvent(api: 'chat' | 'messages', code: ErrorCode): Uint8Array {
  const body = errorBody(api, { code, message: cutMessage(code) });
  return Buffer.from(
    api === 'chat' ? `data: ${body}\n\ndata: [DONE]\n\n` : `event: error\ndata: ${body}\n\n`,
  );
}
