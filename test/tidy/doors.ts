// The one table of rooms and doors: which folder of `src` may import which.
// A room may import every room of a later row; rooms of one row do not know each other.

import { dirname, join } from 'node:path/posix';
import type { Source } from './source.js';

const ROWS: readonly (readonly string[])[] = [
  ['cli'],
  ['supervisor'],
  ['http', 'admin', 'mock'],
  ['proxy', 'reconcile', 'telemetry'],
  ['pricing', 'tokens', 'budget', 'ledger', 'wire', 'upstream', 'alert', 'keys'],
  ['config'],
  ['kernel'],
];

/** Rooms with fewer doors than their row has. */
const NARROWER: Readonly<Record<string, readonly string[]>> = {
  mock: ['wire', 'config', 'kernel'],
  telemetry: ['ledger', 'config', 'kernel'],
};

const rowOf = (room: string): number => ROWS.findIndex((row) => row.includes(room));

export const isRoom = (name: string): boolean => rowOf(name) !== -1;

export function mayImport(from: string, to: string): boolean {
  if (from === to) return true;
  return NARROWER[from]?.includes(to) ?? (isRoom(to) && rowOf(to) > rowOf(from));
}

/** The room a path under `src` stands in, `null` for a file that stands in none. */
export const roomOf = (path: string): string | null => /^src\/([^/]+)\//.exec(path)?.[1] ?? null;

export interface Import {
  readonly specifier: string;
  readonly line: number;
  /** The file meant, when it is one of ours. */
  readonly path: string | null;
  /** A type import is gone once compiled: it loads nothing. */
  readonly typeOnly: boolean;
}

const SPECIFIER =
  /\bfrom\s+'([^']+)'|^\s*import\s+'([^']+)'|\bimport\(\s*'([^']+)'|new URL\(\s*'(\.[^']+)'/gm;

/** Static and dynamic imports, and the worker entries that are named by `new URL`. */
export function* importsOf({ path, text }: Source): Generator<Import> {
  for (const match of text.matchAll(SPECIFIER)) {
    const specifier = match[1] ?? match[2] ?? match[3] ?? match[4] ?? '';
    const before = text.slice(0, match.index);
    yield {
      specifier,
      line: before.split('\n').length,
      typeOnly: /\b(import|export) type\b[^;]*$/.test(before),
      path: specifier.startsWith('.') ? join(dirname(path), specifier) : null,
    };
  }
}

/** The rooms of a circle of imports in order, `null` when there is none. */
export function circle(edges: ReadonlyMap<string, ReadonlySet<string>>): string[] | null {
  const finished = new Set<string>();
  const visit = (room: string, trail: readonly string[]): string[] | null => {
    if (trail.includes(room)) return [...trail.slice(trail.indexOf(room)), room];
    if (finished.has(room)) return null;
    for (const next of edges.get(room) ?? []) {
      const found = visit(next, [...trail, room]);
      if (found !== null) return found;
    }
    finished.add(room);
    return null;
  };
  for (const room of edges.keys()) {
    const found = visit(room, []);
    if (found !== null) return found;
  }
  return null;
}
