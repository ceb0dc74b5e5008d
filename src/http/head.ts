// A request's headers, read once and strictly. uWebSockets takes the first of two lengths, any
// transfer encoding for chunks, and ends the headers at one without a name; whoever stands in front
// may read them otherwise and see other requests. It must never let such a request through.

import type { HttpRequest } from 'uWebSockets.js';

export interface Head {
  /** In lower case. */
  readonly method: string;
  /** Lower-case names; `''` is as good as absent. */
  readonly get: (name: string) => string;
  /** Why the request can be read in two ways, `null` when it cannot. */
  readonly fault: string | null;
  /**
   * Nothing behind this request is read as another. Only a declared length says where a body ends:
   * uWebSockets is lenient with chunks, and a GET's length may stand where it does not look.
   */
  readonly closes: boolean;
}

/** Two of one of these are two requests: two bodies, two callers, two servers. */
const SINGLE: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'host',
  'transfer-encoding',
  'x-api-key',
]);

export function headOf(request: HttpRequest): Head {
  const headers = new Map<string, string>();
  let twice: string | null = null;
  request.forEach((name, value) => {
    if (!headers.has(name)) headers.set(name, value);
    else if (SINGLE.has(name)) twice = name;
  });
  // Asked first: `getMethod` makes the method lower-case for good.
  const isPost = request.getCaseSensitiveMethod() === 'POST';
  const fault = twice === null ? framingFault(headers, isPost) : `${String(twice)} comes twice`;
  return {
    method: isPost ? 'post' : request.getMethod(),
    get: (name) => headers.get(name) ?? '',
    fault,
    closes: fault !== null || !isPost || !headers.has('content-length'),
  };
}

function framingFault(headers: ReadonlyMap<string, string>, isPost: boolean): string | null {
  const length = headers.get('content-length');
  const encoding = headers.get('transfer-encoding');
  if (encoding !== undefined) {
    if (length !== undefined) return 'it has both a content-length and a transfer-encoding';
    return encoding.toLowerCase() === 'chunked' ? null : 'its transfer-encoding is not "chunked"';
  }
  if (length === undefined) return isPost ? 'it does not say how long its body is' : null;
  return /^\d{1,15}$/.test(length) ? null : 'its content-length is no number';
}
