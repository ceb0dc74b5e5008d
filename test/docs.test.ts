// Holds README, ARCHITECTURE and docs/ to the product: what they name exists, what they quote is
// printed, and what is generated or listed by the code is all there.

import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
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
const PAGES = readdirSync(`${root}docs`).map((name) => `docs/${name}`);
const DOCUMENTS = ['README.md', 'ARCHITECTURE.md', ...PAGES].map(
  (name) => [name, textOf(name)] as const,
);
/** All that users read. */
const MANUAL = DOCUMENTS.filter(([name]) => name !== 'ARCHITECTURE.md')
  .map(([, text]) => text)
  .join('\n');
const LINES_MAX = 200;

const captures = (text: string, pattern: RegExp): string[] => [
  ...new Set([...text.matchAll(pattern)].map((match) => match[1] ?? '')),
];

/** The commands that a verb's help lists; none for a verb without any. */
async function commandsOf(verb: readonly string[]): Promise<string[]> {
  const { stdout } = await run([...verb, '--help']);
  return captures(stdout.split(/^Commands:$/m)[1] ?? '', /^ {2}([a-z][a-z-]*)/gm);
}

t.test('every verb that the manual names exists', async (t) => {
  const verbs = await commandsOf([]);
  const called = captures(MANUAL, /(?<=^|[\s`])tokenpak ([a-z][a-z-]*)(?=$|[\s`.,])/gm);
  t.ok(called.length > 3, 'verbs are found');
  for (const verb of called) t.ok(verbs.includes(verb), `tokenpak ${verb}`);
  const books = captures(MANUAL, /tokenpak ledger ([a-z]+)/g);
  const bookVerbs = await commandsOf(['ledger']);
  for (const verb of books) t.ok(bookVerbs.includes(verb), `tokenpak ledger ${verb}`);
});

t.test('every verb of the command line stands in README', async (t) => {
  for (const verb of await commandsOf([])) {
    if (verb !== 'help') t.match(README, new RegExp(`tokenpak ${verb}\\b`), verb);
  }
});

/** As links name them. */
const headingsOf = (file: string): string[] =>
  captures(textOf(file), /^#+ (.+)$/gm).map((title) =>
    title
      .toLowerCase()
      .replace(/[^\w -]/g, '')
      .replaceAll(' ', '-'),
  );

t.test('every link leads to a file of the project, or to a heading', async (t) => {
  for (const [name, text] of DOCUMENTS) {
    for (const target of captures(text, /\]\((?!https?:)([^)]+)\)/g)) {
      const [path = '', heading] = target.split('#');
      const file = path === '' ? name : join(dirname(name), path);
      t.ok(existsSync(`${root}${file}`), `${name}: ${target}`);
      if (heading !== undefined) t.ok(headingsOf(file).includes(heading), `${name}: ${target}`);
    }
  }
});

t.test('every path exists', async (t) => {
  for (const [name, text] of DOCUMENTS) {
    const paths = captures(
      text,
      /`((?:src|test|bench|fixtures|scripts|contrib|docs)(?:\/[\w.-]+)*)`/g,
    );
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

t.test('every config of the manual loads', async (t) => {
  const folder = temporaryFolder(t);
  const blocks = captures(MANUAL, /^```yaml\n([\s\S]*?)^```$/gm);
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

t.test('every config key that the manual names exists', async (t) => {
  const sections = Object.keys(CONFIG_SCHEMA.properties).join('|');
  const keys = captures(MANUAL, new RegExp(`\`((?:${sections})(?:\\.\\w+)+)\``, 'g'));
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

t.test('docs/configuration.md is what the schema says', async (t) => {
  const script = `${root}scripts/configuration.mjs`;
  const { status, stderr } = spawnSync(process.execPath, [script, '--check'], { encoding: 'utf8' });
  t.equal(status, 0, stderr);
});

t.test('docs/troubleshooting.md has a section for every code, and none for another', async (t) => {
  const files = readdirSync(`${root}src`, { recursive: true, encoding: 'utf8' });
  const code = files.filter((file) => file.endsWith('.ts')).map((file) => textOf(`src/${file}`));
  const thrown = captures(code.join('\n'), /new (?:TokenPakError\(|Refused\(\d+,)\s*'([a-z_]+)'/g);
  const told = captures(textOf('docs/troubleshooting.md'), /^### `([a-z_]+)`/gm);
  t.same(told.toSorted(), [...new Set([...thrown, ...Object.keys(ERRORS)])].toSorted());
});

t.test('container and service run what the package has', async (t) => {
  const { bin, files } = JSON.parse(textOf('package.json')) as {
    bin: { tokenpak: string };
    files: string[];
  };
  const image = textOf('Dockerfile');
  const copied = captures(image, /^COPY (?:--from=build \/app\/)?(.+) \S+$/gm).flatMap((paths) =>
    paths.split(' '),
  );
  for (const path of copied) t.ok(existsSync(`${root}${path}`), path);
  for (const path of files) t.ok(copied.includes(path), `the image has ${path}`);
  for (const text of [image, textOf('contrib/tokenpak.service')]) t.ok(text.includes(bin.tokenpak));
});

t.test('README leads to every page of docs', async (t) => {
  for (const page of PAGES) t.ok(README.includes(`](${page})`), page);
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
