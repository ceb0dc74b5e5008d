// `tokenpak doctor`: what is wrong with this installation, and how to mend it. Leaves nothing
// behind and costs nothing: a provider is asked for its list of models only.

import { createColors } from 'picocolors';
import type { Config } from '../config/config.js';
import { formatProblem, loadConfig } from '../config/load.js';
import { messageOf } from '../kernel/errors.js';
import { booksFindings } from './doctor-books.js';
import { machineFindings } from './doctor-machine.js';
import { providerFindings } from './doctor-providers.js';
import type { Finding } from './finding.js';
import { isColored } from './print.js';

export interface DoctorFlags {
  readonly config: string;
  readonly offline?: boolean;
  readonly json?: boolean;
}

export async function doctorCommand(flags: DoctorFlags): Promise<void> {
  const findings = await examine(flags);
  process.exitCode = exitCodeOf(findings);
  if (flags.json === true) {
    const ok = process.exitCode === 0;
    process.stdout.write(`${JSON.stringify({ ok, findings })}\n`);
  } else process.stdout.write(renderFindings(findings, isColored(process.stdout)));
}

export async function examine({ config: file, offline }: DoctorFlags): Promise<Finding[]> {
  const { findings, config } = configFindings(file);
  if (config === null) return [...findings, ...(await machineFindings(null))];
  return [
    ...findings,
    ...(await machineFindings(config)),
    ...(await booksFindings(config)),
    ...(offline === true ? [] : await providerFindings(config)),
  ];
}

function configFindings(file: string): { findings: Finding[]; config: Config | null } {
  const about = 'Config';
  try {
    const loaded = loadConfig(file, process.env);
    if (!loaded.ok) {
      const found = loaded.problems.map(formatProblem).join('; ');
      const mend = `mend it, and check with tokenpak validate-config ${file}`;
      return { findings: [{ verdict: 'failure', about, found, mend }], config: null };
    }
    const { config, missingEnv, blockers } = loaded;
    const providers = counted(Object.keys(config.providers).length, 'provider');
    const models = counted(Object.keys(config.models).length, 'model');
    const found = `${file}: ${providers}, ${models}`;
    const blocked = blockers.map((problem): Finding => ({
      verdict: 'failure',
      about,
      found: formatProblem(problem),
      mend: 'the proxy does not start without: put the right file there',
    }));
    const missing = missingEnv.map((problem): Finding => ({
      verdict: 'failure',
      about: 'Environment',
      found: formatProblem(problem),
      mend: 'export it before the proxy starts',
    }));
    return { findings: [{ verdict: 'ok', about, found }, ...blocked, ...missing], config };
  } catch (error) {
    const mend = 'tokenpak init writes one; --config names another';
    return {
      findings: [{ verdict: 'failure', about, found: messageOf(error), mend }],
      config: null,
    };
  }
}

const counted = (count: number, noun: string): string =>
  `${count} ${noun}${count === 1 ? '' : 's'}`;

/** 3 when nothing is wrong here but somebody cannot be reached. */
export function exitCodeOf(findings: readonly Finding[]): number {
  const failures = findings.filter(({ verdict }) => verdict === 'failure');
  if (failures.length === 0) return 0;
  return failures.every(({ unreachable }) => unreachable === true) ? 3 : 1;
}

const MARKS = { ok: '✓', warning: '⚠', failure: '✗' } as const;

export function renderFindings(findings: readonly Finding[], color: boolean): string {
  const colors = createColors(color);
  const paint = { ok: colors.green, warning: colors.yellow, failure: colors.red };
  const width = Math.max(...findings.map(({ about }) => about.length));
  const lines = findings.flatMap(({ verdict, about, found, mend }) => [
    `${paint[verdict](MARKS[verdict])} ${about.padEnd(width)}  ${found}`,
    ...(mend === undefined ? [] : [`  ${' '.repeat(width)}  ${colors.dim('→')} ${mend}`]),
  ]);
  const bad = findings.filter(({ verdict }) => verdict !== 'ok').length;
  const sum =
    bad === 0
      ? 'All is well.'
      : `${bad} of ${findings.length} ${bad === 1 ? 'needs' : 'need'} a look.`;
  return `${[...lines, '', sum].join('\n')}\n`;
}
