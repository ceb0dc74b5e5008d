// Walks schema and YAML tree side by side: unknown and repeated keys, types, `${…}`, defaults.
// Reports every problem and goes on with a harmless stand-in, so that one pass finds them all.

import { isMap, isPair, isScalar, isSeq, type Node, type Scalar, type YAMLMap } from 'yaml';
import { expand, hasReference, type Environment } from './env.js';
import { readLeaf, retype, shown, type LeafSchema, type Written } from './leaf.js';
import { didYouMean, quoted, type Position, type Report } from './problem.js';
import type { ConfigFile } from './schema.js';
import CONFIG from './schema.json' with { type: 'json' };

/** The part of JSON Schema that schema.ts is written in. */
interface Schema extends LeafSchema {
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly patternProperties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly anyOf?: readonly Schema[];
  readonly maxItems?: number;
}

interface Source {
  readonly report: Report;
  readonly env: Environment;
  readonly positionOf: (node: Node) => Position;
}

export function readFile(root: YAMLMap | null, source: Source): ConfigFile {
  // From a schema and a tree that matches it the schema's own type results.
  return readValue({ schema: CONFIG as Schema, node: root, key: '' }, source) as ConfigFile;
}

interface Place {
  readonly schema: Schema;
  readonly node: Node | null;
  readonly key: string;
}

function readValue(place: Place, source: Source): unknown {
  const { schema } = place;
  if (schema.properties !== undefined) return readObject(place, schema.properties, source);
  if (schema.patternProperties !== undefined) return readRecord(place, source);
  if (schema.anyOf !== undefined) return readOneOrMany(place, source);
  return readScalar(place, source);
}

interface Entry {
  readonly name: string;
  readonly node: Node | null;
}

/** The pairs of a mapping, the first of those that repeat; nothing at all counts as empty. */
function entriesOf({ node, key }: Place, source: Source): Entry[] {
  if (node === null || (isScalar(node) && node.value === null)) return [];
  if (!isMap(node)) {
    source.report.problem(key, `found ${describe(node)}, expected keys below it, such as "x: 1"`);
    return [];
  }
  const entries = new Map<string, Entry>();
  for (const pair of node.items) {
    if (!isPair(pair) || !isScalar(pair.key)) continue;
    const name = String(pair.key.value);
    const path = join(key, name);
    if (entries.has(name)) {
      source.report.place(path, source.positionOf(pair.key));
      source.report.problem(path, 'is given twice: remove one of the two');
      continue;
    }
    source.report.place(path, source.positionOf(pair.key));
    entries.set(name, { name, node: (pair.value ?? null) as Node | null });
  }
  return [...entries.values()];
}

function readObject(
  place: Place,
  properties: Readonly<Record<string, Schema>>,
  source: Source,
): unknown {
  const { key, schema } = place;
  const names = Object.keys(properties);
  const found = new Map<string, Node | null>();
  for (const { name, node } of entriesOf(place, source)) {
    if (names.includes(name)) {
      found.set(name, node);
      continue;
    }
    const hint = didYouMean(name, names) || ` (allowed here: ${names.join(', ')})`;
    source.report.problem(join(key, name), `unknown key${hint}`);
  }
  const value: Record<string, unknown> = {};
  for (const [name, inner] of Object.entries(properties)) {
    const path = join(key, name);
    const present = found.has(name);
    const required = schema.required?.includes(name) === true;
    if (!present && !required) continue;
    if (!present && isLeaf(inner)) value[name] = absent(inner, path, source);
    else {
      const read = readValue({ schema: inner, node: found.get(name) ?? null, key: path }, source);
      if (required || read !== undefined) value[name] = read ?? standIn(inner);
    }
  }
  return value;
}

const isLeaf = (schema: Schema): boolean =>
  schema.properties === undefined && schema.patternProperties === undefined;

function absent(schema: Schema, key: string, { report }: Source): unknown {
  if (schema.default === undefined) report.problem(key, 'is missing: add it');
  return standIn(schema);
}

/** Holds the place of a value that could not be read; nobody sees it, the file is refused. */
const standIn = (schema: Schema): unknown => schema.default ?? schema.enum?.[0] ?? '';

function readRecord(place: Place, source: Source): unknown {
  const [schema] = Object.values(place.schema.patternProperties ?? {});
  // No prototype: a user or a model may be called `__proto__`.
  const record = Object.create(null) as Record<string, unknown>;
  if (schema === undefined) return record;
  for (const { name, node } of entriesOf(place, source)) {
    record[name] = readValue({ schema, node, key: join(place.key, name) }, source);
  }
  return record;
}

function readOneOrMany({ schema, node, key }: Place, source: Source): unknown {
  const item = schema.anyOf?.[0] ?? {};
  if (!isSeq(node)) {
    const value = readScalar({ schema: item, node, key }, source);
    return value === undefined ? undefined : [value];
  }
  const max = schema.anyOf?.[1]?.maxItems ?? 0;
  if (node.items.length > max) source.report.problem(key, `more than ${max} entries`);
  return node.items.slice(0, max).flatMap((element, index) => {
    const path = `${key}.${index}`;
    source.report.place(path, source.positionOf(element as Node));
    const value = readScalar({ schema: item, node: element as Node, key: path }, source);
    return value === undefined ? [] : [value];
  });
}

/** `undefined`: absent, missing from the environment, or refused with a problem. */
function readScalar({ schema, node, key }: Place, source: Source): unknown {
  const { report } = source;
  if (node === null || (isScalar(node) && node.value === null)) {
    report.problem(key, 'is empty: give it a value or remove the line');
    return undefined;
  }
  if (!isScalar(node)) {
    report.problem(key, `found ${describe(node)}, expected a single value`);
    return undefined;
  }
  const written = fromEnvironment(schema, node, key, source);
  if (written === null) return undefined;
  const leaf = readLeaf(schema, written);
  if (leaf.ok) return leaf.value;
  report.problem(key, leaf.message);
  return undefined;
}

function fromEnvironment(
  schema: Schema,
  node: Scalar,
  key: string,
  { report, env }: Source,
): Written | null {
  const text = node.value;
  if (typeof text !== 'string' || !hasReference(text)) return writtenOf(node);
  const expansion = expand(text, env);
  switch (expansion.kind) {
    case 'text':
      return retype(schema, expansion.text);
    case 'missing': {
      const { name, empty } = expansion;
      const state = empty ? 'is empty' : 'is not set';
      report.missing(key, `environment variable ${name} ${state}: export ${name}=…`);
      return null;
    }
    case 'malformed':
      report.problem(key, 'found "${" without a name, expected ${NAME} or ${NAME:-default}');
      return null;
  }
}

const writtenOf = (node: Scalar): Written => ({
  value: node.value,
  source: node.source ?? String(node.value),
  quoted: node.type !== 'PLAIN',
});

function describe(node: Node): string {
  if (isMap(node)) return 'a mapping';
  if (isSeq(node)) return 'a list';
  return isScalar(node) ? shown(writtenOf(node)) : quoted(String(node));
}

const join = (key: string, name: string): string => (key === '' ? name : `${key}.${name}`);
