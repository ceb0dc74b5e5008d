// The listening socket of one worker and the uWebSockets apps behind it: plain, or with TLS and a
// certificate that may be renewed. The only file that loads the native module; it knows nothing of
// requests.

import {
  App,
  type HttpRequest,
  type HttpResponse,
  SSLApp,
  type TemplatedApp,
  type us_listen_socket,
  us_listen_socket_close,
} from 'uWebSockets.js';
import type { TlsFiles } from '../config/config.js';

export interface ListenerOptions {
  readonly host: string;
  readonly port: number;
  /** `null`: plain HTTP. */
  readonly tls: TlsFiles | null;
  readonly onRequest: (response: HttpResponse, request: HttpRequest) => void;
}

export class Listener {
  readonly #options: ListenerOptions;
  /** The last one takes new connections; those of earlier ones end by themselves. */
  readonly #apps: TemplatedApp[] = [];
  #socket: us_listen_socket | null = null;
  #isClosed = false;

  constructor(options: ListenerOptions) {
    this.#options = options;
  }

  /**
   * Shares the port with the other workers. False when it cannot be had. Throws when the files hold
   * no certificate and its key.
   */
  listen(): boolean {
    const { host, port, tls, onRequest } = this.#options;
    const app =
      tls === null ? App() : SSLApp({ cert_file_name: tls.certFile, key_file_name: tls.keyFile });
    app.any('/*', onRequest);
    const before = this.#socket;
    let opened: us_listen_socket | null = null;
    app.listen(host, port, (socket) => {
      opened = socket || null;
    });
    if (opened === null) return false;
    this.#apps.push(app);
    this.#socket = opened;
    // Right behind a poll, when what waited at the old socket has been taken: what waits at a
    // socket that is closed is lost.
    if (before !== null) setImmediate(() => this.#isClosed || us_listen_socket_close(before));
    return true;
  }

  /** Another certificate for new connections. uWebSockets reads it when an app is made. */
  renew(): boolean {
    return this.#socket === null || this.listen();
  }

  /** No new connections; those open go on. */
  stop(): void {
    if (this.#socket !== null) us_listen_socket_close(this.#socket);
    this.#socket = null;
  }

  /** Ends every connection. */
  close(): void {
    this.stop();
    this.#isClosed = true;
    for (const app of this.#apps) app.close();
  }
}
