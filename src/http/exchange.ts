// One HTTP exchange on a uWebSockets response. After an abort the response must never be touched
// again, and every write outside its handler is corked; both are kept here and nowhere else.

import { STATUS_CODES } from 'node:http';
import type { HttpResponse } from 'uWebSockets.js';
import type { Api } from '../kernel/api.js';
import type { Exchange, Headers } from '../proxy/exchange.js';
import type { Tally } from '../proxy/tally.js';

const DRAIN = ':\n\n';

export class HttpExchange implements Exchange {
  readonly api: Api;
  readonly credential: string | null;
  readonly forwarded: Readonly<Record<string, string>>;
  readonly retryCount: number;
  readonly tally: Tally;
  body: Buffer = Buffer.alloc(0);
  readAtUs = 0;
  closed = false;
  readonly #isHead: boolean;
  readonly #response: HttpResponse;
  #ready: (() => void) | null = null;
  #blocked = false;
  #onEnd: () => void;

  constructor(
    response: HttpResponse,
    request: {
      readonly api: Api;
      readonly credential: string | null;
      readonly isHead: boolean;
      readonly forwarded: Readonly<Record<string, string>>;
      readonly retryCount: number;
      readonly tally: Tally;
      /** Called once when the exchange is over, answered or aborted. */
      readonly onEnd: () => void;
    },
  ) {
    this.#response = response;
    this.api = request.api;
    this.credential = request.credential;
    this.forwarded = request.forwarded;
    this.retryCount = request.retryCount;
    this.tally = request.tally;
    this.#onEnd = request.onEnd;
    this.#isHead = request.isHead;
    response.onAborted(() => {
      if (this.closed) return;
      this.closed = true;
      this.#onEnd();
      this.#ready?.();
    });
  }

  reply(status: number, headers: Headers, body: string | Uint8Array): void {
    if (this.closed) return;
    this.closed = true;
    this.#response.cork(() => {
      this.#head(status, headers);
      // A body behind the head of a HEAD answer would be read as the next answer.
      if (!this.#isHead) return void this.#response.end(body);
      this.#response.writeHeader('content-length', String(Buffer.byteLength(body)));
      this.#response.endWithoutBody();
    });
    this.#onEnd();
  }

  begin(status: number, headers: Headers): void {
    if (this.closed) return;
    this.#response.cork(() => this.#head(status, headers));
    this.#response.onWritable(() => {
      if (!this.#blocked) return true;
      // With a handler set, uWebSockets sends what it holds back only along with the next write: an
      // SSE comment is one that tells the client nothing.
      if (!this.#send(DRAIN)) return false;
      this.#blocked = false;
      this.#ready?.();
      return true;
    });
  }

  write(chunk: Uint8Array): boolean {
    if (this.closed) return true;
    const drained = this.#send(chunk);
    if (!drained) this.#blocked = true;
    return drained;
  }

  #send(chunk: Uint8Array | string): boolean {
    let drained = true;
    this.#response.cork(() => {
      drained = this.#response.write(chunk);
    });
    return drained;
  }

  end(): void {
    if (this.closed) return;
    this.closed = true;
    this.#response.cork(() => this.#response.end());
    this.#onEnd();
  }

  onReady(listener: () => void): void {
    this.#ready = listener;
  }

  #head(status: number, headers: Headers): void {
    this.#response.writeStatus(`${status} ${STATUS_CODES[status] ?? 'Unknown'}`);
    for (const [name, value] of headers) this.#response.writeHeader(name, value);
  }
}
