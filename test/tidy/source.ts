// The source tree as the tidy rules see it: files read once, with and without comments and strings.
// Knows nothing of git, so that it gives the same answer in a tarball.

import { readdirSync, readFileSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export interface Source {
  /** From the project's root, with `/`. */
  readonly path: string;
  readonly text: string;
  /** `text` with the contents of comments, strings and patterns blanked, line by line as before. */
  readonly code: string;
}

const FOLDERS = ['src', 'test', 'bench', 'scripts'];
const NOT_SOURCE = new Set(['node_modules', 'fixtures', 'results']);

const NOT_CODE = new RegExp(
  [
    String.raw`\/\*[\s\S]*?\*\/`,
    String.raw`\/\/[^\n]*`,
    String.raw`'(?:\\.|[^'\\\n])*'`,
    String.raw`"(?:\\.|[^"\\\n])*"`,
    '`(?:\\\\.|[^`\\\\])*`',
    // A slash starts a pattern where an expression may start.
    String.raw`(?<=[=(,:!&|?{};[]\s*)\/(?![/*])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n])+\/`,
  ].join('|'),
  'g',
);

/** Template literals stay: they hold code between `${` and `}`. */
export const codeOf = (text: string): string =>
  text.replace(NOT_CODE, (part) => (part.startsWith('`') ? part : part.replace(/[^\n]/g, ' ')));

export const source = (path: string, text: string): Source => ({ path, text, code: codeOf(text) });

export function* sources(root: string): Generator<Source> {
  for (const folder of FOLDERS) yield* sourcesUnder(root, join(root, folder));
}

function* sourcesUnder(root: string, folder: string): Generator<Source> {
  for (const entry of entriesOf(folder)) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (!NOT_SOURCE.has(entry.name)) yield* sourcesUnder(root, path);
    } else if (/\.(ts|mjs)$/.test(entry.name)) {
      yield source(relative(root, path).split(sep).join('/'), readFileSync(path, 'utf8'));
    }
  }
}

function entriesOf(folder: string) {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return [];
    throw error;
  }
}
