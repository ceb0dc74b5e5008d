// One provider's connections from one worker. Sends what it is given, hands back what comes; knows
// nothing of money. Deadlines are the caller's: undici's body timeout does not fire under
// backpressure.

import { type Dispatcher, Pool } from 'undici';
import type { ProviderConfig } from '../config/config.js';
import { messageOf } from '../kernel/errors.js';
import { baseHeaders, isReturnedHeader, pathOf, type Target } from './provider.js';

/** Sockets to one provider from one worker; beyond them requests queue in the pool. */
const CONNECTIONS_MAX = 4096;
const CONNECT_TIMEOUT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

export interface UpstreamFailure {
  readonly message: string;
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
  abort(reason: string): void;
}

export class Upstream {
  readonly provider: ProviderConfig;
  readonly #pool: Pool;
  readonly #headers: Record<string, string>;
  readonly #paths = new Map<Target, string>();

  constructor(provider: ProviderConfig) {
    this.provider = provider;
    this.#headers = baseHeaders(provider);
    this.#pool = new Pool(new URL(provider.baseUrl).origin, {
      connections: CONNECTIONS_MAX,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: { timeout: CONNECT_TIMEOUT_MS, noDelay: true },
      headersTimeout: 0,
      bodyTimeout: 0,
    });
  }

  forward(
    request: {
      target: Target;
      body: Buffer | string;
      headers: Readonly<Record<string, string>>;
    },
    handler: ForwardHandler,
  ): Forwarding {
    let path = this.#paths.get(request.target);
    if (path === undefined) {
      path = pathOf(this.provider, request.target);
      this.#paths.set(request.target, path);
    }
    const exchange = new UpstreamExchange(handler);
    this.#pool.dispatch(
      {
        path,
        method: 'POST',
        headers: { ...this.#headers, ...request.headers },
        body: request.body,
      },
      exchange,
    );
    return exchange;
  }

  close(): Promise<void> {
    return this.#pool.destroy();
  }
}

class UpstreamExchange implements Dispatcher.DispatchHandler, Forwarding {
  #handler: ForwardHandler | null;
  #controller: Dispatcher.DispatchController | null = null;
  #abortReason: string | null = null;
  #unreadable = false;

  constructor(handler: ForwardHandler) {
    this.#handler = handler;
  }

  // undici calls this once a socket is there, right before it writes: from here on bytes may be
  // out.
  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.#controller = controller;
    if (this.#abortReason !== null) controller.abort(new Error(this.#abortReason));
  }

  onResponseStart(
    controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ): void {
    const encoding = headers['content-encoding'] ?? 'identity';
    if (encoding !== 'identity' && status >= 200 && status < 300) {
      this.#unreadable = true;
      controller.abort(
        new Error(`its answer is encoded as ${String(encoding)}, which was not asked for`),
      );
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
    this.#fail({
      message: messageOf(error),
      sent: this.#controller !== null,
      unreadable: this.#unreadable,
    });
  }

  pause(): void {
    this.#controller?.pause();
  }

  resume(): void {
    this.#controller?.resume();
  }

  abort(reason: string): void {
    this.#abortReason = reason;
    // Queued or still connecting: undici tells nobody before it has a socket, so it is over here.
    if (this.#controller === null) this.#fail({ message: reason, sent: false, unreadable: false });
    else this.#controller.abort(new Error(reason));
  }

  #fail(failure: UpstreamFailure): void {
    const handler = this.#handler;
    this.#handler = null;
    handler?.onFailure(failure);
  }
}
