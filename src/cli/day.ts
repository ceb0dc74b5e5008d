// A day, or an amount, as it stands on the command line.

import { InvalidArgumentError } from 'commander';
import { localDate } from '../kernel/calendar.js';
import { type NanoUsd, nano, parseDecimal } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';

const DAY_MS = 86_400_000;

/** Checks a day as it stands on the command line: `2026-03-25`, `today`, or `30d` for days ago. */
export function dayArgument(text: string): string {
  const real = !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
  if (text === 'today' || /^\d{1,5}d$/.test(text) || (/^\d{4}-\d\d-\d\d$/.test(text) && real)) {
    return text;
  }
  throw new InvalidArgumentError('A day is needed: 2026-03-25, today, or 30d for thirty days ago.');
}

/** The day meant by such a text, in a time zone; today when there is none. */
export function dayOf(text: string | undefined, timezone: string): LocalDate {
  if (text?.includes('-') === true) return Number(text.replaceAll('-', ''));
  const daysAgo = text?.endsWith('d') === true ? Number(text.slice(0, -1)) : 0;
  return localDate(Date.now() - daysAgo * DAY_MS, timezone);
}

/** `5`, `0.50` or `$5.00`. */
export function dollarsArgument(text: string): NanoUsd {
  const amount = parseDecimal(text.replace(/^\$/, ''), 9);
  if (amount !== null) return nano(amount);
  throw new InvalidArgumentError('Dollars are needed: 5, 0.50 or $5.00.');
}
