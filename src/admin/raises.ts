// Limits that are raised for a while, over the admin API. A raise adds to a limit of the file; it
// ends by itself, and can be taken back before.

import { randomBytes } from 'node:crypto';
import type { Static } from 'typebox';
import { limitsOf } from '../config/limits.js';
import { nano, parseDecimal, usdText } from '../kernel/money.js';
import { isInForce, type Raise } from '../kernel/raise.js';
import { USER_BYTES_MAX } from '../kernel/scope.js';
import { badRequest, bodyOf, Refused, type Route } from './route.js';
import type { Running } from './running.js';

const SECONDS_MAX = 31 * 86_400;
/** A billion dollars: beyond it someone has mistaken the unit. */
const AMOUNT_MAX = 10n ** 18n;

const WANTED = {
  type: 'object',
  required: ['window', 'amount_usd', 'expires_in_seconds'],
  properties: {
    user: {
      type: 'string',
      minLength: 1,
      maxLength: USER_BYTES_MAX,
      description: 'Absent: everyone together.',
    },
    window: { enum: ['daily', 'monthly'] },
    amount_usd: {
      type: 'string',
      pattern: '^\\d+(\\.\\d{1,9})?$',
      description: 'What is added to the limit, as an exact decimal: "5.00".',
    },
    expires_in_seconds: { type: 'integer', minimum: 1, maximum: SECONDS_MAX },
    reason: { type: 'string', maxLength: 200 },
  },
  additionalProperties: false,
} as const;

export const RAISE_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/admin/raises',
    summary: 'Every raise of a limit, the newest first; those that are over too.',
    answer: (running) => {
      const raises = running.raises.all.map((raise) => view(raise, running.now()));
      return { json: { raises: raises.toReversed() } };
    },
  },
  {
    method: 'POST',
    path: '/admin/raises',
    summary: 'Raises a limit for a while: in force in every worker within a second.',
    body: WANTED,
    answer: async (running, { body }) => {
      const raise = wanted(running, await bodyOf(WANTED, body));
      await running.raises.put(raise);
      return { status: 201, json: view(raise, running.now()) };
    },
  },
  {
    method: 'DELETE',
    path: '/admin/raises/{id}',
    summary: 'Takes a raise back before its time.',
    answer: async (running, { params }) => {
      const raise = running.raises.all.find(({ id }) => id === params['id']);
      if (raise === undefined) throw new Refused(404, 'not_found', 'There is no such raise.');
      const nowMs = running.now();
      const ended = isInForce(raise, nowMs) ? { ...raise, endedAtMs: nowMs } : raise;
      if (ended !== raise) await running.raises.put(ended);
      return { json: view(ended, nowMs) };
    },
  },
];

function wanted(running: Running, body: Static<typeof WANTED>): Raise {
  const { user = null, window, reason = '' } = body;
  const amount = nano(parseDecimal(body.amount_usd, 9) ?? 0n);
  if (amount <= 0n || amount > AMOUNT_MAX) {
    throw badRequest('amount_usd: more than 0 and at most a billion is needed');
  }
  if (limitsOf(running.config.budget, user)[window] === null) {
    throw badRequest(`${user ?? 'everyone together'} has no ${window} limit that could be raised`);
  }
  const createdAtMs = running.now();
  return {
    id: `raise_${randomBytes(8).toString('hex')}`,
    user,
    window,
    amount,
    reason,
    createdAtMs,
    expiresAtMs: createdAtMs + body.expires_in_seconds * 1000,
    endedAtMs: null,
  };
}

const view = (raise: Raise, nowMs: number) => ({
  id: raise.id,
  user: raise.user,
  window: raise.window,
  amount_usd: usdText(raise.amount),
  reason: raise.reason,
  created_at: new Date(raise.createdAtMs).toISOString(),
  expires_at: new Date(raise.expiresAtMs).toISOString(),
  ended_at: raise.endedAtMs === null ? null : new Date(raise.endedAtMs).toISOString(),
  in_force: isInForce(raise, nowMs),
});
