// What bash, zsh and fish themselves offer for a line that was typed, once they have read the
// completion's script.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';

/** A line → what is offered, without what is told beside it. */
type Offered = Readonly<Record<string, readonly string[]>>;

export interface Typed {
  readonly script: string;
  /** Where the shell is at home; it holds files that may be completed. */
  readonly folder: string;
  readonly lines: readonly string[];
}

export const isInstalled = (shell: string): boolean => spawnSync(shell, ['--version']).status === 0;

/** Bash breaks words at `=` too. Files are readline's affair, which is not asked. */
export function offeredByBash({ script, folder, lines }: Typed): Offered {
  const ask = lines.map((line) => {
    const words = line.split(/ |(=)/).filter((word) => word !== undefined);
    const typed = words.map((word) => `'${word}'`).join(' ');
    return `COMP_WORDS=(${typed}); COMP_CWORD=${words.length - 1}; _tokenpak; ${TOLD}`;
  });
  const source = [script, ...ask].join('\n');
  return blocks(lines, run('bash', ['-c', source], folder));
}

const TOLD = 'printf "%s\\n" "${COMPREPLY[@]}" END';

export function offeredByFish({ script, folder, lines }: Typed): Offered {
  writeFileSync(`${folder}/tokenpak.fish`, script);
  const ask = lines.map((line) => `complete -C '${line}'; echo END`);
  const source = ['source tokenpak.fish', ...ask].join('\n');
  return blocks(lines, run('fish', ['--no-config', '-c', source], folder));
}

/** A zsh with a terminal of its own, whose line editor tells what it was given to offer. */
export function offeredByZsh({ script, folder, lines }: Typed): Offered {
  mkdirSync(`${folder}/.zsh`);
  writeFileSync(`${folder}/.zsh/tokenpak.zsh`, script);
  writeFileSync(`${folder}/.zsh/.zshrc`, ZSHRC);
  const source = ZPTY + lines.map((line) => `ask '${line}'`).join('\n');
  return blocks(lines, run('zsh', ['-f', '-c', source], folder));
}

const ZSHRC = `
PS1=READY
autoload -Uz compinit; compinit -u -D
source $ZDOTDIR/tokenpak.zsh
compadd() {
  [[ " $* " == *' -'[OAD]' '* ]] && { builtin compadd "$@"; return }
  local -a hits
  builtin compadd -A hits "$@"
  print -rl -- HIT:$^hits
  builtin compadd "$@"
}
finish() { comppostfuncs=(finish); print -r -- END }
comppostfuncs=(finish)
`;

const ZPTY = `
zmodload zsh/zpty
export TERM=dumb ZDOTDIR=$PWD/.zsh
zpty z zsh -i
zpty -r -m z told '*READY*'
ask() {
  zpty -w -n z "$1"$'\\t'
  zpty -r -m z told '*END*'
  print -r -- "$told" | tr -d '\\r' | sed -n 's/.*HIT:\\(.\\)/\\1/p'
  print END
  zpty -w -n z $'\\x15'
}
`;

function run(shell: string, args: readonly string[], cwd: string): string {
  const { PATH = '' } = process.env;
  const env = { PATH, HOME: cwd };
  return spawnSync(shell, args, { cwd, env, encoding: 'utf8', timeout: 60_000 }).stdout;
}

function blocks(lines: readonly string[], told: string): Offered {
  const answers = told.split('END\n');
  return Object.fromEntries(
    lines.map((line, index) => {
      const offered = (answers[index] ?? 'nothing was told').split('\n');
      const words = offered.map((each) => each.split('\t')[0] ?? '').filter((each) => each !== '');
      return [line, [...new Set(words)].toSorted()];
    }),
  );
}
