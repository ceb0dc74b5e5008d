// The embedded provider (`type: mock`): OpenAI's and Anthropic's wires on a loopback port, with a
// bill of its own. It bills when it starts to answer, and a stream for what was sent when the
// client leaves. Text of the prompt such as `[mock output_tokens=500 input_tokens=9 latency_ms=5
// status=500 cut_after=3 chunk_ms=20 hang no_usage cached_tokens=4 service_tier=flex
// web_searches=2]` steers it (steering.ts), and `[mock tool=NAME arguments={…}]` has it call a
// tool (tool-call.ts).
// Beside the API: GET /_mock/bill, /_mock/requests.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import type { MockBehaviour } from '../config/config.js';
import { parseObject, type JsonObject } from '../wire/shape.js';
import { answer, type Answer } from './answer.js';
import { BillBook, type Bill } from './bill.js';
import { chatNotFound, chatWire, modelList } from './chat.js';
import { completionsWire } from './completions.js';
import { COUNTERS } from './count.js';
import { promptText } from './demand.js';
import { embeddingsWire } from './embeddings.js';
import { messagesWire } from './messages.js';
import { responsesWire } from './responses.js';
import { steer, type Steering } from './steering.js';
import type { Wire } from './wire.js';

export interface MockOptions {
  /** 0, the default, takes a free one. */
  readonly port?: number;
  readonly behaviour?: MockBehaviour;
  /** Keep the last requests for `requests()`. */
  readonly record?: boolean;
}

export interface RecordedRequest {
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: JsonObject | null;
  /** The body as it came. */
  readonly text: string;
}

export interface MockProvider {
  /** `http://127.0.0.1:PORT`, without `/v1`. */
  readonly url: string;
  bill(): Bill;
  /** Oldest first; empty unless `record` was asked for. */
  requests(): readonly RecordedRequest[];
  close(): Promise<void>;
}

const WIRES: ReadonlyMap<string, Wire> = new Map([
  ['/v1/chat/completions', chatWire],
  ['/v1/messages', messagesWire],
  ['/v1/completions', completionsWire],
  ['/v1/responses', responsesWire],
  ['/v1/embeddings', embeddingsWire],
]);

const RECORDED_MAX = 100;
const BODY_BYTES_MAX = 64 * 1024 * 1024;
/** Longer than any client keeps an idle connection, so that the client is the one to close it. */
const KEEP_ALIVE_MS = 120_000;

/** A request under way, and the signal that its client has left. */
interface Exchange {
  readonly response: ServerResponse;
  readonly wire: Wire;
  readonly body: JsonObject;
  readonly steering: Steering;
  readonly gone: AbortSignal;
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) throw new Error(`body of more than ${BODY_BYTES_MAX} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}

function sendJson(response: ServerResponse, body: unknown, status = 200): void {
  response.writeHead(status, { 'content-type': 'application/json' });
  response.end(JSON.stringify(body));
}

const isAuthorized = ({ headers }: IncomingMessage): boolean =>
  /^Bearer \S/.test(headers.authorization ?? '') || Boolean(headers['x-api-key']);

/** Resolves when the client has left. */
const departure = (gone: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (gone.aborted) resolve();
    else gone.addEventListener('abort', () => resolve(), { once: true });
  });

/** Waits, unless the client leaves: `false` then. */
async function pause(ms: number, gone: AbortSignal): Promise<boolean> {
  if (ms > 0) await wait(ms, undefined, { signal: gone }).catch(() => undefined);
  return !gone.aborted;
}

/** Ends badly: once what was written is out, the connection breaks, or is left to hang. */
async function breakOff({ response, steering, gone }: Exchange): Promise<void> {
  if (steering.hangs) await departure(gone);
  else response.write('', () => response.destroy());
}

async function sendPlain(exchange: Exchange, given: Answer, book: BillBook): Promise<void> {
  const { response, wire, steering } = exchange;
  const bytes = Buffer.from(JSON.stringify(wire.plain(given, exchange.body)));
  book.open(given.model, given.inputTokens)(given.outputTokens);
  response.writeHead(200, {
    'content-type': 'application/json',
    'content-length': bytes.length,
    ...wire.headers(given),
  });
  if (steering.cutAfter === null) {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, bytes.length >> 1));
  await breakOff(exchange);
}

async function sendStream(exchange: Exchange, given: Answer, book: BillBook): Promise<void> {
  const { response, wire, steering, gone } = exchange;
  const billOutput = book.open(given.model, given.inputTokens);
  response.writeHead(200, {
    'content-type': 'text/event-stream; charset=utf-8',
    'cache-control': 'no-cache',
    ...wire.headers(given),
  });
  for (const [sent, event] of wire.events(given, exchange.body).entries()) {
    if (sent === steering.cutAfter) return breakOff(exchange);
    if (sent > 0 && !(await pause(steering.chunkMs, gone))) return undefined;
    billOutput(event.outputTokens);
    response.write(event.text);
  }
  response.end();
  return undefined;
}

async function serve(exchange: Exchange, request: IncomingMessage, book: BillBook): Promise<void> {
  const { response, wire, body, steering, gone } = exchange;
  const refused = wire.refused(request.headers, body);
  if (!(await pause(steering.latencyMs, gone))) return;
  const told = steering.errorStatus === null ? null : wire.fault(steering.errorStatus);
  const fault = refused ?? told;
  if (fault !== null) {
    sendJson(response, fault.body, fault.status);
    return;
  }
  if (steering.hangs && steering.cutAfter === null) {
    await departure(gone);
    return;
  }
  const given = answer(body, steering, wire.demand?.(body));
  if (body['stream'] === true) await sendStream(exchange, given, book);
  else await sendPlain(exchange, given, book);
}

/** Starts the provider on 127.0.0.1. */
export async function startMock(options: MockOptions = {}): Promise<MockProvider> {
  const book = new BillBook();
  const recorded: RecordedRequest[] = [];

  const handle = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const left = new AbortController();
    response.once('close', () => left.abort());
    const path = (request.url ?? '').split('?')[0] ?? '';
    if (path === '/_mock/bill') return sendJson(response, book.bill());
    if (path === '/_mock/requests') return sendJson(response, recorded);
    const text = await readBody(request);
    const body = parseObject(text);
    if (options.record === true) recorded.push({ path, headers: request.headers, body, text });
    if (recorded.length > RECORDED_MAX) recorded.shift();
    const counter = COUNTERS.get(path);
    const wire = WIRES.get(path) ?? counter?.wire ?? null;
    if (!isAuthorized(request)) {
      const refusal = (wire ?? chatWire).unauthorized();
      return sendJson(response, refusal.body, refusal.status);
    }
    if (path === '/v1/models') return sendJson(response, modelList());
    if (wire === null || request.method !== 'POST') {
      const refusal = chatNotFound(path);
      return sendJson(response, refusal.body, refusal.status);
    }
    if (body === null) return sendJson(response, wire.fault(400).body, 400);
    const steering = steer(options.behaviour ?? null, promptText(body));
    if (counter !== undefined) {
      const counted = counter.count(body, steering);
      return sendJson(response, counted.body, counted.status);
    }
    return serve({ response, wire, body, steering, gone: left.signal }, request, book);
  };

  const server = createServer((request, response) => {
    // A request that breaks off half-way rejects; there is nobody left to answer.
    handle(request, response).catch(() => response.destroy());
  });
  server.keepAliveTimeout = KEEP_ALIVE_MS;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', () => resolve());
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    bill: () => book.bill(),
    requests: () => recorded,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
