// One HTTP/1.1 connection to a provider: a socket that carries one request at a time and takes its
// answer apart. It never sends on a connection in doubt, and is given up whenever its next answer
// could belong to another request.

import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls, createSecureContext, type SecureContext } from 'node:tls';
import { putAscii } from '../kernel/ascii.js';
import type { ResponseHead } from './response-head.js';
import { ResponseParser, type ResponseSink } from './response-parser.js';

/** Where a provider listens. */
export class Origin {
  readonly host: string;
  readonly port: number;
  /** The certificates trusted, read once for all connections; `null` without TLS. */
  readonly secureContext: SecureContext | null;
  /** Of the last connection, so that the next need not begin from nothing. */
  session: Buffer | undefined = undefined;

  constructor(url: URL) {
    const isTls = url.protocol === 'https:';
    this.host = url.hostname.replace(/^\[(.*)\]$/, '$1');
    this.port = Number(url.port || (isTls ? 443 : 80));
    this.secureContext = isTls ? createSecureContext() : null;
  }
}

/** What a request in flight hears; nothing more after `end` or `broken`. */
export interface InFlight extends ResponseSink {
  broken(error: Error): void;
}

/** Who is told of a connection's life. Each of the two last is told once, `gone` at any time. */
export interface Keeper {
  open(connection: Connection): void;
  /** Its answer is whole, and it can take another request. */
  free(connection: Connection): void;
  gone(connection: Connection, error: Error): void;
}

/** Up to here head and body are copied into one write; beyond, the copy would cost more. */
const JOINED_BYTES_MAX = 16 * 1024;
/** Where they are copied to: every request is written before the next one is. */
let writeBuffer = Buffer.allocUnsafeSlow(JOINED_BYTES_MAX);

/**
 * Where every socket of this thread reads to: what is read is handed on before anything else is
 * read. A buffer of its own for each would cost an idle stream 64 KiB.
 */
const READ_BUFFER = Buffer.allocUnsafeSlow(64 * 1024);

export class Connection implements ResponseSink {
  /** When it became idle; nobody's while a request is in flight. */
  idleSinceMs = 0;
  /** How long the provider says it keeps an idle connection. */
  keepAliveMs: number | null = null;
  readonly #keeper: Keeper;
  readonly #socket: Socket;
  readonly #parser = new ResponseParser(this);
  #request: InFlight | null = null;
  #isReusable = true;
  #isGone = false;
  #failure: Error | null = null;

  constructor(origin: Origin, keeper: Keeper) {
    this.#keeper = keeper;
    this.#socket = socketTo(origin, (bytes) => this.#read(bytes));
    this.#socket
      .once(origin.secureContext === null ? 'connect' : 'secureConnect', () => keeper.open(this))
      .once('error', (error) => (this.#failure = error))
      .once('end', () => this.#ended())
      .once('close', () => this.close(this.#failure ?? new Error('the provider hung up')));
  }

  /**
   * Sends a request; its head lacks the length of the body, and what ends it. False when not a byte
   * of it was taken: the connection had broken before.
   */
  send(request: InFlight, head: Buffer, body: Buffer): boolean {
    this.#request = request;
    this.#isReusable = true;
    this.#parser.expect();
    const socket = this.#socket;
    const end = `${body.length}\r\n\r\n`;
    const bytes = head.length + end.length + body.length;
    if (bytes <= JOINED_BYTES_MAX) {
      writeBuffer.set(head);
      writeBuffer.set(body, putAscii(writeBuffer, head.length, end));
      socket.write(writeBuffer.subarray(0, bytes));
      // What the system has not taken at once goes out of this memory later.
      if (!this.isSent) writeBuffer = Buffer.allocUnsafeSlow(JOINED_BYTES_MAX);
    } else {
      socket.cork();
      socket.write(head);
      socket.write(end, 'latin1');
      socket.write(body);
      socket.uncork();
    }
    // Only an error of the first system call is known by now, and such a call took nothing.
    if (socket.errored === null && !socket.destroyed) return true;
    this.#request = null;
    return false;
  }

  /** The system has taken all of the request. */
  get isSent(): boolean {
    return this.#socket.writableLength === 0;
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Ends it at once, and the request in flight with it. */
  close(error: Error): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#socket.destroy();
    this.#keeper.gone(this, error);
    const request = this.#request;
    this.#request = null;
    request?.broken(error);
  }

  head(head: ResponseHead): void {
    this.#isReusable = head.keepAlive;
    this.keepAliveMs = head.keepAliveMs;
    this.#request?.head(head);
  }

  body(bytes: Buffer): void {
    this.#request?.body(bytes);
  }

  end(): void {
    const request = this.#request;
    this.#request = null;
    request?.end();
  }

  #read(bytes: Buffer): void {
    let taken = 0;
    try {
      taken = this.#parser.push(bytes);
    } catch (error) {
      return this.close(error as Error);
    }
    if (!this.#parser.isDone || this.#isGone) return;
    // An answer to a request that is not sent yet, or to one that is still being sent.
    const isOdd = taken < bytes.length || !this.isSent;
    if (!this.#isReusable || isOdd) return this.close(new Error('the connection is used up'));
    this.#socket.resume();
    this.#keeper.free(this);
  }

  #ended(): void {
    this.#parser.finish();
    this.close(new Error('the provider hung up'));
  }
}

function socketTo(origin: Origin, read: (bytes: Buffer) => void): Socket {
  const onread = {
    buffer: READ_BUFFER,
    callback(length: number): boolean {
      read(READ_BUFFER.subarray(0, length));
      return true;
    },
  };
  const { host, port, secureContext, session } = origin;
  const options = { host, port, onread, noDelay: true };
  if (secureContext === null) return connectTcp(options);
  const socket = connectTls({
    ...options,
    secureContext,
    servername: isIP(host) === 0 ? host : '',
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: true,
    ...(session === undefined ? {} : { session }),
  });
  return socket.on('session', (ticket) => (origin.session = ticket));
}
