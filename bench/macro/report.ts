// What a run found, for people and for files: the machine, and a table of each lane.

import { spawnSync } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { arch, cpus, platform, release } from 'node:os';
import { join } from 'node:path';
import type { LaneName } from './lanes.js';
import type { Lane, Spread } from './rounds.js';

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

const COLUMNS = [
  '',
  'requests/s',
  'p50 µs',
  'p99 µs',
  'added p50 µs',
  'added p99 µs',
  'gap p99 µs',
  'CPU µs/request',
] as const;

const withSpread = (value: Spread | null, digits = 0): string => {
  if (value === null) return '–';
  const half = (value.max - value.min) / 2;
  return `${value.median.toFixed(digits)} ±${half.toFixed(digits)}`;
};

export function tableOf(lanes: readonly Lane[], name: LaneName): string {
  const rows = lanes
    .filter((lane) => lane.lane === name)
    .map((lane) => [
      lane.subject,
      withSpread(lane.requestsPerSecond),
      withSpread(lane.p50Us),
      withSpread(lane.p99Us),
      withSpread(lane.addedP50Us),
      withSpread(lane.addedP99Us),
      withSpread(lane.gapP99Us),
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
  const isBound = lanes.some(({ lane, placement }) => lane === name && placement === 'bound');
  const title = isBound
    ? `${name} (proxies bound to one core, load and provider to another)`
    : name;
  return [title, ...lines].join('\n');
}

/** Writes a file of `bench/results` and gives its path. */
export function save(root: string, name: string, text: string): string {
  const folder = join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  const file = join(folder, name);
  writeFileSync(file, `${text}\n`);
  return file;
}
