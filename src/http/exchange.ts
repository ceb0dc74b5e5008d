// One HTTP exchange on a uWebSockets response. After an abort the response must never be touched
// again, and every write outside its handler is corked; both are kept here and nowhere else.

import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from 'uWebSockets.js';
import type { Api } from '../kernel/api.js';
import type { TraceParent } from '../kernel/trace.js';
import type { Exchange, Headers } from '../proxy/exchange.js';
import type { Tally } from '../proxy/tally.js';
import { ROOM_BYTES_MIN, type Rooms } from './rooms.js';

const STATUS_LINES = Object.fromEntries(
  Object.entries(STATUS_CODES).map(([status, words]) => [status, `${status} ${words}`]),
);

/** Tells an SSE client nothing. */
const COMMENT = ':\n\n';

/**
 * uWebSockets hangs up on a client that takes nothing for 10 s, counted from the last write. How
 * slowly a client may read is for the request's deadline to say: so this often a comment goes out.
 */
const PATIENCE_MS = 4000;

/** Who takes nothing of a large answer for so long is gone. */
const IDLE_MS_MAX = 60_000;
const LARGE_BYTES = 1024 * 1024;

const NO_BODY = Buffer.alloc(0);

interface Head {
  readonly status: number;
  readonly headers: Headers;
  readonly common?: Headers | undefined;
}

const isLineEnd = (byte: number | undefined): boolean => byte === 0x0a || byte === 0x0d;

/** What all exchanges of a worker hold. */
export interface Held {
  bytes: number;
}

export class HttpExchange implements Exchange {
  readonly api: Api;
  readonly credential: string | null;
  readonly forwarded: Readonly<Record<string, string>>;
  readonly retryCount: number;
  readonly trace: TraceParent | null;
  readonly tally: Tally;
  body: Buffer = NO_BODY;
  readAtUs = 0;
  closed = false;
  /** Its answer is known and due: no more of its body is wanted. */
  isReplying = false;
  readonly #isHead: boolean;
  readonly #closes: boolean;
  readonly #response: HttpResponse;
  #ready: (() => void) | null = null;
  /** Of a streamed answer: it goes out with the first bytes, in one packet. */
  #begun: Head | null = null;
  #blocked = false;
  /** What is held back ends an event: a comment may follow. */
  #isBetweenEvents = true;
  #isEnding = false;
  #patience: NodeJS.Timeout | undefined;
  readonly #onEnd: () => void;
  readonly #held: Held;
  readonly #rooms: Rooms;
  #room: Buffer | null = null;
  #heldBytes = 0;
  /** The exchange itself is the first. */
  #keepers = 1;

  constructor(
    response: HttpResponse,
    request: {
      readonly api: Api;
      readonly credential: string | null;
      readonly isHead: boolean;
      /** The connection ends with the answer. */
      readonly closes: boolean;
      readonly forwarded: Readonly<Record<string, string>>;
      readonly retryCount: number;
      readonly trace: TraceParent | null;
      readonly tally: Tally;
      readonly held: Held;
      /** Where large bodies lie. */
      readonly rooms: Rooms;
      /** Called once when the exchange is over, answered or aborted. */
      readonly onEnd: () => void;
    },
  ) {
    this.#response = response;
    this.api = request.api;
    this.credential = request.credential;
    this.forwarded = request.forwarded;
    this.retryCount = request.retryCount;
    this.trace = request.trace;
    this.tally = request.tally;
    this.#held = request.held;
    this.#rooms = request.rooms;
    this.#onEnd = request.onEnd;
    this.#isHead = request.isHead;
    this.#closes = request.closes;
    response.onAborted(() => {
      if (this.closed) return;
      this.closed = true;
      clearInterval(this.#patience);
      this.#over();
      this.#ready?.();
    });
  }

  /** Its body is whole: so many bytes of the room that was made for it. */
  take(room: Buffer, bytes: number): void {
    this.body = bytes === room.length ? room : room.subarray(0, bytes);
    if (room.length >= ROOM_BYTES_MIN) this.#room = room;
  }

  bodySent(): void {
    if (this.#room === null) return;
    // Whoever looks for it all the same must not find another's.
    this.body = NO_BODY;
    this.#rooms.giveBack(this.#room);
    this.#room = null;
  }

  hold(bytes: number): void {
    this.#heldBytes += bytes;
    this.#held.bytes += bytes;
    this.tally.gauge('held_bytes', this.#held.bytes);
  }

  keep(): void {
    this.#keepers += 1;
  }

  letGo(): void {
    this.#keepers -= 1;
    if (this.#keepers > 0) return;
    this.#held.bytes -= this.#heldBytes;
    this.#heldBytes = 0;
    this.tally.gauge('held_bytes', this.#held.bytes);
  }

  reply(status: number, headers: Headers, body: string | Uint8Array, common?: Headers): void {
    const head: Head = { status, headers, common };
    if (!this.#closes) return this.#reply(head, body);
    this.isReplying = true;
    // Not at once: uWebSockets would read on in the bytes at hand, though it closes. Behind a
    // request that has no answer it hangs up.
    setImmediate(() => this.#reply(head, body));
  }

  #reply(head: Head, body: string | Uint8Array): void {
    if (this.closed) return;
    this.closed = true;
    if (body.length > LARGE_BYTES) {
      const bytes = typeof body === 'string' ? Buffer.from(body) : body;
      return this.#replyInParts(head, bytes);
    }
    this.#response.cork(() => {
      this.#head(head);
      // A body behind the head of a HEAD answer would be read as the next answer.
      if (!this.#isHead) return void this.#response.end(body, this.#closes);
      this.#response.endWithoutBody(Buffer.byteLength(body), this.#closes);
    });
    this.#over();
  }

  begin(status: number, headers: Headers): void {
    if (this.closed) return;
    this.#begun = { status, headers };
    this.#response.onWritable(() => this.#drain());
  }

  write(chunk: Uint8Array): boolean {
    if (this.closed) return true;
    const drained = this.#send(chunk);
    if (!drained) this.#block(chunk);
    return drained;
  }

  end(): boolean {
    if (this.closed) return true;
    // Ended at once, what the client has not taken by then would be lost if it paused for 10 s.
    this.#isEnding = true;
    if (!this.#blocked) this.#finish();
    return this.closed;
  }

  drop(): void {
    if (!this.closed) this.#response.close();
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  /** An answer that no socket takes at once, in as many parts as the client's reading makes. */
  #replyInParts(head: Head, body: Uint8Array): void {
    const response = this.#response;
    let taken = 0;
    let idleMs = 0;
    const more = (offset: number): boolean => {
      let [ok, isDone] = [true, true];
      response.cork(() => {
        [ok, isDone] = response.tryEnd(body.subarray(offset), body.length);
      });
      if (isDone) over();
      return ok;
    };
    const over = (): void => {
      clearInterval(this.#patience);
      this.#over();
    };
    this.#patience = setInterval(() => {
      const offset = response.getWriteOffset();
      idleMs = offset === taken ? idleMs + PATIENCE_MS : 0;
      taken = offset;
      if (idleMs >= IDLE_MS_MAX) response.close();
      else more(offset);
    }, PATIENCE_MS);
    response.onAborted(over);
    response.onWritable(more);
    response.cork(() => {
      this.#head(head);
      more(0);
    });
  }

  #send(chunk: Uint8Array | string): boolean {
    let drained = true;
    this.#response.cork(() => {
      this.#beginOnce();
      drained = this.#response.write(chunk);
    });
    return drained;
  }

  #block(chunk: Uint8Array): void {
    this.#isBetweenEvents = isLineEnd(chunk.at(-1)) && isLineEnd(chunk.at(-2));
    if (this.#blocked) return;
    this.#blocked = true;
    this.#patience = setInterval(() => {
      if (this.#isBetweenEvents && this.#send(COMMENT)) this.#unblock();
    }, PATIENCE_MS);
  }

  /** The client can take more. True when uWebSockets may hold nothing back any longer. */
  #drain(): boolean {
    if (!this.#blocked) return true;
    // With a handler for this set, uWebSockets sends what it holds back only along with the next
    // write: a comment, or inside of an event the rest of it.
    if (this.#isBetweenEvents && !this.#send(COMMENT)) return false;
    this.#unblock();
    return true;
  }

  #unblock(): void {
    this.#blocked = false;
    clearInterval(this.#patience);
    if (this.#isEnding) this.#finish();
    this.#ready?.();
  }

  #finish(): void {
    this.closed = true;
    this.#response.cork(() => {
      this.#beginOnce();
      this.#response.end(undefined, this.#closes);
    });
    this.#over();
  }

  #beginOnce(): void {
    if (this.#begun === null) return;
    this.#head(this.#begun);
    this.#begun = null;
  }

  #over(): void {
    this.#onEnd();
    this.letGo();
  }

  #head({ status, headers, common }: Head): void {
    // What uWebSockets writes where it is told nothing.
    if (status !== 200) this.#response.writeStatus(STATUS_LINES[status] ?? `${status} Unknown`);
    const [first] = headers;
    if (first === undefined) return;
    // It writes what it is given as it is: one call into it, not one for each header.
    let rest = first[1];
    for (let at = 1; at < headers.length; at++) rest += lineOf(headers[at] as Headers[number]);
    this.#response.writeHeader(first[0], common === undefined ? rest : rest + linesOf(common));
  }
}

const lineOf = ([name, value]: Headers[number]): string => `\r\n${name}: ${value}`;

/** Of lists that are answered with again and again. */
const knownLines = new WeakMap<Headers, string>();

function linesOf(common: Headers): string {
  let lines = knownLines.get(common);
  if (lines === undefined) {
    lines = common.map(lineOf).join('');
    knownLines.set(common, lines);
  }
  return lines;
}
