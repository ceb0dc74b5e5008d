// Everything that the contract has a budget rejection say, on a chat route.

import type { Test } from 'tap';
import type { Answer } from './harness.js';

export interface Rejected {
  readonly scope: string;
  readonly window: 'daily' | 'monthly';
  readonly spent: string;
  readonly limit: string;
}

export function checkRejected(t: Test, answer: Answer, { scope, window, spent, limit }: Rejected) {
  const user = scope === 'global' ? null : scope.slice('user:'.length);
  const error = answer.json['error'] as Record<string, unknown> | undefined;
  t.match(error, {
    code: 'budget_exceeded',
    type: 'budget_exceeded',
    param: null,
    [`${window}_spent`]: spent,
    [`${window}_limit`]: limit,
  });
  t.equal(Object.keys(error ?? {}).length, 6, 'and no member of another window');
  const message = String(error?.['message']);
  t.ok(message.endsWith(`has reached ${window} budget limit (${limit}). Rejecting request.`));
  if (user === null) t.notMatch(message, /^User/);
  else t.ok(message.startsWith(`User ${user} has`), message);
  t.equal(answer.headers.get('x-tokenpak-budget-scope'), scope);
  t.equal(answer.headers.get('x-tokenpak-budget-window'), window);
  t.match(answer.headers.get('x-tokenpak-request-max-cents'), /^[1-9]\d*(\.\d+)?$|^0\.\d+$/);
  t.equal(answer.headers.get('x-should-retry'), 'false');
  t.equal(answer.headers.get('retry-after'), null);
  const reset = answer.headers.get('x-tokenpak-budget-reset') ?? '';
  const inHours = (Date.parse(reset) - Date.now()) / 3_600_000;
  t.match(reset, /^\d{4}-\d\d-\d\dT\d\d:00:00Z$/);
  t.ok(inHours > 0 && inHours <= (window === 'daily' ? 25 : 31 * 24 + 1), reset);
}
