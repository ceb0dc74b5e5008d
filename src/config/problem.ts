// What is wrong with a config file, and where. Collects everything in one pass, one problem a key,
// and must never hold the value of a secret.

import { distance } from 'fastest-levenshtein';

export interface Problem {
  readonly file: string;
  /** From 1; 0 when the file as a whole is at fault. */
  readonly line: number;
  readonly column: number;
  /** Dotted path, empty for the file itself. */
  readonly key: string;
  /** What was found, what is allowed, the mend. */
  readonly message: string;
  /** `validate-config` only warns, but the proxy must not start with it. */
  readonly blocksProxy?: boolean;
}

export interface Position {
  readonly line: number;
  readonly column: number;
}

/** A key is text from the file: shown without what could move a terminal's cursor. */
const printable = (key: string): string =>
  key.replace(/[\p{C}\p{Zl}\p{Zp}]/gu, '\uFFFD').slice(0, 200);

/** `config.yaml:12:3 budget.daily_limit_cents: …` */
export function formatProblem({ file, line, column, key, message }: Problem): string {
  const place = line === 0 ? file : `${file}:${line}:${column}`;
  return key === '' ? `${place}: ${message}` : `${place} ${printable(key)}: ${message}`;
}

/** ` (did you mean "x"?)`, or nothing when no candidate is near. */
export function didYouMean(found: string, candidates: readonly string[]): string {
  let best: string | null = null;
  let bestDistance = Math.max(2, Math.floor(found.length / 3)) + 1;
  for (const candidate of candidates) {
    const edits = distance(found.toLowerCase(), candidate.toLowerCase());
    if (edits < bestDistance) [best, bestDistance] = [candidate, edits];
  }
  return best === null ? '' : ` (did you mean "${best}"?)`;
}

/** Text from the file made safe for one line of a terminal. */
export function quoted(text: string): string {
  return JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
}

export class Report {
  readonly problems: Problem[] = [];
  readonly warnings: Problem[] = [];
  readonly missingEnv: Problem[] = [];
  readonly blockers: Problem[] = [];
  readonly #file: string;
  readonly #positions = new Map<string, Position>();
  readonly #spoken = new Set<string>();

  constructor(file: string) {
    this.#file = file;
  }

  place(key: string, position: Position): void {
    this.#positions.set(key, position);
  }

  /** One problem per key: the first says what to mend, the next would be its echo. */
  problem(key: string, message: string): void {
    if (this.#spoken.has(key)) return;
    this.#spoken.add(key);
    this.problems.push(this.#at(key, message));
  }

  missing(key: string, message: string): void {
    this.#spoken.add(key);
    this.missingEnv.push(this.#at(key, message));
  }

  warning(key: string, message: string, blocksProxy = false): void {
    const warning = this.#at(key, message);
    this.warnings.push(blocksProxy ? { ...warning, blocksProxy } : warning);
  }

  /** The file is as it should be, what it names is not. */
  blocker(key: string, message: string): void {
    if (!this.#spoken.has(key)) this.blockers.push(this.#at(key, message));
  }

  /** Whether this key's value is already known not to be usable. */
  spoken(key: string): boolean {
    return this.#spoken.has(key);
  }

  inFileOrder(): Problem[] {
    return this.problems.toSorted((a, b) => a.line - b.line || a.column - b.column);
  }

  /** A key that is not in the file stands where its nearest parent does. */
  #at(key: string, message: string): Problem {
    let parent = key;
    while (parent !== '' && !this.#positions.has(parent)) {
      parent = parent.slice(0, Math.max(0, parent.lastIndexOf('.')));
    }
    const position = this.#positions.get(parent) ?? { line: 1, column: 1 };
    return { file: this.#file, ...position, key, message };
  }
}
