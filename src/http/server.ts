// The front end of one worker: routes, bodies, limits. It must never hold a response beyond its
// exchange.

import { randomBytes } from 'node:crypto';
import type { HttpRequest, HttpResponse } from 'uWebSockets.js';
import type { Api } from '../kernel/api.js';
import type { ErrorCode } from '../kernel/errors.js';
import { RETRY_COUNT_MAX } from '../kernel/record.js';
import { type TraceParent, traceParentOf, traceParentText } from '../kernel/trace.js';
import { countTokens } from '../proxy/count.js';
import { serve } from '../proxy/pipeline.js';
import { type Caller, identify } from '../proxy/caller.js';
import type { Proxy } from '../proxy/proxy.js';
import { reject, type Rejection } from '../proxy/rejection.js';
import { budgetView, modelsView, type View } from '../proxy/views.js';
import { FORWARDED_HEADERS } from '../upstream/provider.js';
import { type Held, HttpExchange } from './exchange.js';
import { type Head, headOf } from './head.js';
import { Listener } from './listener.js';
import { ROOM_BYTES_MIN, Rooms } from './rooms.js';
import { type Route, routeOf } from './routes.js';
import { GATE, type Gate } from './thread.js';

/** Of requests without a record: what this thread has drawn, and a number behind it. */
const drawn = randomBytes(12).toString('hex');
let numbered = 0;

function newRequestId(): string {
  numbered = (numbered + 1) >>> 0;
  return drawn + numbered.toString(16).padStart(8, '0');
}

export class Server {
  readonly listener: Listener;
  readonly #proxy: Proxy;
  readonly #gate: () => Gate;
  readonly #held: Held = { bytes: 0 };
  readonly #rooms = new Rooms();
  readonly #heldBytesMax: number;
  #active = 0;

  constructor(
    proxy: Proxy,
    options: { readonly gate: () => Gate; readonly port: number; readonly heldBytesMax: number },
  ) {
    this.#proxy = proxy;
    this.#gate = options.gate;
    this.#heldBytesMax = options.heldBytesMax;
    const { port } = options;
    const { host, tls } = proxy.config.server;
    const onRequest = this.#accept.bind(this);
    this.listener = new Listener({ host, port, tls, onRequest });
  }

  /** Exchanges that have not been answered. */
  get active(): number {
    return this.#active;
  }

  #accept(response: HttpResponse, request: HttpRequest): void {
    const head = headOf(request);
    const route = routeOf(head.method, request.getUrl());
    const exchange = this.#exchangeOf(response, request, { route, head });
    if (head.fault !== null) {
      return refuse(
        exchange,
        'invalid_request',
        `The request can be read in two ways: ${head.fault}.`,
      );
    }
    if (route === 'healthz') return reply(exchange, { status: 200, json: '{"status":"ok"}' });
    if (route === 'readyz') return reply(exchange, readiness(this.#gate()));
    if (route === 'unmetered') {
      return refuse(
        exchange,
        'unmetered_endpoint',
        `${head.method.toUpperCase()} ${request.getUrl()} is refused: it is no endpoint that ` +
          'TokenPak meters.',
      );
    }
    if (route === 'models') {
      const anthropic = head.get('anthropic-version') !== '';
      return reply(exchange, modelsView(this.#proxy, exchange.credential, anthropic));
    }
    if (route === 'budget') return reply(exchange, budgetView(this.#proxy, exchange.credential));
    const gate = this.#gate();
    if (gate === GATE.failed) {
      return refuse(
        exchange,
        'ledger_unavailable',
        'The ledger cannot be written. Nothing was sent.',
      );
    }
    if (gate === GATE.draining) {
      return refuse(
        exchange,
        'shutting_down',
        'This proxy is shutting down. Try another, or again.',
      );
    }
    // Before the body: nobody unknown may have us hold one.
    const caller = identify(this.#proxy, exchange.credential);
    if ('rejected' in caller) return reject(exchange, newRequestId(), caller);
    const declared = Number(head.get('content-length'));
    this.#readBody(response, exchange, { caller, declared, route });
  }

  #exchangeOf(
    response: HttpResponse,
    request: HttpRequest,
    { route, head }: { readonly route: Route; readonly head: Head },
  ): HttpExchange {
    const { tally } = this.#proxy;
    tally.count('requests');
    tally.gauge('active', ++this.#active);
    const forwarded: Record<string, string> = {};
    for (const name of FORWARDED_HEADERS) {
      const value = head.get(name);
      if (value !== '') forwarded[name] = value;
    }
    const trace = traceOf(head);
    if (trace !== null) forwarded['traceparent'] = traceParentText(trace);
    return new HttpExchange(response, {
      api: apiOf(route, request),
      credential: credentialOf(head),
      isHead: head.method === 'head',
      forwarded,
      retryCount: retryCountOf(head),
      trace,
      closes: head.closes,
      tally,
      held: this.#held,
      rooms: this.#rooms,
      onEnd: () => tally.gauge('active', --this.#active),
    });
  }

  #readBody(
    response: HttpResponse,
    exchange: HttpExchange,
    asked: { readonly caller: Caller; readonly declared: number; readonly route: Route },
  ): void {
    const { caller, declared, route } = asked;
    const { keys, config } = this.#proxy;
    const tooLong = this.#refusalOf(declared, 0);
    if (tooLong !== null) return reject(exchange, newRequestId(), tooLong);
    let body: Buffer | null = null;
    let bytes = 0;
    response.onData((chunk, isLast) => {
      if (exchange.closed || exchange.isReplying) return;
      const { byteLength } = chunk;
      const refusal = this.#refusalOf(byteLength, bytes);
      if (refusal !== null) {
        body = null;
        return reject(exchange, newRequestId(), refusal);
      }
      exchange.hold(byteLength);
      // uWebSockets takes the chunk back after this callback: it has to be copied.
      body = this.#withRoom(body, bytes, bytes + byteLength, isLast ? 0 : declared);
      body.set(new Uint8Array(chunk), bytes);
      bytes += byteLength;
      if (!isLast) return;
      exchange.take(body, bytes);
      exchange.readAtUs = this.#proxy.nowUs();
      // A body may take as long as its client likes, and its key be revoked meanwhile.
      if (keys !== this.#proxy.keys || config !== this.#proxy.config) {
        const still = identify(this.#proxy, exchange.credential);
        if ('rejected' in still) return reject(exchange, newRequestId(), still);
      }
      if (route === 'count_tokens') countTokens(this.#proxy, exchange, caller, newRequestId);
      else serve(this.#proxy, exchange, caller, newRequestId);
    });
  }

  /** Room for a body so far; for all of it where its length is declared, so that it moves once. */
  #withRoom(body: Buffer | null, used: number, needed: number, declared: number): Buffer {
    if (body !== null && needed <= body.length) return body;
    const whole = declared > 0 ? declared : 2 * used;
    const room = Math.max(needed, Math.min(whole, Math.max(WORD_BYTES_MAX, 2 * used)));
    const grown = room < ROOM_BYTES_MIN ? Buffer.allocUnsafe(room) : this.#rooms.take(room);
    body?.copy(grown, 0, 0, used);
    return grown;
  }

  /** Why so many bytes more of a body are not taken, `null` when they are. */
  #refusalOf(more: number, before: number): Rejection | null {
    const max = this.#proxy.config.server.maxBodyBytes;
    if (before + more > max) {
      const message = `A request body may have ${max} bytes (server.max_body_bytes).`;
      return { rejected: 'request_too_large', message };
    }
    // One body alone always has room: a reload may have let larger ones in.
    if (this.#held.bytes + more <= Math.max(this.#heldBytesMax, max)) return null;
    return {
      rejected: 'overloaded',
      message:
        'This proxy holds as much of requests and answers as it may (server.max_held_bytes). ' +
        'Nothing was sent. Retry in a moment.',
      headers: [['retry-after', '1']],
    };
  }
}

/** A declared length is taken at its word up to here: memory is for bytes that have come. */
const WORD_BYTES_MAX = 1024 * 1024;

/** The API whose shape an answer has, also where the path is no endpoint at all. */
function apiOf(route: Route, request: HttpRequest): Api {
  switch (route) {
    case 'chat':
    case 'messages':
    case 'completions':
    case 'responses':
    case 'embeddings':
      return route;
    default:
      return request.getUrl().includes('/messages') ? 'messages' : 'chat';
  }
}

function credentialOf(head: Head): string | null {
  const text = head.get('authorization');
  const isBearer = text.startsWith('Bearer ') || /^bearer /i.test(text);
  // Blanks alone: what else `trim` takes makes another name, or none.
  const bearer = isBearer ? text.slice('Bearer '.length).replace(/^ +/, '') : '';
  return bearer || head.get('x-api-key') || null;
}

/** What the official clients say of a request that they send again; 0 where nothing is said. */
function retryCountOf(head: Head): number {
  const text = head.get('x-stainless-retry-count');
  return /^\d+$/.test(text) ? Math.min(Number(text), RETRY_COUNT_MAX) : 0;
}

function traceOf(head: Head): TraceParent | null {
  const header = head.get('traceparent');
  return header === '' ? null : traceParentOf(header);
}

const refuse = (exchange: HttpExchange, code: ErrorCode, message: string): void =>
  reject(exchange, newRequestId(), { rejected: code, message });

function reply(exchange: HttpExchange, view: View): void {
  if ('rejected' in view) return reject(exchange, newRequestId(), view);
  exchange.reply(view.status, [['content-type', 'application/json']], view.json);
}

function readiness(gate: Gate): View {
  return gate === GATE.open
    ? { status: 200, json: '{"status":"ready"}' }
    : {
        status: 503,
        json: `{"status":"${gate === GATE.failed ? 'ledger_unavailable' : 'draining'}"}`,
      };
}
