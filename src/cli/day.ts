// A day as it stands on the command line.

import { InvalidArgumentError } from 'commander';

/** Checks a day as it stands on the command line: `2026-03-25`, `today`, or `30d` for days ago. */
export function dayArgument(text: string): string {
  const real = !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
  if (text === 'today' || /^\d{1,5}d$/.test(text) || (/^\d{4}-\d\d-\d\d$/.test(text) && real)) {
    return text;
  }
  throw new InvalidArgumentError('A day is needed: 2026-03-25, today, or 30d for thirty days ago.');
}
