// The whole proxy on one canonical workload, beside a direct call, a bare pass-through and nginx. A
// subject that does not start or answers with errors is named, and fails the run; the rest is told.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { chooseGenerator } from './load.js';
import { stopAll } from './processes.js';
import { readmeTable, writeReadme } from './readme.js';
import { machineOf, ratiosOf, save, tableOf } from './report.js';
import { measure } from './rounds.js';
import { startSubject, startUpstream, type Subject, type SubjectName } from './subjects.js';
import { CHAT_BODY } from './workload.js';

export interface MacroOptions {
  readonly root: string;
  readonly subjects: readonly SubjectName[];
  readonly rounds: number;
  readonly durationMs: number;
  /** Our own load generator even where wrk is installed. */
  readonly nodeLoad: boolean;
  /** Put the figures into README.md. */
  readonly readme: boolean;
}

const CONCURRENCIES = [1, 64];

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

/** Resolves to whether every subject asked for was measured without an error. */
export async function macro(options: MacroOptions): Promise<boolean> {
  const scratch = mkdtempSync(join(tmpdir(), 'tokenpak-bench-'));
  const onSignal = (): void => {
    rmSync(scratch, { recursive: true, force: true });
    process.exit(130);
  };
  process.once('SIGINT', onSignal).once('SIGTERM', onSignal);
  try {
    return await run(options, scratch);
  } finally {
    await stopAll();
    rmSync(scratch, { recursive: true, force: true });
    process.off('SIGINT', onSignal).off('SIGTERM', onSignal);
  }
}

async function run(options: MacroOptions, scratch: string): Promise<boolean> {
  const { root, rounds, durationMs } = options;
  const machine = machineOf(root);
  const generator = await chooseGenerator(scratch, options.nodeLoad);
  print(`${machine.cpu}, ${machine.cores} cores, ${machine.system}`);
  print(`Node ${machine.node}, commit ${machine.commit}, load from ${generator.name}`);
  print(
    `${Buffer.byteLength(CHAT_BODY)}-byte chat, ${rounds} rounds of ${durationMs} ms a subject`,
  );

  const { subjects, failures } = await startSubjects(options.subjects, scratch);
  const plan = { subjects, concurrencies: CONCURRENCIES, rounds, durationMs };
  const lanes = await measure(plan, generator, (done) => process.stderr.write(`  ${done}\n`));
  const ratios = ratiosOf(lanes);
  for (const lane of lanes.filter(({ errors }) => errors > 0)) {
    failures.push(`${lane.subject}: ${lane.errors} errors at concurrency ${lane.concurrency}`);
  }

  for (const concurrency of CONCURRENCIES) print(`\n${tableOf(lanes, concurrency)}`);
  print('');
  for (const { figure, value } of ratios) print(`${figure}: ${value.toFixed(2)}`);
  const workload = { bodyBytes: Buffer.byteLength(CHAT_BODY), rounds, durationMs };
  const result = { takenAt: new Date().toISOString(), machine, load: generator.name, workload };
  const file = save(root, { ...result, lanes, ratios, failures });
  print(`\nwritten to ${relative(root, file)}`);
  if (options.readme && failures.length === 0) writeReadme(root, readmeTable(lanes, machine));
  for (const failure of failures) print(`✗ ${failure}`);
  return failures.length === 0;
}

async function startSubjects(names: readonly SubjectName[], scratch: string) {
  const { port: upstreamPort } = await startUpstream();
  const subjects: Subject[] = [];
  const failures: string[] = [];
  for (const name of names) {
    try {
      const subject = await startSubject(name, { upstreamPort, scratch });
      if (subject === null) print(`${name} is not installed: left out`);
      else subjects.push(subject);
    } catch (error) {
      failures.push(`${name} ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  return { subjects, failures };
}
