// An alert as one line of the log, and the texts it shares with webhook and mail. Pure.
// Names are whatever a caller sent: they must never be able to forge a line or a field.

import { timeText } from '../kernel/calendar.js';
import type { AlertEvent, BudgetState } from '../kernel/alert.js';
import { dollars } from '../kernel/money.js';
import { type Scope, scopeUser } from '../kernel/scope.js';

/** Separators, control and invisible characters, and what the line itself is made of. */
const UNSAFE = /[\p{C}\p{Z}\s=\\"']/gu;

const escaped = (character: string): string => {
  const code = (character.codePointAt(0) ?? 0).toString(16);
  return code.length <= 2 ? `\\x${code.padStart(2, '0')}` : `\\u{${code}}`;
};

/** Any text as one field of a line. */
const field = (text: string): string => text.replace(UNSAFE, escaped);

/** `*` is everyone together, so a user of that name is written `\x2a`. */
export function userField(scope: Scope): string {
  const user = scopeUser(scope);
  if (user === null) return '*';
  return user === '*' ? '\\x2a' : field(user);
}

/** Spend over limit in whole percent, rounded down; `null` where there is nothing to divide by. */
export function percentOf({ spent, limit }: BudgetState): number | null {
  return limit === null || limit === 0n ? null : Number((spent * 100n) / limit);
}

function budgetFields(budget: BudgetState): string[] {
  const fields = [`user=${userField(budget.scope)}`, `spent=${dollars(budget.spent)}`];
  const pct = percentOf(budget);
  if (budget.limit !== null) fields.push(`${budget.window}_limit=${dollars(budget.limit)}`);
  if (pct !== null) fields.push(`pct=${pct}%`);
  return fields;
}

/** `2026-03-25T09:45:00Z ALERT budget_exceeded user=a spent=$3.60 daily_limit=$3.00 pct=120%` */
export function alertLine({ event, occurredAtMs, budget, details }: AlertEvent): string {
  return [
    timeText(occurredAtMs),
    'ALERT',
    event,
    ...(budget === null ? [] : budgetFields(budget)),
    ...Object.entries(details).map(([name, value]) => `${name}=${field(String(value))}`),
  ].join(' ');
}
