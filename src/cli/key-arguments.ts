// What keys are given on the command line, checked as it is parsed.

import { InvalidArgumentError } from 'commander';

const UNIT_MS = { h: 3_600_000, d: 86_400_000, w: 7 * 86_400_000 } as const;

/** `12h`, `30d`, `8w` from now, or the UTC day at whose beginning it ends. In milliseconds. */
export function expiryArgument(text: string): number {
  const span = /^(\d{1,4})([hdw])$/.exec(text);
  const atMs =
    span === null
      ? Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T00:00:00Z` : 'no day')
      : Date.now() + Number(span[1]) * UNIT_MS[span[2] as keyof typeof UNIT_MS];
  if (atMs > Date.now()) return atMs;
  throw new InvalidArgumentError('A time to come is needed: 12h, 30d, 8w, or a day: 2027-01-31.');
}

export const modelsArgument = (text: string): string[] =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
