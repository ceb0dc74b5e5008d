// Holds the tree to the house rules, and each rule to an example that breaks it.

import t from 'tap';
import { fileURLToPath } from 'node:url';
import { codeOf, source, sources, type Source } from './tidy/source.js';
import { RULES } from './tidy/rules.js';

// Compiled to dist/test, two folders below the project's root.
const root = fileURLToPath(new URL('../../', import.meta.url));
const tree = [...sources(root)];

t.ok(tree.length > 10, 'the tree is found');

for (const [title, rule] of Object.entries(RULES)) {
  t.test(title, async (t) => {
    t.same(rule(tree), [], 'no findings');
  });
}

/** Title → files that break it. */
const BREAKERS: Readonly<Record<string, readonly Source[]>> = {
  'no file is longer than 400 lines': [source('src/wire/a.ts', '// A.\n'.repeat(401))],
  'no line is wider than 100 columns': [source('src/wire/a.ts', `// ${'é'.repeat(98)}`)],
  'every file of src opens with a comment': [source('src/wire/a.ts', 'export const a = 1;')],
  'every file has a name of its own': [source('src/wire/string-utils.ts', '// A.')],
  'rooms import through open doors only': [
    source('src/wire/a.ts', "import b from '../ledger/b.js';"),
  ],
  'rooms do not import in circles': [
    source('src/wire/a.ts', "import b from '../config/b.js';"),
    source('src/config/b.ts', "const entry = new URL('../wire/a.js', import.meta.url);"),
  ],
  'one file at most loads uWebSockets.js': [
    source('src/http/a.ts', "import { App } from 'uWebSockets.js';"),
    source('src/admin/a.ts', "const { App } = await import('uWebSockets.js');"),
  ],
  'there is no enum': [source('test/a.ts', 'export const enum A {}')],
  'there is no any': [source('bench/a.ts', 'const a = b as any;')],
  'nothing is left to do': [source('src/wire/a.ts', ['// TO', 'DO'].join(''))],
  'every test runs': [source('test/a.ts', "t.skip('a', () => {});")],
  'the environment is read at the edge only': [
    source('src/config/a.ts', 'const a = `${process.env.A}`;'),
  ],
  'the clock is read at the edge only': [source('src/proxy/a.ts', 'const a = { now: Date.now };')],
  'nothing is printed but at the edge': [source('src/ledger/a.ts', "console.log('a');")],
  'no path of one machine is named': [source('test/a.ts', `a = '${['', 'home', 'a'].join('/')}';`)],
};

t.test('each rule finds what breaks it', async (t) => {
  t.same(Object.keys(BREAKERS), Object.keys(RULES), 'every rule has an example');
  for (const [title, files] of Object.entries(BREAKERS)) {
    t.match(RULES[title]?.(files), [/^[\w./-]+:\d+ /], title);
  }
});

t.test('words in comments, strings and patterns are not code', async (t) => {
  const code = codeOf("a; // enum A\nb = '`enum A'; /* enum\nA */ c = /`enum A/; d = `${e}`;");
  t.notMatch(code, /enum/);
  t.equal(code.split('\n').length, 3);
  t.match(code, /d = `\$\{e\}`;$/);
});
