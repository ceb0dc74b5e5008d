// `tokenpak completion bash|zsh|fish`: what a shell needs to complete verbs, options and their
// values, made of the commands that there are. Each script finds the verbs that were typed before
// the first option, and offers what may follow them.

import type { Argument, Command, Option } from 'commander';

export const SHELLS = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof SHELLS)[number];

/** What stands behind an option or a verb. */
type Value = 'nothing' | 'file' | 'text' | readonly string[];

interface Flag {
  readonly long: string;
  readonly short: string | null;
  readonly description: string;
  readonly value: Value;
}

interface Verb {
  /** `ledger verify`; empty for the program itself. */
  readonly path: string;
  /** Those below it, by their last word. */
  readonly verbs: readonly { readonly name: string; readonly description: string }[];
  readonly flags: readonly Flag[];
  readonly value: Value;
}

const HELP: Flag = { long: '--help', short: '-h', description: 'show help', value: 'nothing' };

const SCRIPTS: Readonly<Record<Shell, (verbs: readonly Verb[]) => string>> = { bash, zsh, fish };

export function completionScript(program: Command, shell: Shell): string {
  // The longest path first: `ledger verify` before `ledger`, and the program itself last.
  return SCRIPTS[shell]([...verbsOf(program, [])].toReversed());
}

function* verbsOf(command: Command, path: readonly string[]): Generator<Verb> {
  const { commands, options, registeredArguments } = command;
  yield {
    path: path.join(' '),
    verbs: commands.map((each) => ({ name: each.name(), description: each.description() })),
    flags: [...options.map(flagOf), HELP],
    value: valueOf(registeredArguments[0]),
  };
  for (const each of commands) yield* verbsOf(each, [...path, each.name()]);
}

function flagOf(option: Option): Flag {
  const { long, short, description, argChoices, flags } = option;
  const name = / [<[](\w+)[>\]]$/.exec(flags)?.[1];
  const value = argChoices ?? (name === undefined ? 'nothing' : name === 'file' ? name : 'text');
  return { long: long ?? '', short: short ?? null, description, value };
}

function valueOf(argument: Argument | undefined): Value {
  if (argument === undefined) return 'nothing';
  return argument.argChoices ?? (argument.name() === 'file' ? 'file' : 'text');
}

const choicesOf = (value: Value): string => (typeof value === 'string' ? '' : value.join(' '));

const namesOf = ({ long, short }: Flag): string[] => (short === null ? [long] : [long, short]);

/** Where bash has nothing to offer it offers files: `-o default`. */
function bash(verbs: readonly Verb[]): string {
  const places = verbs.map(({ path, verbs: below, flags, value }) => {
    const next = [...below.map(({ name }) => name), choicesOf(value)].join(' ').trim();
    const options = flags.map(({ long }) => long).join(' ');
    return `    ${pattern(path)}) next="${next}" options="${options}" ;;`;
  });
  const values = verbs.flatMap(({ path, flags }) =>
    flags
      .filter(({ value }) => value !== 'nothing')
      .map((flag) => {
        const cases = namesOf(flag).map((name) => `"${path} "*"${name}"`);
        return `    ${cases.join('|')}) next="${choicesOf(flag.value)}" ;;`;
      }),
  );
  return `# tokenpak's completion: eval "$(tokenpak completion bash)"
_tokenpak() {
  local current=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]}
  local typed= next= options= word
  # For bash --by=model is three words.
  [[ $before == = ]] && before=\${COMP_WORDS[COMP_CWORD-2]}
  current=\${current#=}
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case $word in -*) break ;; *) typed="$typed$word " ;; esac
  done
  case $typed in
${places.join('\n')}
  esac
  case $current in -*) next=$options ;; esac
  case "$typed$before" in
${values.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$next" -- "$current"))
}
complete -o default -F _tokenpak tokenpak
`;
}

/** Verbs have a space behind each of them, so that none is taken for the beginning of another. */
const pattern = (path: string): string => (path === '' ? '*' : `"${path} "*`);

function zsh(verbs: readonly Verb[]): string {
  const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
  const action = (value: Value): string => {
    if (value === 'file') return 'file:_files';
    return value === 'text' ? 'value: ' : `value:(${choicesOf(value)})`;
  };
  const spec = (name: string, { description, value }: Flag): string => {
    const told = `[${description.replaceAll(/[[\]\\]/g, '\\$&')}]`;
    if (value === 'nothing') return quoted(`${name}${told}`);
    return quoted(`${name}${name.startsWith('--') ? '=' : '+'}${told}:${action(value)}`);
  };
  const places = verbs.map(({ path, verbs: below, flags, value }) => {
    const depth = path === '' ? 0 : path.split(' ').length;
    const specs = flags.flatMap((flag) => namesOf(flag).map((name) => spec(name, flag)));
    if (value !== 'nothing') specs.push(quoted(`1:${action(value)}`));
    const items = below.map(({ name, description }) =>
      quoted(`${name}:${description.replaceAll(/[\\:]/g, '\\$&')}`),
    );
    return `    ${pattern(path)})
      depth=${depth}
      verbs=(${items.join(' ')})
      specs=(${specs.join(' ')}) ;;`;
  });
  return `#compdef tokenpak
# tokenpak's completion: source <(tokenpak completion zsh), or a file _tokenpak in $fpath
_tokenpak() {
  local typed= word depth
  local -a verbs specs
  for word in "\${(@)words[2,CURRENT-1]}"; do
    [[ $word == -* ]] && break
    typed+="$word "
  done
  case $typed in
${places.join('\n')}
  esac
  if (( \${#verbs} )) && [[ $PREFIX != -* ]]; then
    _describe -t verbs verb verbs
  else
    shift $depth words
    (( CURRENT -= depth ))
    _arguments $specs
  fi
}
if [[ $funcstack[1] == _tokenpak ]]; then
  _tokenpak "$@"
else
  (( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
  compdef _tokenpak tokenpak
fi
`;
}

function fish(verbs: readonly Verb[]): string {
  const quoted = (text: string): string =>
    `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
  const takes = (value: Value): string => {
    if (value === 'nothing') return '';
    if (value === 'file') return ' -r -F';
    return value === 'text' ? ' -x' : ` -x -a '${choicesOf(value)}'`;
  };
  const lines = verbs.toReversed().flatMap(({ path, verbs: below, flags, value }) => {
    const at = `complete -c tokenpak -n ${quoted(`__tokenpak_at ${path}`.trim())}`;
    const inside = `complete -c tokenpak -n ${quoted(`__tokenpak_in ${path}`.trim())}`;
    return [
      ...below.map(({ name, description }) => `${at} -a ${name} -d ${quoted(description)}`),
      ...(value === 'file' ? [`${inside} -F`] : []),
      ...(typeof value === 'string' ? [] : [`${at} -a ${quoted(choicesOf(value))}`]),
      ...flags.map(({ long, short, description, value: taken }) => {
        const names = `-l ${long.slice(2)}${short === null ? '' : ` -s ${short.slice(1)}`}`;
        const where = path === '' ? at : inside;
        return `${where} ${names}${takes(taken)} -d ${quoted(description)}`;
      }),
    ];
  });
  return `# tokenpak's completion: tokenpak completion fish | source
function __tokenpak_typed
    set -l words (commandline -opc)
    for word in $words[2..]
        string match -q -- '-*' $word; and break
        echo $word
    end
end
# Right behind these verbs.
function __tokenpak_at
    test "$(__tokenpak_typed)" = "$argv"
end
# Somewhere behind these verbs.
function __tokenpak_in
    set -l typed (__tokenpak_typed)
    test "$typed[1..$(count $argv)]" = "$argv"
end
complete -c tokenpak -f
${lines.join('\n')}
`;
}
