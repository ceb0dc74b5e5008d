// TokenPak's own errors in the shape of the API that was called, from the kernel's one table.

import type { Api } from '../kernel/api.js';
import { ERRORS, type ErrorCode } from '../kernel/errors.js';

export interface WireError {
  readonly code: ErrorCode;
  readonly message: string;
  /** The request member at fault, where there is one. */
  readonly param?: string | null;
  /** Further members of the error object: `daily_spent`, `daily_limit` … */
  readonly members?: Readonly<Record<string, string>>;
}

/** The JSON text of an error response's body. */
export function errorBody(api: Api, error: WireError): string {
  const { code, message, param = null, members } = error;
  if (api !== 'messages') {
    const type = ERRORS[code].openai;
    return JSON.stringify({ error: { code, type, param, message, ...members } });
  }
  const type = ERRORS[code].anthropic;
  // The official SDK exposes `details.error_code` to its caller as `errorCode`.
  const details = { error_code: code };
  return JSON.stringify({ type: 'error', error: { type, code, message, ...members, details } });
}

/** The same body for one request, whose id of hex digits Anthropic's API tells. */
export const forRequest = (api: Api, body: string, requestId: string): string =>
  api === 'messages' ? `${body.slice(0, -1)},"request_id":"${requestId}"}` : body;
