// An alert as one line of the log, and the texts it shares with the webhook. Pure.
// A user's name is whatever a caller sent: it must never be able to forge a line or a field.

import type { AlertEvent } from '../kernel/alert.js';
import { dollars } from '../kernel/money.js';
import { scopeUser } from '../kernel/scope.js';

/** Separators, control and invisible characters, and what the line itself is made of. */
const UNSAFE = /[\p{C}\p{Z}\s=\\"']/gu;

const escaped = (character: string): string => {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
};

/** `*` is everyone together, so a user of that name is written `\x2a`. */
function userField(event: AlertEvent): string {
  const user = scopeUser(event.scope);
  if (user === null) return '*';
  return user === '*' ? '\\x2a' : user.replace(UNSAFE, escaped);
}

/** To the second, as `date -u +%FT%TZ` prints it. */
export const timeText = (timeMs: number): string =>
  `${new Date(timeMs).toISOString().slice(0, 19)}Z`;

/** Spend over limit in whole percent, rounded down; `null` where there is nothing to divide by. */
export function percentOf({ spent, limit }: AlertEvent): number | null {
  return limit === null || limit === 0n ? null : Number((spent * 100n) / limit);
}

/** `2026-03-25T09:45:00Z ALERT budget_exceeded user=a spent=$3.60 daily_limit=$3.00 pct=120%` */
export function alertLine(event: AlertEvent): string {
  const fields = [
    timeText(event.occurredAtMs),
    'ALERT',
    event.event,
    `user=${userField(event)}`,
    `spent=${dollars(event.spent)}`,
  ];
  const pct = percentOf(event);
  if (event.limit !== null) fields.push(`${event.window}_limit=${dollars(event.limit)}`);
  if (pct !== null) fields.push(`pct=${pct}%`);
  return fields.join(' ');
}
