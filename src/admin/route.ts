// What a route of the admin listener is: a row of data and a function from a request to a reply.
// Nothing here knows of sockets.

import type { ServerResponse } from 'node:http';
import type { Static } from 'typebox';
import type { XSchema } from 'typebox/schema';
import type { ErrorCode } from '../kernel/errors.js';
import type { Feed } from './feed.js';
import type { Running } from './running.js';

export interface Asked {
  readonly query: URLSearchParams;
  /** The `{name}` segments of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  /** The parsed JSON body; `null` without one. */
  readonly body: unknown;
  /** What the dashboard listens to. */
  readonly feed: Feed;
}

export type Reply =
  | { readonly status?: number; readonly json: unknown }
  | {
      readonly text: string | Uint8Array;
      readonly type: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** Owns the response from here on. */
  | { readonly stream: (response: ServerResponse) => void };

/** Parameters of the query, each a schema with a description. */
export type Query = Readonly<
  Record<string, { readonly description?: string; readonly [keyword: string]: unknown }>
>;

export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE';
  /** `/admin/raises/{id}`: a segment in braces is a parameter. */
  readonly path: string;
  /** One sentence, for the OpenAPI document. */
  readonly summary: string;
  /** Answers without the token: holds nothing that is anyone's secret. */
  readonly open?: boolean;
  readonly query?: Query;
  /** What the body must be; `bodyOf` checks it. */
  readonly body?: XSchema;
  /** Of what it answers; JSON when absent. */
  readonly type?: string;
  answer(running: Running, asked: Asked): Reply | Promise<Reply>;
}

/** A refusal with a status of its own: thrown by a route, answered as JSON. */
export class Refused extends Error {
  readonly status: number;
  readonly code: ErrorCode | 'unauthorized' | 'forbidden' | 'not_found' | 'method_not_allowed';

  constructor(status: number, code: Refused['code'], message: string) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

export const badRequest = (message: string): Refused =>
  new Refused(400, 'invalid_request', message);

/** The body as its schema says. Throws `Refused`, naming the member at fault. */
export async function bodyOf<const S extends XSchema>(
  schema: S,
  body: unknown,
): Promise<Static<S>> {
  // Loaded with the first body: few proxies are ever sent one, and it is 240 modules.
  const { Check, Errors } = await import('typebox/schema');
  if (Check(schema, body)) return body;
  const [, [first]] = Errors(schema, body);
  const member = first?.instancePath.slice(1).replaceAll('/', '.') || 'the body';
  throw badRequest(`${member}: ${first?.message ?? 'is not what it must be'}`);
}

/** The route's parameters when the path is its own, else `null`. */
export function matchPath(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split('/');
  const found = path.split('/');
  if (wanted.length !== found.length) return null;
  const params: Record<string, string> = {};
  for (const [index, segment] of wanted.entries()) {
    const given = found[index] ?? '';
    if (!segment.startsWith('{')) {
      if (segment !== given) return null;
      continue;
    }
    try {
      params[segment.slice(1, -1)] = decodeURIComponent(given);
    } catch {
      // A lone percent sign: it is nobody's name.
      return null;
    }
  }
  return params;
}
