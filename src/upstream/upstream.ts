// One provider as a worker sees it. Sends what it is given, hands back what comes; knows nothing of
// money, but for this: a request is sent again only when no byte of it has left.

import type { ProviderConfig } from '../config/config.js';
import { messageOf } from '../kernel/errors.js';
import { type Connection, type InFlight, Origin } from './connection.js';
import { type Deadline, Deadlines } from './deadlines.js';
import { Pool, type Waiter } from './pool.js';
import { baseHeaders, isReturnedHeader, pathOf, type Target } from './provider.js';
import { MalformedResponse, type ResponseHead } from './response-head.js';

/** Sockets to one provider from one worker; beyond them requests wait. */
const CONNECTIONS_MAX = 16_384;

/**
 * How long an idle connection is trusted. A provider closes it sooner or later, and a request that
 * crosses with its goodbye is lost and charged. Behind TLS there are load balancers, which wait for
 * minutes and where a new connection costs round trips; plain servers are near, and common ones
 * (uvicorn) wait for five seconds.
 */
const IDLE_MS = { tls: 60_000, plain: 4_000 } as const;

/** Pauses before a connection that could not be made is tried again. */
const RETRY_AFTER_MS = [50, 250] as const;

/** The errors of the system's that say so: a connection was never made. */
const NEVER_CONNECTED = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EAI_AGAIN',
]);

/** Why a request is given up: completes "Provider NAME …". */
export interface Abort {
  readonly message: string;
  /** A deadline of ours has passed. */
  readonly isLate: boolean;
}

export interface UpstreamFailure extends Abort {
  /** False when no byte of the request can have reached the provider. */
  readonly sent: boolean;
  /** An answer came, billed no doubt, that nobody can read. */
  readonly unreadable: boolean;
}

export type ReturnedHeaders = readonly (readonly [name: string, value: string])[];

export interface ForwardHandler {
  onStart(status: number, headers: ReturnedHeaders): void;
  /** The bytes' memory is used again after the call: what is kept of them has to be copied. */
  onData(bytes: Buffer): void;
  /** `isSent`: all of the request had left, and its body's memory may be used again. */
  onEnd(isSent: boolean): void;
  onFailure(failure: UpstreamFailure): void;
}

export interface Forwarding {
  pause(): void;
  resume(): void;
  abort(why: Abort): void;
}

export interface ForwardRequest {
  readonly target: Target;
  readonly body: Buffer | string;
  readonly headers: Readonly<Record<string, string>>;
}

export class Upstream {
  readonly provider: ProviderConfig;
  readonly pool: Pool;
  /** Of answers that have not begun. Under backpressure only the caller's own deadline counts. */
  readonly firstBytes: Deadlines;
  readonly #headers: Readonly<Record<string, string>>;
  /** Of requests without headers of their own, which are nearly all. */
  readonly #heads = new Map<Target, Buffer>();
  #isRetired = false;

  constructor(provider: ProviderConfig, now: () => number) {
    const url = new URL(provider.baseUrl);
    this.provider = provider;
    this.firstBytes = new Deadlines(provider.firstByteTimeoutMs, now);
    this.#headers = { host: url.host, ...baseHeaders(provider) };
    const limits = {
      connectTimeoutMs: provider.connectTimeoutMs,
      connectionsMax: CONNECTIONS_MAX,
      idleMs: url.protocol === 'https:' ? IDLE_MS.tls : IDLE_MS.plain,
    };
    this.pool = new Pool(new Origin(url), limits, now);
  }

  forward(request: ForwardRequest, handler: ForwardHandler): Forwarding {
    const head = this.#headOf(request);
    const body = typeof request.body === 'string' ? Buffer.from(request.body) : request.body;
    const exchange = new UpstreamExchange(this, handler, head ?? NO_HEAD, body);
    if (head === null) exchange.abort(UNSENDABLE);
    else if (this.#isRetired) exchange.failed(RETIRED, false);
    else exchange.attempt();
    return exchange;
  }

  /** Another has taken its place: what is in flight ends as it began, then nothing is left. */
  retire(onEmpty: () => void): void {
    this.#isRetired = true;
    this.pool.retire(onEmpty);
  }

  close(): void {
    this.pool.close();
  }

  /** `null` when it cannot be sent. */
  #headOf({ target, headers }: ForwardRequest): Buffer | null {
    const known = isEmpty(headers) ? this.#heads.get(target) : undefined;
    if (known !== undefined) return known;
    const head = this.#headWith(target, headers);
    if (head !== null && isEmpty(headers)) this.#heads.set(target, head);
    return head;
  }

  /**
   * Up to the length of the body. A header given takes the place of ours. `null` when a value would
   * end its line.
   */
  #headWith(target: Target, headers: Readonly<Record<string, string>>): Buffer | null {
    let head = `POST ${pathOf(this.provider, target)} HTTP/1.1\r\n`;
    for (const [name, value] of Object.entries({ ...this.#headers, ...headers })) {
      if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(value)) return null;
      head += `${name}: ${value}\r\n`;
    }
    return Buffer.from(`${head}content-length: `, 'latin1');
  }
}

function isEmpty(headers: Readonly<Record<string, string>>): boolean {
  for (const _ in headers) return false;
  return true;
}

const RETIRED = new Error('another has taken its place');

const NO_HEAD = Buffer.alloc(0);

/** A client's header holds what would end the line it stands in. */
const UNSENDABLE: Abort = { message: 'cannot be sent a header of this request', isLate: false };

class UpstreamExchange implements Waiter, InFlight, Forwarding {
  readonly #upstream: Upstream;
  readonly #head: Buffer;
  readonly #body: Buffer;
  #handler: ForwardHandler | null;
  #connection: Connection | null = null;
  #firstByte: Deadline | null = null;
  #aborted: Abort | null = null;
  #isUnreadable = false;
  #attempts = 0;

  constructor(upstream: Upstream, handler: ForwardHandler, head: Buffer, body: Buffer) {
    this.#upstream = upstream;
    this.#handler = handler;
    this.#head = head;
    this.#body = body;
  }

  attempt(): void {
    // Given up while it waited to be tried again.
    if (this.#handler === null) return;
    this.#attempts += 1;
    this.#upstream.pool.acquire(this);
  }

  ready(connection: Connection): boolean {
    if (!connection.send(this, this.#head, this.#body)) return false;
    this.#connection = connection;
    const { firstBytes } = this.#upstream;
    this.#firstByte = firstBytes.add(() => {
      const message = `sent no answer for ${firstBytes.timeoutMs / 1000} s`;
      this.abort({ message: `${message} (first_byte_timeout_seconds)`, isLate: true });
    });
    return true;
  }

  failed(error: Error, isLate: boolean): void {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const pauseMs = RETRY_AFTER_MS[this.#attempts - 1];
    if (pauseMs !== undefined && NEVER_CONNECTED.has(code)) {
      setTimeout(() => this.attempt(), pauseMs);
      return;
    }
    const seconds = this.#upstream.provider.connectTimeoutMs / 1000;
    const message = isLate
      ? `accepted no connection within ${seconds} s (connect_timeout_seconds)`
      : `cannot be reached: ${messageOf(error) || code}`;
    this.#fail({ message, isLate, sent: false, unreadable: false });
  }

  head({ status, headers }: ResponseHead): void {
    this.#endWait();
    const returned: [string, string][] = [];
    for (let at = 0; at < headers.length; at += 2) {
      const name = headers[at] as string;
      const value = headers[at + 1] as string;
      if (isReturnedHeader(name)) returned.push([name, value]);
      if (name === 'content-encoding' && !isPlain(value) && status >= 200 && status < 300) {
        this.#isUnreadable = true;
        const message = `encoded its answer (${value}), which nobody asked it for`;
        return this.abort({ message, isLate: false });
      }
    }
    this.#guarded((handler) => handler.onStart(status, returned));
  }

  body(bytes: Buffer): void {
    this.#guarded((handler) => handler.onData(bytes));
  }

  end(): void {
    const isSent = this.#connection?.isSent === true;
    this.#connection = null;
    this.#guarded((handler) => {
      handler.onEnd(isSent);
      this.#handler = null;
    });
  }

  broken(error: Error): void {
    this.#endWait();
    const isMalformed = error instanceof MalformedResponse;
    const message = `${isMalformed ? 'cannot be understood' : 'cannot be reached'}: ${messageOf(error)}`;
    const isAnswer = isMalformed && error.status >= 200 && error.status < 300;
    const why = this.#aborted ?? { message, isLate: false };
    this.#fail({ ...why, sent: true, unreadable: this.#isUnreadable || isAnswer });
  }

  pause(): void {
    this.#connection?.pause();
  }

  resume(): void {
    this.#connection?.resume();
  }

  abort(why: Abort): void {
    if (this.#handler === null) return;
    this.#aborted = why;
    if (this.#connection !== null) return this.#connection.close(new Error(why.message));
    // Waiting for a connection, or for another attempt to make one.
    this.#upstream.pool.cancel(this);
    this.#fail({ ...why, sent: false, unreadable: false });
  }

  /** What an answer finds wrong with its handling ends this request, not its thread. */
  #guarded(tell: (handler: ForwardHandler) => void): void {
    if (this.#handler === null) return;
    try {
      tell(this.#handler);
    } catch (error) {
      process.emitWarning(`an answer is given up on a defect: ${messageOf(error)}`);
      const why = { message: `sent what cannot be handled: ${messageOf(error)}`, isLate: false };
      if (this.#connection !== null) return this.abort(why);
      this.#fail({ ...why, sent: true, unreadable: false });
    }
  }

  #endWait(): void {
    if (this.#firstByte !== null) this.#upstream.firstBytes.remove(this.#firstByte);
    this.#firstByte = null;
  }

  #fail(failure: UpstreamFailure): void {
    const handler = this.#handler;
    this.#handler = null;
    this.#connection = null;
    handler?.onFailure(failure);
  }
}

const isPlain = (encoding: string): boolean => /^(identity)?$/i.test(encoding);
