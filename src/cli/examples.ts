// The examples below a verb's help: what people most often want of it.

import type { Command } from 'commander';

const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  proxy: [
    'tokenpak proxy --config config.yaml --workers 8',
    'tokenpak proxy --port 0 --mock-missing-keys',
    'tokenpak proxy --log-format json --log-level warn',
  ],
  'validate-config': ['tokenpak validate-config config.yaml'],
  init: ['tokenpak init', 'tokenpak init staging.yaml'],
  spend: [
    'tokenpak spend',
    'tokenpak spend --by model --since 30d',
    'tokenpak spend --by day --since 2026-03-01 --until 2026-03-31 --csv > march.csv',
  ],
  'ledger export': ['tokenpak ledger export > ledger.ndjson'],
  'ledger verify': ['tokenpak ledger verify --json'],
  status: ['tokenpak status', 'watch -n 1 -c tokenpak status', 'tokenpak status --json'],
  doctor: ['tokenpak doctor', 'tokenpak doctor --offline --json'],
  'keys create': [
    'tokenpak keys create --user user-a --expires 90d',
    'tokenpak keys create --user bot --models gpt-4,cheap --daily-limit 5',
  ],
  completion: [
    'eval "$(tokenpak completion bash)"',
    'eval "$(tokenpak completion zsh)"',
    'tokenpak completion fish | source',
  ],
};

/** To be called once all verbs are there. */
export function addExamples(program: Command): void {
  for (const [path, lines] of Object.entries(EXAMPLES)) {
    let command: Command | undefined = program;
    for (const name of path.split(' ')) {
      command = command?.commands.find((each) => each.name() === name);
    }
    const title = lines.length === 1 ? 'Example:' : 'Examples:';
    command?.addHelpText('after', `\n${title}\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
  }
}
