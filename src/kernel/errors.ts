// The one table of errors: code → HTTP status and the error type that each API's clients know.
// Clients and tests match the code; messages may improve.

interface ErrorRow {
  readonly status: number;
  /** `error.type` on the OpenAI-shaped routes. */
  readonly openai: string;
  /** `error.type` on `/v1/messages`. */
  readonly anthropic: string;
}

export const ERRORS = {
  invalid_request: {
    status: 400,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
  },
  model_not_priced: {
    status: 400,
    openai: 'invalid_request_error',
    anthropic: 'invalid_request_error',
  },
  invalid_api_key: {
    status: 401,
    openai: 'authentication_error',
    anthropic: 'authentication_error',
  },
  budget_exceeded: { status: 402, openai: 'budget_exceeded', anthropic: 'billing_error' },
  model_not_found: { status: 404, openai: 'invalid_request_error', anthropic: 'not_found_error' },
  unmetered_endpoint: {
    status: 404,
    openai: 'invalid_request_error',
    anthropic: 'not_found_error',
  },
  request_too_large: {
    status: 413,
    openai: 'invalid_request_error',
    anthropic: 'request_too_large',
  },
  budget_in_flight: { status: 429, openai: 'budget_in_flight', anthropic: 'rate_limit_error' },
  too_many_requests: { status: 429, openai: 'rate_limit_error', anthropic: 'rate_limit_error' },
  internal_error: { status: 500, openai: 'api_error', anthropic: 'api_error' },
  upstream_unreachable: { status: 502, openai: 'api_error', anthropic: 'api_error' },
  ledger_unavailable: { status: 503, openai: 'api_error', anthropic: 'api_error' },
  shutting_down: { status: 503, openai: 'api_error', anthropic: 'overloaded_error' },
  overloaded: { status: 503, openai: 'api_error', anthropic: 'overloaded_error' },
  upstream_timeout: { status: 504, openai: 'api_error', anthropic: 'timeout_error' },
} as const satisfies Record<string, ErrorRow>;

export type ErrorCode = keyof typeof ERRORS;

/** A failure on the way: something outside the program did not work. */
export class TokenPakError extends Error {
  readonly code: string;

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'TokenPakError';
    this.code = code;
  }
}

export const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
