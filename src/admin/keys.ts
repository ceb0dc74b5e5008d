// Virtual keys over the admin API. What is issued or revoked here stands in the data directory, and
// is in force in every worker within a second.

import { nano, type NanoUsd, parseDecimal } from '../kernel/money.js';
import { USER_BYTES_MAX } from '../kernel/scope.js';
import { issueKey, readKeys, revokeKey } from '../keys/key-file.js';
import { keyView } from '../keys/key-view.js';
import { bodyOf, Refused, type Route } from './route.js';

const DOLLARS = {
  type: 'string',
  pattern: '^\\d+(\\.\\d{1,9})?$',
  description: 'As "5.00".',
} as const;

const WANTED = {
  type: 'object',
  required: ['user'],
  properties: {
    user: { type: 'string', pattern: `^[\\x20-\\x7e]{1,${USER_BYTES_MAX}}$` },
    models: { type: 'array', items: { type: 'string', minLength: 1 }, minItems: 1 },
    daily_limit_usd: DOLLARS,
    monthly_limit_usd: DOLLARS,
    expires_in_seconds: { type: 'integer', minimum: 1, maximum: 10 * 366 * 86_400 },
  },
  additionalProperties: false,
} as const;

const limitOf = (text: string | undefined): NanoUsd | null =>
  text === undefined ? null : nano(parseDecimal(text, 9) ?? 0n);

export const KEY_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/admin/keys',
    summary: 'Every virtual key that was issued, without its text.',
    answer: ({ config, now }) => ({
      json: { keys: readKeys(config.storage.path).map((key) => keyView(key, now())) },
    }),
  },
  {
    method: 'POST',
    path: '/admin/keys',
    summary: 'Issues a virtual key. Its text is in this answer, and nowhere else.',
    body: WANTED,
    answer: async ({ config, now }, { body }) => {
      const wanted = await bodyOf(WANTED, body);
      const nowMs = now();
      const life = wanted.expires_in_seconds;
      const { text, key } = await issueKey(config.storage.path, {
        user: wanted.user,
        models: wanted.models ?? null,
        dailyLimit: limitOf(wanted.daily_limit_usd),
        monthlyLimit: limitOf(wanted.monthly_limit_usd),
        createdAtMs: nowMs,
        expiresAtMs: life === undefined ? null : nowMs + life * 1000,
      });
      return { status: 201, json: { key: text, ...keyView(key, nowMs) } };
    },
  },
  {
    method: 'DELETE',
    path: '/admin/keys/{id}',
    summary: 'Revokes a virtual key.',
    answer: async ({ config, now }, { params }) => {
      const key = await revokeKey(config.storage.path, params['id'] ?? '', now());
      if (key === null) throw new Refused(404, 'not_found', 'There is no such key.');
      return { json: keyView(key, now()) };
    },
  },
];
