// A request that does not go upstream, and why: the value that travels, and the answer it becomes.

import type { Budget } from '../budget/account.js';
import type { Refusal } from '../budget/admit.js';
import type { Api } from '../kernel/api.js';
import { timeText, windowBounds } from '../kernel/calendar.js';
import { type ErrorCode, ERRORS } from '../kernel/errors.js';
import { centsText, dollars } from '../kernel/money.js';
import { type LocalDate, scopeUser } from '../kernel/scope.js';
import { errorBody, forRequest } from '../wire/error.js';
import type { Exchange, Headers } from './exchange.js';
import type { Proxy } from './proxy.js';

export interface Rejection {
  readonly rejected: ErrorCode;
  readonly message: string;
  readonly param?: string | null;
  readonly members?: Readonly<Record<string, string>>;
  readonly headers?: Headers;
  /** Where the config chooses another status than the table. */
  readonly status?: number;
  /** Of one that is told again and again: its bodies as they were written. */
  readonly bodies?: Map<Api, string>;
}

export const isRejection = (value: object): value is Rejection => 'rejected' in value;

export function reject(exchange: Exchange, requestId: string, rejection: Rejection): void {
  exchange.tally.rejected(rejection.rejected);
  const { api } = exchange;
  const body = rejection.bodies?.get(api) ?? bodyOf(api, rejection);
  exchange.reply(
    rejection.status ?? ERRORS[rejection.rejected].status,
    [
      ['content-type', 'application/json'],
      ['x-tokenpak-request-id', requestId],
    ],
    forRequest(api, body, requestId),
    rejection.headers,
  );
}

function bodyOf(api: Api, { rejected: code, message, param, members, bodies }: Rejection): string {
  const body = errorBody(api, { code, message, param: param ?? null, members: members ?? {} });
  bodies?.set(api, body);
  return body;
}

/** The rejection of a refused admission: which budget, of whom, until when; or what crowd. */
export function budgetRejection(proxy: Proxy, refusal: Refusal, date: LocalDate): Rejection {
  const { budget, reason, settled, amount } = refusal;
  const last = lastSaid.get(budget);
  if (last?.reason === reason && last.settled === settled && last.amount === amount) {
    return last.rejection;
  }
  const rejection = { ...rejectionOf(proxy, refusal, date), bodies: new Map<Api, string>() };
  lastSaid.set(budget, { reason, settled, amount, rejection });
  return rejection;
}

type Said = Pick<Refusal, 'reason' | 'settled' | 'amount'> & { readonly rejection: Rejection };

/** Who is refused asks again, and nothing has changed. Other limits come with other budgets. */
const lastSaid = new WeakMap<Budget, Said>();

function rejectionOf(proxy: Proxy, refusal: Refusal, date: LocalDate): Rejection {
  const { budget, limit, settled, amount } = refusal;
  const user = scopeUser(budget.scope);
  const who = user === null ? 'This proxy' : `User ${user}`;
  if (refusal.reason === 'crowded') {
    return {
      rejected: 'too_many_requests',
      message:
        `${who} has ${proxy.config.budget.maxConcurrentPerUser} requests in flight, as many as one ` +
        'may (server.max_concurrent_per_user). Retry when one has ended.',
      headers: [['retry-after', '1']],
    };
  }
  const { endMs } = windowBounds(budget.window, date, proxy.calendar.timezone);
  const headers: Headers = [
    ['x-tokenpak-budget-scope', encodeURI(budget.scope)],
    ['x-tokenpak-budget-window', budget.window],
    // A limit that is far from reached refuses too, where one request is too large for the rest.
    ['x-tokenpak-request-max-cents', centsText(amount)],
    ['x-tokenpak-budget-reset', timeText(endMs)],
  ];
  if (refusal.reason === 'in_flight') {
    return {
      rejected: 'budget_in_flight',
      message:
        `${who} has the rest of the ${budget.window} budget (${dollars(limit)}) held by requests ` +
        'in flight. Retry when they have ended.',
      headers: [...headers, ['retry-after', '1']],
    };
  }
  return {
    rejected: 'budget_exceeded',
    message:
      `${who} has reached ${budget.window} budget limit (${dollars(limit)}). ` +
      'Rejecting request.',
    members: {
      [`${budget.window}_spent`]: dollars(settled),
      [`${budget.window}_limit`]: dollars(limit),
    },
    headers: [...headers, ['x-should-retry', 'false']],
    status: proxy.config.budget.rejectionStatus,
  };
}
