// The house rules that neither the compiler nor the linter can say, each a pure function from
// sources to findings of the form `file:line what is wrong`.

import { basename } from 'node:path/posix';
import { circle, importsOf, isRoom, mayImport, roomOf } from './doors.js';
import type { Source } from './source.js';

export type Rule = (sources: readonly Source[]) => string[];

const FILE_LINES_MAX = 400;
const LINE_COLUMNS_MAX = 100;

/** A rule that looks at one file at a time. */
const perFile =
  (check: (source: Source) => Iterable<string>): Rule =>
  (sources) =>
    sources.flatMap((source) => [...check(source)]);

/** A rule that finds a pattern in the lines of some files. */
const noMatch = (options: {
  pattern: RegExp;
  in: 'text' | 'code';
  where: (path: string) => boolean;
  message: string;
}): Rule =>
  perFile(function* (source) {
    if (!options.where(source.path)) return;
    for (const [index, line] of source[options.in].split('\n').entries()) {
      if (options.pattern.test(line)) yield `${source.path}:${index + 1} ${options.message}`;
    }
  });

// In pieces, so that this file does not name what it forbids.
const MACHINE_PATH = new RegExp(String.raw`(?<![\w.}])\/(${['work', 'root', 'home'].join('|')})\/`);

const anywhere = (): boolean => true;
const inSrc = (path: string): boolean => path.startsWith('src/');

/** `src` but for what owns a process, a thread, a socket or a person's terminal. */
const inner = (path: string): boolean =>
  inSrc(path) &&
  path !== 'src/ledger/thread.ts' &&
  !['cli', 'supervisor', 'http', 'mock'].includes(roomOf(path) ?? '');

const fileLength = perFile(function* ({ path, text }) {
  const lines = text.trimEnd().split('\n').length;
  if (lines > FILE_LINES_MAX) yield `${path}:${lines} has more than ${FILE_LINES_MAX} lines`;
});

/** A text or pattern that stands alone: no formatter can break it, and breaking it reads worse. */
const isOneLiteral = (line: string): boolean =>
  /^\s*(const \w+ = |[\w.]+: )?(['"`]).*\2( \+|,|;)?$/.test(line) ||
  /^\s*\/\^.*\$\/[,;]$/.test(line);

const lineLength = perFile(function* ({ path, text }) {
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(import|export)\b.*\bfrom\b|https?:\/\//.test(line)) continue;
    if (isOneLiteral(line)) continue;
    const columns = Array.from(line).length;
    if (columns > LINE_COLUMNS_MAX) yield `${path}:${index + 1} has ${columns} columns`;
  }
});

const header = perFile(function* ({ path, text }) {
  const first = text.startsWith('#!') ? text.slice(text.indexOf('\n') + 1) : text;
  if (inSrc(path) && !/^\/[/*]/.test(first)) yield `${path}:1 has no header comment`;
});

const fileName = perFile(function* ({ path }) {
  const name = basename(path);
  if (/(^|[-.])(utils?|helpers?|common|managers?|services?)([-.]|$)/.test(name)) {
    yield `${path}:1 is named for nothing in particular`;
  }
  if (!/^[a-z0-9]+(-[a-z0-9]+)*(\.test|\.d)?\.(ts|mjs)$/.test(name))
    yield `${path}:1 is not kebab-case`;
});

const doors = perFile(function* (source) {
  const room = roomOf(source.path);
  if (!inSrc(source.path)) return;
  if (room === null || !isRoom(room)) {
    yield `${source.path}:1 stands in no room of the table`;
    return;
  }
  for (const { line, path, specifier } of importsOf(source)) {
    // A file of data beside `src` (the manifest, the example) is no room's business.
    if (path === null || !/\.[jt]s$/.test(path)) continue;
    const target = roomOf(path);
    if (target === null || !mayImport(room, target)) {
      yield `${source.path}:${line} ${room} may not import ${specifier}`;
    }
  }
});

const cycles: Rule = (sources) => {
  const edges = new Map<string, Set<string>>();
  for (const source of sources) {
    const from = roomOf(source.path);
    if (from === null) continue;
    for (const { path } of importsOf(source)) {
      const to = path === null ? null : roomOf(path);
      if (to !== null && to !== from) edges.set(from, (edges.get(from) ?? new Set()).add(to));
    }
  }
  const found = circle(edges);
  return found === null ? [] : [`src:1 rooms import each other: ${found.join(' → ')}`];
};

const oneSocketFile: Rule = (sources) => {
  const found: string[] = [];
  for (const source of sources.filter(({ path }) => inSrc(path))) {
    for (const { line, specifier, typeOnly } of importsOf(source)) {
      if (specifier === 'uWebSockets.js' && !typeOnly)
        found.push(`${source.path}:${line} loads it`);
    }
  }
  return found.length > 1 ? found : [];
};

/** Title → rule. A title is what holds when the rule finds nothing. */
export const RULES: Readonly<Record<string, Rule>> = {
  'no file is longer than 400 lines': fileLength,
  'no line is wider than 100 columns': lineLength,
  'every file of src opens with a comment': header,
  'every file has a name of its own': fileName,
  'rooms import through open doors only': doors,
  'rooms do not import in circles': cycles,
  'one file at most loads uWebSockets.js': oneSocketFile,
  'there is no enum': noMatch({
    pattern: /\benum\s+\w+/,
    in: 'code',
    where: anywhere,
    message: 'declares an enum: use an `as const` object or a union',
  }),
  'there is no any': noMatch({
    pattern: /:\s*any\b|\bas\s+any\b|<any\b/,
    in: 'code',
    where: anywhere,
    message: 'says any',
  }),
  'nothing is left to do': noMatch({
    pattern: /\bTO{1}DO\b|\bFIX{1}ME\b/,
    in: 'text',
    where: anywhere,
    message: 'leaves something to do: file an issue',
  }),
  'every test runs': noMatch({
    pattern: /\b(t|test|tap)\.(only|skip|todo)\b|\b(only|skip|todo):\s*true/,
    in: 'code',
    where: (path) => path.startsWith('test/'),
    message: 'leaves tests out',
  }),
  'the environment is read at the edge only': noMatch({
    pattern: /\bprocess\.env\b/,
    in: 'code',
    where: inner,
    message: 'reads the environment: have it passed in',
  }),
  'the clock is read at the edge only': noMatch({
    pattern: /\bDate\.now\b|\bnew Date\(\)/,
    in: 'code',
    where: inner,
    message: 'reads the clock: have the time passed in',
  }),
  'nothing is printed but at the edge': noMatch({
    pattern: /\bconsole\.\w/,
    in: 'code',
    where: inner,
    message: 'prints',
  }),
  'no path of one machine is named': noMatch({
    pattern: MACHINE_PATH,
    in: 'text',
    where: anywhere,
    message: "names one machine's path",
  }),
};
