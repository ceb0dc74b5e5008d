// Holds README and ARCHITECTURE to the product: what they name exists, what they quote is printed.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { validateConfig } from '../src/cli/validate-config.js';
import { loadConfig } from '../src/config/load.js';
import { CONFIG_SCHEMA } from '../src/config/schema.js';
import { ERRORS } from '../src/kernel/errors.js';
import { PriceTable } from '../src/pricing/table.js';
import { run, temporaryFolder } from './flow/harness.js';

// Compiled to dist/test, two folders below the project's root.
const root = fileURLToPath(new URL('../../', import.meta.url));
const textOf = (path: string): string => readFileSync(`${root}${path}`, 'utf8');

const README = textOf('README.md');
const ARCHITECTURE = textOf('ARCHITECTURE.md');
const DOCUMENTS = Object.entries({ 'README.md': README, 'ARCHITECTURE.md': ARCHITECTURE });
const LINES_MAX = 200;

const captures = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? '')),
];

/** The commands that a verb's help lists; none for a verb without any. */
async function commandsOf(verb: readonly string[]): Promise<string[]> {
  const { stdout } = await run([...verb, '--help']);
  return captures(stdout.split(/^Commands:$/m)[1] ?? '', /^ {2}([a-z][a-z-]*)/gm);
}

t.test('every verb in README exists', async (t) => {
  const verbs = await commandsOf([]);
  const called = captures(README, /(?<=^|[\s`])tokenpak ([a-z][a-z-]*)(?=$|[\s`.,])/gm);
  t.ok(called.length > 3, 'verbs are found');
  for (const verb of called) t.ok(verbs.includes(verb), `tokenpak ${verb}`);
  const books = captures(README, /tokenpak ledger ([a-z]+)/g);
  const bookVerbs = await commandsOf(['ledger']);
  for (const verb of books) t.ok(bookVerbs.includes(verb), `tokenpak ledger ${verb}`);
});

t.test('every verb of the command line stands in README', async (t) => {
  for (const verb of await commandsOf([])) {
    if (verb !== 'help') t.match(README, new RegExp(`tokenpak ${verb}\\b`), verb);
  }
});

t.test('every link leads to a file of the project, or to a heading', async (t) => {
  for (const [name, text] of DOCUMENTS) {
    const headings = captures(text, /^#+ (.+)$/gm).map((title) =>
      title
        .toLowerCase()
        .replace(/[^\w -]/g, '')
        .replaceAll(' ', '-'),
    );
    for (const target of captures(text, /\]\((?!https?:)([^)]+)\)/g)) {
      const leads = target.startsWith('#')
        ? headings.includes(target.slice(1))
        : existsSync(`${root}${target}`);
      t.ok(leads, `${name}: ${target}`);
    }
  }
});

t.test('every path exists', async (t) => {
  for (const [name, text] of DOCUMENTS) {
    const paths = captures(text, /`((?:src|test|bench|fixtures|scripts)(?:\/[\w.-]+)*)`/g);
    for (const path of [...paths, ...captures(text, /`(config\.example\.yaml)`/g)]) {
      t.ok(existsSync(`${root}${path}`), `${name}: ${path}`);
    }
  }
});

t.test('every npm script exists', async (t) => {
  const { scripts } = JSON.parse(textOf('package.json')) as { scripts: Record<string, string> };
  for (const [name, text] of DOCUMENTS) {
    const named = captures(text, /\bnpm run ([a-z-]+)/g);
    for (const script of named) t.ok(script in scripts, `${name}: npm run ${script}`);
  }
});

t.test('README names the test command and shows what validate-config prints', async (t) => {
  t.match(README, /^\$ npm ci && npm test$/m);
  const file = `${root}fixtures/recipe.yaml`;
  const { lines } = validateConfig(file, {}, (config) => new PriceTable(config));
  // Whether the log can be written is the machine's affair.
  const everywhere = lines.filter((line) => !line.includes('cannot be written'));
  const shown = everywhere.join('\n').replace(file, 'config.yaml');
  t.ok(README.includes(`$ tokenpak validate-config config.yaml\n${shown}\n`), shown);
});

t.test('every config of README loads', async (t) => {
  const folder = temporaryFolder(t);
  const blocks = captures(README, /^```yaml\n([\s\S]*?)^```$/gm);
  t.ok(blocks.length > 0, 'one is found');
  for (const [index, text] of blocks.entries()) {
    const file = `${folder}/${index}.yaml`;
    writeFileSync(file, text);
    t.match(loadConfig(file, { OPENAI_API_KEY: 'sk-test' }), { ok: true, warnings: [] });
  }
});

interface Node {
  readonly properties?: Readonly<Record<string, Node>>;
  readonly patternProperties?: Readonly<Record<string, Node>>;
}

/** Whether the schema has a dotted key; a name of the user's own is written NAME. */
function hasKey(schema: Node | undefined, [first, ...rest]: readonly string[]): boolean {
  if (schema === undefined || first === undefined) return schema !== undefined;
  const inner =
    first === 'NAME'
      ? Object.values(schema.patternProperties ?? {})[0]
      : schema.properties?.[first];
  return hasKey(inner, rest);
}

t.test('every config key in README exists', async (t) => {
  const sections = Object.keys(CONFIG_SCHEMA.properties).join('|');
  const keys = captures(README, new RegExp(`\`((?:${sections})(?:\\.\\w+)+)\``, 'g'));
  t.ok(keys.length > 20, 'keys are found');
  for (const key of keys) t.ok(hasKey(CONFIG_SCHEMA as Node, key.split('.')), key);
});

t.test('README tells every error code but that of a defect, with its status', async (t) => {
  const rows = README.split('\n').filter((line) => /^\| \d{3}/.test(line));
  for (const [code, { status }] of Object.entries(ERRORS)) {
    if (code === 'internal_error') continue;
    const row = rows.find((line) => line.includes(`\`${code}\``)) ?? '';
    t.match(row.split('|')[1], new RegExp(`\\b${status}\\b`), code);
  }
});

t.test('ARCHITECTURE is short, and the tests it names exist', async (t) => {
  t.ok(ARCHITECTURE.split('\n').length <= LINES_MAX, `${LINES_MAX} lines at most`);
  const rows = ARCHITECTURE.split('\n').filter((line) => /\| `test\//.test(line));
  t.ok(rows.length > 10, 'invariants are found');
  for (const row of rows) {
    let source = '';
    for (const [, path, title] of row.matchAll(/`(test\/[\w/.-]+)`|"([^"]+)"/g)) {
      if (path === undefined) t.ok(source.includes(title ?? ''), `${title}`);
      else source = textOf(path);
    }
  }
});
