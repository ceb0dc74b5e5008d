import { spawnSync } from 'node:child_process';
import t from 'tap';
import { EXAMPLES } from '../../src/cli/examples.js';
import { run } from '../flow/harness.js';

t.test('completes verbs, options and their values in bash', async (t) => {
  const { code, stdout: script } = await run(['completion', 'bash']);
  t.equal(code, 0);
  const complete = (...words: string[]): string[] => {
    const typed = ['tokenpak', ...words].map((word) => `'${word}'`).join(' ');
    const ask = `COMP_WORDS=(${typed}); COMP_CWORD=${words.length}; _tokenpak`;
    const source = `${script}\n${ask}; printf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync('bash', ['-c', source], { encoding: 'utf8' }).stdout.trim().split('\n');
  };
  t.same(complete('sp'), ['spend']);
  t.same(complete('ledger', 'ver'), ['verify']);
  t.same(complete('ledger', 'verify', '--js'), ['--json']);
  t.same(complete('spend', '--by', 'mo'), ['model']);
  t.same(complete('spend', '--json', '--unt'), ['--until']);
  t.same(complete('proxy', '--log-level', ''), ['error', 'warn', 'info', 'silent']);
  t.same(complete('spend', '--config', ''), [''], 'files are the shell’s own affair');
});

t.test('has a script for the other shells, and says which there are', async (t) => {
  t.match((await run(['completion', 'zsh'])).stdout, /^autoload -U \+X bashcompinit/);
  const { stdout } = await run(['completion', 'fish']);
  t.match(stdout, /from ledger; and __fish_seen_subcommand_from verify' -l json/);
  t.match(await run(['completion', 'csh']), { code: 2, stderr: /bash, zsh, fish/ });
});

/** They run, or write what is asked for as it is. */
const WITHOUT_JSON = new Set(['proxy', 'init', 'demo', 'completion', 'ledger export']);

t.test('every verb has an example, and tells what it finds as JSON', async (t) => {
  const { stdout } = await run(['completion', 'fish']);
  const lines = stdout.split('\n').map((line) => {
    const path = [...line.matchAll(/__fish_seen_subcommand_from ([a-z-]+)/g)].map(
      ([, name]) => name,
    );
    return { path, verb: / -a ([a-z-]+) -d /.exec(line)?.[1], line };
  });
  const paths = lines.flatMap(({ path, verb }) => (verb ? [[...path, verb].join(' ')] : []));
  const verbs = paths.filter((path) => !paths.some((other) => other.startsWith(`${path} `)));
  t.same(Object.keys(EXAMPLES).toSorted(), verbs.toSorted());
  for (const verb of verbs) {
    const told = lines.some(
      ({ path, line }) => path.join(' ') === verb && line.includes(' -l json'),
    );
    t.equal(told, !WITHOUT_JSON.has(verb), verb);
    for (const example of EXAMPLES[verb] ?? []) t.match(example, `tokenpak ${verb}`);
  }
});
