// Writes what follows from the compiled config schema: docs/configuration.md for people, and
// src/config/schema.json, which the product reads. With --check it writes nothing and fails when
// either is not what the schema says.

import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { CONFIG_SCHEMA } from '../dist/src/config/schema.js';

const INTRO = `# Configuration

<!-- Out of src/config/schema.ts: change that, then npm run docs. -->

Every key of the config file. \`NAME\` stands for a name of your own. Money is in cents and read
digit by digit, so \`0.00015\` is exact. \`\${VARIABLE}\` in any value is taken from the
environment, \`\${VARIABLE:-text}\` has a default. Keys marked *secret* are never shown, not even
when they are wrong. An unknown key is an error that names the one you may have meant.
\`tokenpak init\` writes a commented file with all of them, \`tokenpak validate-config config.yaml\`
checks yours.
`;

const MONEY = {
  cents: 'cents, 0 to a billion dollars',
  cents_per_1k: 'cents, 0 to a thousand dollars',
};

const number = (value) => value.toLocaleString('en-US', { maximumFractionDigits: 20 });

function typeOf(schema) {
  if (schema.anyOf !== undefined) {
    return `${typeOf(schema.anyOf[0])}, or a list of at most ${schema.anyOf[1].maxItems}`;
  }
  if (schema.enum !== undefined) return schema.enum.map((value) => `\`${value}\``).join(' · ');
  if (schema.money !== undefined) return MONEY[schema.money];
  if (schema.type === 'boolean') return '`true` · `false`';
  if (schema.type === 'string') return 'text';
  const kind = schema.type === 'integer' ? 'whole number' : 'number';
  return `${kind}, ${number(schema.minimum)} to ${number(schema.maximum)}`;
}

const isSecret = (schema) => schema.secret === true || schema.anyOf?.[0].secret === true;

function defaultOf(schema, required) {
  if (schema.default === undefined) return required ? 'required' : '–';
  const { default: value } = schema;
  if (!Array.isArray(value)) return `\`${value}\``;
  return value.length === 0 ? '–' : value.map((one) => `\`${one}\``).join(', ');
}

/** As Markdown shows it: a bar would end the cell, a bracket begin a tag. */
const plain = (text) => text.replaceAll(/[|<]/g, '\\$&');

/** A row for each key below a schema, dotted, in the schema's order. */
function* rows(schema, key, required) {
  for (const [name, inner] of Object.entries(schema.properties ?? {})) {
    yield* rows(inner, key === '' ? name : `${key}.${name}`, schema.required?.includes(name));
  }
  for (const inner of Object.values(schema.patternProperties ?? {})) {
    yield* rows(inner, `${key}.NAME`, false);
  }
  if (schema.properties !== undefined || schema.patternProperties !== undefined) return;
  const told = `${schema.description}${isSecret(schema) ? ' *Secret.*' : ''}`;
  const cells = [`\`${key}\``, typeOf(schema), defaultOf(schema, required), told];
  yield `| ${cells.map(plain).join(' | ')} |`;
}

/** The schema of a section's entries, where the user names them. */
const entryOf = (schema) => Object.values(schema.patternProperties ?? {})[0] ?? schema;

const sections = Object.entries(CONFIG_SCHEMA.properties).map(
  ([name, schema]) => `## ${name}

${entryOf(schema).description}

| key | value | default | |
|---|---|---|---|
${[...rows(schema, name, true)].join('\n')}
`,
);

const page = [INTRO, ...sections].join('\n');
const files = {
  'docs/configuration.md': page,
  'src/config/schema.json': `${JSON.stringify(CONFIG_SCHEMA, null, 2)}\n`,
};

for (const [name, text] of Object.entries(files)) {
  const path = fileURLToPath(new URL(`../${name}`, import.meta.url));
  if (!process.argv.includes('--check')) {
    writeFileSync(path, text);
  } else if (readFileSync(path, 'utf8') !== text) {
    process.stderr.write(`${name} is not what the schema says: npm run docs\n`);
    process.exitCode = 1;
  }
}
