import t from 'tap';
import { Check } from 'typebox/schema';
import { type LeafSchema, readLeaf } from '../../src/config/leaf.js';
import { CONFIG_SCHEMA } from '../../src/config/schema.js';

interface Node extends LeafSchema {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly patternProperties?: Readonly<Record<string, Node>>;
  readonly anyOf?: readonly Node[];
}

function leavesOf(schema: Node): LeafSchema[] {
  const { properties = {}, patternProperties = {}, anyOf } = schema;
  const inner = [...Object.values(properties), ...Object.values(patternProperties)];
  if (anyOf !== undefined) inner.push(...anyOf.slice(0, 1));
  return inner.length === 0 ? [schema] : inner.flatMap(leavesOf);
}

/** Around what a schema says of numbers, and of every kind beside. */
const valuesFor = ({ minimum = 0, maximum = 0, enum: names = [] }: LeafSchema): unknown[] => [
  ...names,
  ...names.map((name) => `${name}x`),
  minimum - 1,
  minimum,
  minimum + 0.5,
  maximum,
  maximum + 1,
  NaN,
  Infinity,
  '',
  'text',
  '1',
  true,
  false,
  null,
  undefined,
  [],
  {},
];

t.test('a value is taken exactly when TypeBox takes it', async (t) => {
  const leaves = leavesOf(CONFIG_SCHEMA as Node).filter(({ money }) => money === undefined);
  t.ok(leaves.length > 40, 'leaves are found');
  const disagreed = leaves.flatMap((leaf) =>
    valuesFor(leaf)
      .filter((value) => {
        const { ok } = readLeaf(leaf, { value, source: String(value), quoted: false });
        return ok !== Check(leaf, value);
      })
      .map((value) => `${JSON.stringify(leaf)} and ${String(value)}`),
  );
  t.same(disagreed, []);
});
