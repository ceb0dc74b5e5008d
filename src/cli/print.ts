// How lines reach a person: the mark at their start coloured on a terminal, plain everywhere else.

import { createColors } from 'picocolors';

/** A pipe has no `isTTY` at all, whatever its type says. */
export const isColored = (stream: { readonly isTTY?: boolean }): boolean =>
  (stream.isTTY ?? false) && (process.env['NO_COLOR'] ?? '') === '';

export function marked(line: string, stream: NodeJS.WriteStream): string {
  const colors = createColors(isColored(stream));
  if (line.startsWith('✓')) return colors.green('✓') + line.slice(1);
  if (line.startsWith('⚠')) return colors.yellow(line);
  if (line.startsWith('✗')) return colors.red(line);
  return line;
}

export function printMarked(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${marked(line, process.stdout)}\n`);
}
