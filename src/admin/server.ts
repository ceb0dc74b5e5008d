// The admin listener: node:http in the supervisor's thread, beside the request path and never on
// it. Finds the route, keeps out whom it must, reads a small body, answers.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { ERRORS, messageOf, TokenPakError } from '../kernel/errors.js';
import { Feed } from './feed.js';
import { guard } from './guard.js';
import { type Asked, badRequest, matchPath, Refused, type Reply } from './route.js';
import { ROUTES } from './routes.js';
import type { Running } from './running.js';

export interface AdminListener {
  readonly port: number;
  close(): Promise<void>;
}

const BODY_BYTES_MAX = 64 * 1024;
const CONNECTIONS_MAX = 256;
const HEADERS_TIMEOUT_MS = 10_000;
const REQUEST_TIMEOUT_MS = 30_000;
/** Where the port is nobody's wish but ours, another will do. */
const PORT_DEFAULT = 8001;

/** Listens on `admin.port`; when the file does not set it and 8001 is taken, on any free port. */
export async function startAdmin(running: Running): Promise<AdminListener> {
  const { host, port: wished } = running.config.admin;
  const feed = new Feed(running);
  const server = createServer(
    { headersTimeout: HEADERS_TIMEOUT_MS, requestTimeout: REQUEST_TIMEOUT_MS },
    (request, response) => void answer({ running, feed }, request, response),
  );
  server.maxConnections = CONNECTIONS_MAX;
  let port = await listen(server, host, wished ?? PORT_DEFAULT);
  if (port === null && wished === null) port = await listen(server, host, 0);
  if (port === null) {
    const message = `admin.port: ${host}:${wished} is taken. Stop who listens there, or set another.`;
    throw new TokenPakError('cannot_start', message);
  }
  return {
    port,
    close: () =>
      new Promise((resolve) => {
        feed.close();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

/** The port, `null` when it is taken. */
function listen(server: Server, host: string, port: number): Promise<number | null> {
  return new Promise((resolve, reject) => {
    const failed = (error: NodeJS.ErrnoException): void => {
      if (error.code === 'EADDRINUSE') return resolve(null);
      const message = `admin.host: cannot listen on ${host}:${port}: ${error.message}`;
      reject(new TokenPakError('cannot_start', message));
    };
    server.once('error', failed);
    server.listen({ host, port, exclusive: true }, () => {
      server.off('error', failed);
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

interface Shown {
  readonly running: Running;
  readonly feed: Feed;
}

async function answer(
  shown: Shown,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    send(response, await replyTo(shown, request), request.method === 'HEAD');
  } catch (error) {
    if (response.headersSent) return void response.destroy();
    // The rest of a body that was refused is not read: the connection goes with the answer.
    response.setHeader('connection', 'close');
    const { status, code } = refusalOf(error);
    if (status === 401) response.setHeader('www-authenticate', 'Bearer realm="tokenpak admin"');
    send(response, { status, json: { error: { code, message: messageOf(error) } } });
  }
}

async function replyTo({ running, feed }: Shown, request: IncomingMessage): Promise<Reply> {
  const target = request.url ?? '/';
  if (!URL.canParse(target, 'http://admin')) throw badRequest('The target is no path.');
  const url = new URL(target, 'http://admin');
  const { route, params } = find(request.method ?? 'GET', url.pathname, running, request);
  const asked: Asked = { query: url.searchParams, params, body: await bodyOf(request), feed };
  return route.answer(running, asked);
}

function find(method: string, path: string, running: Running, request: IncomingMessage) {
  const found = ROUTES.flatMap((route) => {
    const params = matchPath(route.path, path);
    return params === null ? [] : [{ route, params }];
  });
  const wanted = method === 'HEAD' ? 'GET' : method;
  const hit = found.find(({ route }) => route.method === wanted);
  // Before anything is told, even whether the path exists.
  guard(request, { token: running.config.admin.token, open: hit?.route.open === true });
  if (hit !== undefined) return hit;
  if (found.length === 0) throw new Refused(404, 'not_found', `There is no ${path} here.`);
  const allowed = found.map(({ route }) => route.method).join(', ');
  throw new Refused(405, 'method_not_allowed', `${path} takes ${allowed}.`);
}

async function bodyOf(request: IncomingMessage): Promise<unknown> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > BODY_BYTES_MAX) {
      throw new Refused(413, 'request_too_large', `A body may have ${BODY_BYTES_MAX} bytes.`);
    }
    chunks.push(chunk);
  }
  if (bytes === 0) return null;
  try {
    return JSON.parse(Buffer.concat(chunks).toString('utf8')) as unknown;
  } catch {
    throw badRequest('The body is no JSON.');
  }
}

function refusalOf(error: unknown): { status: number; code: string } {
  if (error instanceof Refused) return error;
  if (!(error instanceof TokenPakError)) return { status: 500, code: 'internal_error' };
  const { code } = error;
  const row = Object.hasOwn(ERRORS, code) ? ERRORS[code as keyof typeof ERRORS] : null;
  return { status: row?.status ?? 500, code };
}

function send(response: ServerResponse, reply: Reply, headOnly = false): void {
  response.setHeader('x-content-type-options', 'nosniff');
  response.setHeader('referrer-policy', 'no-referrer');
  if ('stream' in reply) return reply.stream(response);
  response.setHeader('cache-control', 'no-store');
  const [status, type, text] =
    'json' in reply
      ? [reply.status ?? 200, 'application/json', `${JSON.stringify(reply.json)}\n`]
      : [200, reply.type, reply.text];
  const headers = 'json' in reply ? {} : reply.headers;
  response.writeHead(status, {
    ...headers,
    'content-type': type,
    'content-length': Buffer.byteLength(text),
  });
  response.end(headOnly ? undefined : text);
}
