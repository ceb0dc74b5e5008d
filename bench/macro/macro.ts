// The whole proxy under each lane's load, beside a direct call, a bare pass-through, nginx and
// Portkey. A subject that does not start or answers with errors is named, and fails the run; the
// rest is told.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { admission } from '../micro/admission.js';
import { sampled } from '../micro/micro.js';
import { chartOf } from './chart.js';
import { figureLine, figuresOf } from './figures.js';
import { type LaneName, LANES, type SubjectName } from './lanes.js';
import { chooseGenerator, type Generator } from './load.js';
import { type Many, manyStreams } from './many.js';
import { stopAll } from './processes.js';
import { readmeTable, writeReadme } from './readme.js';
import { machineOf, save, tableOf } from './report.js';
import { measure, spread } from './rounds.js';
import { startSubject, startUpstream, type Subject } from './subjects.js';

export interface MacroOptions {
  readonly root: string;
  readonly subjects: readonly SubjectName[];
  readonly lanes: readonly LaneName[];
  readonly rounds: number;
  readonly durationMs: number;
  /** Slow streams held open at once; 0 leaves that part out. */
  readonly streams: number;
  /** Our own load generator even where wrk is installed. */
  readonly nodeLoad: boolean;
  /** Put the figures into README.md. */
  readonly readme: boolean;
  /** A figure that is missed fails the run. */
  readonly check: boolean;
}

const print = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

const progress = (done: string): void => {
  process.stderr.write(`  ${done}\n`);
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
  print(`${rounds} interleaved rounds of ${durationMs} ms a subject; median ± half the range`);

  // Before anything runs beside it.
  const hot = admission().find(({ name }) => name.startsWith('admission + settlement'));
  const admissionNs = hot === undefined ? null : spread(sampled(hot, 20));
  const { subjects, failures, providerPid } = await startSubjects(options.subjects, scratch);
  const specs = LANES.filter(({ name }) => options.lanes.includes(name));
  const plan = { subjects, providerPid, lanes: specs, rounds, durationMs };
  const lanes = await measure(plan, generator, progress);
  for (const lane of lanes.filter(({ errors }) => errors > 0)) {
    failures.push(`${lane.subject}: ${lane.errors} errors, ${lane.lane}`);
  }
  for (const { name } of specs) print(`\n${tableOf(lanes, name)}`);

  const many = await manyOf(options, subjects, generator);
  if (many !== null) {
    print(
      `\n${many.streams} slow streams on one proxy: ` +
        `${many.kilobytesPerStream.median.toFixed(1)} KB each, ` +
        `opened in ${many.openedMs} ms, ${many.broken} broken, ${many.behind} events behind; ` +
        `a new request takes ${many.p50Us.beside} µs, alone ${many.p50Us.alone} µs`,
    );
    if (many.broken > 0) failures.push(`${many.broken} of ${many.streams} slow streams broke`);
  }
  const figures = figuresOf({ lanes, many, admissionNs });
  print('');
  for (const figure of figures) print(figureLine(figure));
  const missed = figures.filter(({ isMet }) => !isMet);
  if (options.check) failures.push(...missed.map(({ figure }) => `missed: ${figure}`));

  const result = {
    takenAt: new Date().toISOString(),
    machine,
    load: generator.name,
    rounds,
    durationMs,
    lanes,
    many,
    figures,
    failures,
  };
  const file = save(root, 'latest.json', JSON.stringify(result, null, 2));
  const chart = save(root, 'chart.svg', chartOf(lanes));
  print(`\nwritten to ${relative(root, file)} and ${relative(root, chart)}`);
  if (options.readme) writeReadme(root, 'bench', readmeTable(lanes, figures, machine));
  for (const failure of failures) print(`✗ ${failure}`);
  return failures.length === 0;
}

async function manyOf(
  { streams }: MacroOptions,
  subjects: readonly Subject[],
  generator: Generator,
): Promise<Many | null> {
  const subject = subjects.find(({ name }) => name === 'budgets on');
  return subject === undefined || streams === 0 ? null : manyStreams(subject, generator, streams);
}

async function startSubjects(names: readonly SubjectName[], scratch: string) {
  const { port: upstreamPort, pid: providerPid } = await startUpstream();
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
  return { subjects, failures, providerPid };
}
