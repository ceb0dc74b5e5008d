// What a run found, for people and for files: machine, table, ratios. Rounds nothing but in print.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import type { Lane, Spread } from './rounds.js';
import type { SubjectName } from './subjects.js';

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly system: string;
  readonly node: string;
  /** With `+` behind it when the tree differs from the commit. */
  readonly commit: string;
}

export function machineOf(root: string): Machine {
  const git = (...args: string[]): string =>
    spawnSync('git', args, { cwd: root, encoding: 'utf8' }).stdout?.trim() ?? '';
  const commit = git('rev-parse', '--short', 'HEAD');
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    system: `${platform()} ${release()} ${arch()}`,
    node: process.version,
    commit: (commit || 'none') + (git('status', '--porcelain') === '' ? '' : '+'),
  };
}

export interface Ratio {
  readonly figure: string;
  readonly value: number;
}

/** The few numbers that mean the same on every machine. */
export function ratiosOf(lanes: readonly Lane[]): Ratio[] {
  const lane = (subject: SubjectName, concurrency: number): Lane | undefined =>
    lanes.find((l) => l.subject === subject && l.concurrency === concurrency);
  const cpu = (subject: SubjectName) => lane(subject, 64)?.cpuUsPerRequest?.median;
  const throughput = (subject: SubjectName) => lane(subject, 64)?.requestsPerSecond.median;
  const added = (subject: SubjectName) => lane(subject, 1)?.addedP50Us?.median;
  const rows: [string, number | undefined, number | undefined][] = [
    ['CPU per request, budgets on ÷ nginx', cpu('budgets on'), cpu('nginx')],
    ['CPU per request, budgets on ÷ bare', cpu('budgets on'), cpu('bare')],
    ['throughput, budgets on ÷ budgets off', throughput('budgets on'), throughput('budgets off')],
    ['p50 added at concurrency 1, budgets on ÷ bare', added('budgets on'), added('bare')],
  ];
  return rows.flatMap(([figure, above, below]) =>
    above === undefined || below === undefined ? [] : [{ figure, value: above / below }],
  );
}

const COLUMNS = ['', 'requests/s', 'p50 µs', 'p99 µs', 'added p50 µs', 'CPU µs/request'] as const;

const withSpread = (value: Spread | null, digits = 0): string => {
  if (value === null) return '–';
  const half = (value.max - value.min) / 2;
  return `${value.median.toFixed(digits)} ±${half.toFixed(digits)}`;
};

export function tableOf(lanes: readonly Lane[], concurrency: number): string {
  const rows = lanes
    .filter((lane) => lane.concurrency === concurrency)
    .map((lane) => [
      lane.subject,
      withSpread(lane.requestsPerSecond),
      withSpread(lane.p50Us),
      withSpread(lane.p99Us),
      withSpread(lane.addedP50Us),
      withSpread(lane.cpuUsPerRequest, 1),
    ]);
  const all = [COLUMNS, ...rows];
  const widths = COLUMNS.map((_, column) =>
    Math.max(...all.map((row) => row[column]?.length ?? 0)),
  );
  const lines = all.map((row) =>
    row
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join('  '),
  );
  return [`concurrency ${concurrency}`, ...lines].join('\n');
}

/** Writes `bench/results/latest.json` and gives its path. */
export function save(root: string, result: object): string {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, 'latest.json');
  writeFileSync(file, `${JSON.stringify(result, null, 2)}\n`);
  return file;
}
