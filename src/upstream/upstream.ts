// One provider's connections from one worker. Sends what it is given, hands back what comes; knows
// nothing of money, but for this: a request is sent again only when no byte of it has left.

import { type Dispatcher, Pool } from 'undici';
import type { ProviderConfig } from '../config/config.js';
import { messageOf } from '../kernel/errors.js';
import { type Deadline, Deadlines } from './deadlines.js';
import { baseHeaders, isReturnedHeader, pathOf, type Target } from './provider.js';

/** Sockets to one provider from one worker; beyond them requests queue in the pool. */
const CONNECTIONS_MAX = 4096;
const KEEP_ALIVE_MS = 60_000;

/** Pauses before a connection that could not be made is tried again. */
const RETRY_AFTER_MS = [50, 250] as const;

/** A connection that was never made, by the errors of the system's that say so. */
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

export interface ForwardHandler {
  onStart(status: number, headers: readonly [string, string][]): void;
  onData(chunk: Buffer): void;
  onEnd(): void;
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
  /** Of answers that have not begun. Under backpressure only the caller's own deadline counts. */
  readonly firstBytes: Deadlines;
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;
  readonly #paths = new Map<Target, string>();

  constructor(provider: ProviderConfig, now: () => number) {
    this.provider = provider;
    this.firstBytes = new Deadlines(provider.firstByteTimeoutMs, now);
    this.#headers = baseHeaders(provider);
    this.#pool = new Pool(new URL(provider.baseUrl).origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: { timeout: provider.connectTimeoutMs, noDelay: true },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  forward(request: ForwardRequest, handler: ForwardHandler): Forwarding {
    let path = this.#paths.get(request.target);
    if (path === undefined) {
      path = pathOf(this.provider, request.target);
      this.#paths.set(request.target, path);
    }
    const options: Dispatcher.DispatchOptions = {
      path,
      method: 'POST',
      headers: { ...this.#headers, ...request.headers },
      body: request.body,
    };
    const exchange = new UpstreamExchange(this, handler, () =>
      this.#pool.dispatch(options, exchange),
    );
    exchange.attempt();
    return exchange;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

class UpstreamExchange implements Dispatcher.DispatchHandler, Forwarding {
  readonly #upstream: Upstream;
  readonly #dispatch: () => void;
  #handler: ForwardHandler | null;
  #controller: Dispatcher.DispatchController | null = null;
  #firstByte: Deadline | null = null;
  #aborted: Abort | null = null;
  #unreadable = false;
  #attempts = 0;

  constructor(upstream: Upstream, handler: ForwardHandler, dispatch: () => void) {
    this.#upstream = upstream;
    this.#handler = handler;
    this.#dispatch = dispatch;
  }

  attempt(): void {
    // Given up while it waited to be tried again.
    if (this.#handler === null) return;
    this.#attempts += 1;
    this.#dispatch();
  }

  // undici calls this once a socket is there, right before it writes: from here on bytes may be
  // out.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#aborted !== null) return controller.abort(new Error(this.#aborted.message));
    const { firstBytes } = this.#upstream;
    this.#firstByte = firstBytes.add(() => {
      const message = `sent no answer for ${firstBytes.timeoutMs / 1000} s`;
      this.abort({ message: `${message} (first_byte_timeout_seconds)`, isLate: true });
    });
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    this.#endWait();
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity' && status >= 200 && status < 300) {
      this.#unreadable = true;
      const message = `sent an answer that is encoded (${String(encoding)})`;
      this.#aborted = { message: `${message}, which was not asked for`, isLate: false };
      controller.abort(new Error(message));
      return;
    }
    const returned: [string, string][] = [];
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined && isReturnedHeader(name)) {
        returned.push([name, Array.isArray(value) ? value.join(', ') : value]);
      }
    }
    this.#handler?.onStart(status, returned);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#handler?.onData(chunk);
  }

  onResponseEnd(): void {
    this.#handler?.onEnd();
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#endWait();
    const sent = this.#controller !== null;
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const pauseMs = RETRY_AFTER_MS[this.#attempts - 1];
    if (!sent && pauseMs !== undefined && NEVER_CONNECTED.has(code)) {
      setTimeout(() => this.attempt(), pauseMs);
      return;
    }
    const isLate = !sent && code === 'UND_ERR_CONNECT_TIMEOUT';
    const seconds = this.#upstream.provider.connectTimeoutMs / 1000;
    const message = isLate
      ? `accepted no connection within ${seconds} s (connect_timeout_seconds)`
      : `cannot be reached: ${messageOf(error)}`;
    const why = this.#aborted ?? { message, isLate };
    this.#fail({ ...why, sent, unreadable: this.#unreadable });
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(why: Abort): void {
    this.#aborted = why;
    // Queued or still connecting: undici tells nobody before it has a socket, so it is over here.
    if (this.#controller === null) this.#fail({ ...why, sent: false, unreadable: false });
    else this.#controller.abort(new Error(why.message));
  }

  #endWait(): void {
    if (this.#firstByte !== null) this.#upstream.firstBytes.remove(this.#firstByte);
    this.#firstByte = null;
  }

  #fail(failure: UpstreamFailure): void {
    const handler = this.#handler;
    this.#handler = null;
    handler?.onFailure(failure);
  }
}
