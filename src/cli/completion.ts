// `tokenpak completion bash|zsh|fish`: what a shell needs to complete verbs, options and their
// values, made of the commands that there are.

import type { Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

interface Verb {
  /** `ledger verify`; empty for the program itself. */
  readonly path: string;
  readonly description: string;
  readonly verbs: readonly string[];
  readonly options: readonly Option[];
}

export function completionScript(program: Command, shell: Shell): string {
  const verbs = [...verbsOf(program, [])];
  if (shell === 'fish') return fish(verbs);
  const load = shell === 'zsh' ? 'autoload -U +X bashcompinit && bashcompinit\n' : '';
  return load + bash(verbs);
}

function* verbsOf(command: Command, path: readonly string[]): Generator<Verb> {
  const { commands, options } = command;
  yield {
    path: path.join(' '),
    description: command.description(),
    verbs: commands.map((each) => each.name()),
    options,
  };
  for (const each of commands) yield* verbsOf(each, [...path, each.name()]);
}

const flagsOf = ({ options }: Verb): string[] =>
  options.map(({ long, short }) => long ?? short ?? '');

/** The longest path first: `ledger verify` before `ledger`. Values of options stand behind it. */
function bash(verbs: readonly Verb[]): string {
  const cases = verbs
    .toReversed()
    .map((verb) => {
      const words = [...verb.verbs, ...flagsOf(verb), '--help'].join(' ');
      const pattern = verb.path === '' ? '*' : `" ${verb.path}"*`;
      return `    ${pattern}) words="${words}" ;;`;
    })
    .join('\n');
  const choices = verbs.flatMap(({ path, options }) =>
    options.flatMap(({ long, argChoices }) =>
      argChoices === undefined
        ? []
        : [`    "${[path, long].join(' ').trim()}") words="${argChoices.join(' ')}" ;;`],
    ),
  );
  return `# tokenpak's completion: eval "$(tokenpak completion bash)"
_tokenpak() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} path= words= word
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) break ;; *) path="$path $word" ;; esac
  done
  case $path in
${cases}
  esac
  case "\${path# } $before" in
${choices.join('\n')}
    *" --config"|*" -c") words= ;;
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
}
complete -o default -F _tokenpak tokenpak
`;
}

const quoted = (text: string): string =>
  `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;

function fish(verbs: readonly Verb[]): string {
  const lines = verbs.flatMap((verb) => {
    const words = verb.path.split(' ').filter((word) => word !== '');
    const seen = words.map((word) => `__fish_seen_subcommand_from ${word}`).join('; and ');
    const where = quoted(seen === '' ? '__fish_use_subcommand' : seen);
    const below = verbs.filter(({ path }) => isBelow(path, verb.path));
    return [
      ...below.map(({ path, description }) => {
        const name = path.split(' ').at(-1) ?? '';
        return `complete -c tokenpak -f -n ${where} -a ${name} -d ${quoted(description)}`;
      }),
      ...verb.options.map(({ long, description, argChoices }) => {
        const values = argChoices === undefined ? '' : ` -x -a ${quoted(argChoices.join(' '))}`;
        const name = (long ?? '').replace(/^--/, '');
        return `complete -c tokenpak -n ${where} -l ${name}${values} -d ${quoted(description)}`;
      }),
    ];
  });
  return `# tokenpak's completion: tokenpak completion fish | source\n${lines.join('\n')}\n`;
}

function isBelow(path: string, parent: string): boolean {
  const parts = path.split(' ');
  return path !== '' && parts.slice(0, -1).join(' ') === parent;
}
