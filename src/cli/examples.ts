// The examples below a verb's help: what people most often want of it.

import type { Command } from 'commander';

export const EXAMPLES: Readonly<Record<string, readonly string[]>> = {
  proxy: [
    'tokenpak proxy --config config.yaml --workers 8',
    'tokenpak proxy --port 0 --mock-missing-keys',
    'tokenpak proxy --log-format json --log-level warn',
  ],
  'validate-config': [
    'tokenpak validate-config config.yaml',
    'tokenpak validate-config config.yaml --probe',
  ],
  init: ['tokenpak init', 'tokenpak init staging.yaml'],
  spend: [
    'tokenpak spend',
    'tokenpak spend --by model --since 30d',
    'tokenpak spend --by day --since 2026-03-01 --until 2026-03-31 --csv > march.csv',
  ],
  simulate: [
    'tokenpak simulate --since 7d --daily-limit 5',
    'tokenpak simulate --user-daily-limit 1 --json',
  ],
  'sync-pricing': [
    'tokenpak sync-pricing --dry-run',
    'tokenpak sync-pricing --provider openai --source litellm',
  ],
  'reconcile-spend': [
    'tokenpak reconcile-spend --provider openai --since 30d',
    'tokenpak reconcile-spend --from-file costs.csv --provider anthropic --apply',
  ],
  'ledger export': [
    'tokenpak ledger export > ledger.ndjson',
    'tokenpak ledger export --since 30d --csv > month.csv',
  ],
  'ledger tail': ['tokenpak ledger tail', 'tokenpak ledger tail --lines 0 --json'],
  'ledger verify': ['tokenpak ledger verify', 'tokenpak ledger verify --json'],
  'ledger rebuild': ['tokenpak ledger rebuild', 'tokenpak ledger rebuild --force'],
  status: ['tokenpak status', 'watch -n 1 -c tokenpak status', 'tokenpak status --json'],
  'alerts list': ['tokenpak alerts list', 'tokenpak alerts list --state dead --json'],
  'alerts test': ['tokenpak alerts test', 'tokenpak alerts test webhook'],
  'alerts replay': ['tokenpak alerts replay evt_37231ffc5d2fe1a4', 'tokenpak alerts replay --dead'],
  doctor: ['tokenpak doctor', 'tokenpak doctor --offline --json'],
  'keys create': [
    'tokenpak keys create --user user-a --expires 90d',
    'tokenpak keys create --user bot --models gpt-4,cheap --daily-limit 5',
  ],
  'keys list': ['tokenpak keys list', 'tokenpak keys list --user bot --json'],
  'keys revoke': ['tokenpak keys revoke key_9a048c2934c7'],
  demo: ['tokenpak demo'],
  completion: [
    'eval "$(tokenpak completion bash)"',
    'eval "$(tokenpak completion zsh)"',
    'tokenpak completion fish | source',
  ],
};

const FIRST_STEPS = `
Start here:
  $ tokenpak demo       # the whole recipe: no key, no network
  $ tokenpak init       # writes config.yaml
  $ tokenpak proxy      # runs it
  $ tokenpak spend      # what was spent
Each verb's own --help has more examples.`;

/** To be called once all verbs are there. */
export function addExamples(program: Command): void {
  program.addHelpText('after', FIRST_STEPS);
  for (const [path, lines] of Object.entries(EXAMPLES)) {
    let command: Command | undefined = program;
    for (const name of path.split(' ')) {
      command = command?.commands.find((each) => each.name() === name);
    }
    const title = lines.length === 1 ? 'Example:' : 'Examples:';
    command?.addHelpText('after', `\n${title}\n${lines.map((line) => `  $ ${line}`).join('\n')}`);
  }
}
