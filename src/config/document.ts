// YAML text → the root mapping, with the line and column of everything in it.
// Refuses what a config has no use for and what costs memory: aliases, anchors, tags, merge keys.

import {
  isAlias,
  isMap,
  isScalar,
  Lexer,
  LineCounter,
  parseDocument,
  visit,
  type Document,
  type Node,
  type YAMLMap,
} from 'yaml';
import type { Position, Problem } from './problem.js';

/** A config file is written by hand; the largest sensible one (10,000 users) is under 1 MiB. */
export const FILE_BYTES_MAX = 1_048_576;
/** The schema's deepest value stands at depth 5. */
const DEPTH_MAX = 32;
const INDENT_MAX = 256;
/** The parser goes on after an error, and most of what it then finds follows from the first. */
const SYNTAX_PROBLEMS_MAX = 3;

export type ParsedDocument =
  | { ok: true; root: YAMLMap | null; positionOf: (node: Node) => Position }
  | { ok: false; problems: Problem[] };

export function parseYaml(text: string, file: string): ParsedDocument {
  const lines = new LineCounter();
  const problems: Problem[] = [];
  const positionAt = (offset: number): Position => {
    const { line, col } = lines.linePos(offset);
    return { line: Math.max(1, line), column: Math.max(1, col) };
  };
  const fault = (offset: number, message: string) =>
    problems.push({ file, ...positionAt(offset), key: '', message });

  if (Buffer.byteLength(text) > FILE_BYTES_MAX) {
    fault(0, `larger than 1 MiB (${FILE_BYTES_MAX} bytes), the most a config file may have`);
    return { ok: false, problems };
  }
  if (tooDeep(text)) {
    fault(0, `nested more than ${DEPTH_MAX} deep, which no config needs`);
    return { ok: false, problems };
  }
  const document = parseDocument(text, {
    version: '1.2',
    schema: 'core',
    merge: false,
    // read.ts finds duplicates itself: linear, and with the place of both.
    uniqueKeys: false,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  for (const error of document.errors.slice(0, SYNTAX_PROBLEMS_MAX)) {
    const why = error.code === 'MULTIPLE_DOCS' ? 'a second document begins here' : error.message;
    fault(error.pos[0], `not valid YAML: ${why}`);
  }
  if (problems.length === 0) refuseFeatures(document, fault);
  const root = document.contents;
  const empty = root === null || (isScalar(root) && root.value === null);
  if (!empty && !isMap(root) && problems.length === 0) {
    fault(root.range?.[0] ?? 0, 'expected `key: value` lines at the top, such as `budget:`');
  }
  if (problems.length > 0) return { ok: false, problems };
  return {
    ok: true,
    root: isMap(root) ? root : null,
    positionOf: (node) => positionAt(node.range?.[0] ?? 0),
  };
}

type Fault = (offset: number, message: string) => void;

/**
 * The parser recurses: some thousand open brackets exhaust its stack, and sixty thousand abort the
 * whole process inside V8 (seen with yaml 2.9). So depth is counted on the flat tokens first.
 */
function tooDeep(text: string): boolean {
  let brackets = 0;
  let indicators = 0;
  for (const token of new Lexer().lex(text)) {
    if (token === '[' || token === '{') brackets += 1;
    else if (token === ']' || token === '}') brackets -= 1;
    else if (token === '-' || token === '?') indicators += 1;
    else if (token.endsWith('\n')) indicators = 0;
    else if (token.length > INDENT_MAX && token.trim() === '') return true;
    if (brackets > DEPTH_MAX || indicators > DEPTH_MAX) return true;
  }
  return false;
}

function refuseFeatures(document: Document, fault: Fault): void {
  const { explicit, version } = document.directives?.yaml ?? {};
  if (explicit === true && version !== '1.2') {
    fault(0, `%YAML ${version} is not supported: remove the line, config files are YAML 1.2`);
  }
  visit(document, {
    Node: (_, node) => {
      const offset = node.range?.[0] ?? 0;
      if (isAlias(node)) {
        fault(offset, `alias *${node.source} is not allowed: write the value out`);
        return;
      }
      if (node.anchor !== undefined) {
        fault(offset, `anchor &${node.anchor} is not allowed: remove it`);
      }
      if (node.tag !== undefined && !node.tag.startsWith('tag:yaml.org,2002:')) {
        fault(offset, `tag ${node.tag} is not allowed: remove it`);
      }
    },
    Pair: (_, pair) => {
      if (isScalar(pair.key) && pair.key.value === '<<') {
        fault(pair.key.range?.[0] ?? 0, 'merge key << is not allowed: write the keys out');
      }
    },
  });
}
