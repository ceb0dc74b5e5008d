import t from 'tap';
import { EXAMPLES } from '../../src/cli/examples.js';
import { run } from '../flow/harness.js';
import { isInstalled, offeredByBash, offeredByFish, offeredByZsh } from './shells.js';

/** What is typed → what may follow, in every shell. */
const OFFERED = {
  'tokenpak sp': ['spend'],
  'tokenpak ledger ': ['export', 'rebuild', 'tail', 'verify'],
  'tokenpak ledger ver': ['verify'],
  'tokenpak ledger verify --js': ['--json'],
  'tokenpak ledger verify ': [],
  'tokenpak spend --json --unt': ['--until'],
  'tokenpak spend --by mo': ['model'],
  'tokenpak proxy --log-level ': ['error', 'info', 'silent', 'warn'],
  'tokenpak completion ': ['bash', 'fish', 'zsh'],
  'tokenpak --v': ['--version'],
};

const FILES = { 'conf.yaml': '', '.profile': '' };

t.test('completes verbs, options and their values in bash', async (t) => {
  const { code, stdout: script } = await run(['completion', 'bash']);
  t.equal(code, 0);
  const lines = [...Object.keys(OFFERED), 'tokenpak spend --by=mo', 'tokenpak spend --config '];
  const offered = offeredByBash({ script, folder: t.testdir(FILES), lines });
  t.same(offered, {
    ...OFFERED,
    'tokenpak spend --by=mo': ['model'],
    'tokenpak spend --config ': [],
  });
});

t.test('… in fish', { skip: isInstalled('fish') ? false : 'needs fish' }, async (t) => {
  const { stdout: script } = await run(['completion', 'fish']);
  const expected = {
    ...OFFERED,
    'tokenpak spend --by=mo': ['--by=model'],
    'tokenpak spend --config con': ['conf.yaml'],
    'tokenpak validate-config con': ['conf.yaml'],
    'tokenpak proxy --port ': [],
  };
  const lines = Object.keys(expected);
  t.same(offeredByFish({ script, folder: t.testdir(FILES), lines }), expected);
});

t.test('… in zsh', { skip: isInstalled('zsh') ? false : 'needs zsh' }, async (t) => {
  const { stdout: script } = await run(['completion', 'zsh']);
  const expected = {
    ...OFFERED,
    // Where nothing else may stand it offers what may.
    'tokenpak ledger verify ': ['--config', '--help', '--json', '-c', '-h'],
    'tokenpak spend --by=mo': ['model'],
    'tokenpak spend -c con': ['conf.yaml'],
    'tokenpak validate-config con': ['conf.yaml'],
    'tokenpak proxy --port ': [],
  };
  const lines = Object.keys(expected);
  t.same(offeredByZsh({ script, folder: t.testdir(FILES), lines }), expected);
});

t.test('says which shells there are', async (t) => {
  t.match(await run(['completion', 'csh']), { code: 2, stderr: /bash, zsh, fish/ });
});

/** They run, or write what is asked for as it is. */
const WITHOUT_JSON = new Set(['proxy', 'init', 'demo', 'completion', 'ledger export']);

t.test('every verb has an example, and tells what it finds as JSON', async (t) => {
  const { stdout } = await run(['completion', 'fish']);
  const lines = stdout.split('\n').map((line) => {
    const path = /__tokenpak_(?:at|in)([a-z -]*)'/.exec(line)?.[1]?.trim().split(' ') ?? [];
    return { path, verb: / -a ([a-z-]+) -d /.exec(line)?.[1], line };
  });
  const paths = lines.flatMap(({ path, verb }) => (verb ? [[...path, verb].join(' ').trim()] : []));
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
