// Puts a run's figures into README.md, between its markers, so that they are never typed.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Figure, rangeText } from './figures.js';
import type { LaneName } from './lanes.js';
import type { Machine } from './report.js';
import type { Lane, Spread } from './rounds.js';

const NAMES: Readonly<Record<string, string>> = {
  direct: 'no proxy',
  bare: 'bare pass-through (uWebSockets.js + undici)',
  nginx: 'nginx reverse proxy',
  portkey: 'Portkey gateway (no budgets)',
  'budgets off': 'TokenPak, budgets off',
  'budgets on': '**TokenPak, budgets on**',
};

const cell = (value: Spread | null | undefined, unit: string): string =>
  value === null || value === undefined ? '–' : `${Math.round(value.median)}${unit}`;

const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;

export function readmeTable(
  lanes: readonly Lane[],
  figures: readonly Figure[],
  machine: Machine,
): string {
  const at = (subject: string, name: LaneName): Lane | undefined =>
    lanes.find((each) => each.lane === name && each.subject === subject);
  const subjects = [...new Set(lanes.map(({ subject }) => subject))];
  const rows = subjects.map((subject) => {
    const one = at(subject, '300 B, 1 connection');
    const many = at(subject, '300 B, 64 connections');
    return [
      NAMES[subject] ?? subject,
      cell(one?.addedP50Us, ' µs'),
      cell(many?.requestsPerSecond, ''),
      cell(many?.cpuUsPerRequest, ' µs'),
    ];
  });
  const head = ['', 'p50 added, 1 connection', 'requests/s, 64 connections', 'CPU per request'];
  const table = [head, ['---', '---:', '---:', '---:'], ...rows].map(line).join('\n');
  const promises = [
    ['budgets on', 'measured', 'range', 'promised'],
    ['---', '---:', '---:', '---:'],
    ...figures.map((each) => [
      each.figure,
      each.value.toFixed(2),
      rangeText(each),
      `${each.isFloor ? '≥' : '≤'} ${each.must}${each.isMet ? '' : ', **missed**'}`,
    ]),
  ].map(line);
  const isBound = lanes.some(({ placement }) => placement === 'bound');
  const placed = isBound
    ? 'proxies were bound to one core, load and provider to another'
    : 'the kernel chose cores';
  return (
    `${table}\n\n${promises.join('\n')}\n\n` +
    `300-byte chat, one worker, all side by side in one run: ${machine.cpu}, ` +
    `${machine.cores} cores shared with load and provider, Node ${machine.node}, ` +
    `commit ${machine.commit}. At one connection ${placed}.`
  );
}

/** Between the markers of that name. */
export function writeReadme(root: string, name: 'bench' | 'start', text: string): void {
  const file = join(root, 'README.md');
  const before = readFileSync(file, 'utf8');
  const [first, last] = [`<!-- ${name} -->`, `<!-- /${name} -->`];
  const begin = before.indexOf(first);
  const end = before.indexOf(last);
  if (begin < 0 || end < begin) throw new Error(`README.md lacks ${first} … ${last}`);
  const head = before.slice(0, begin + first.length);
  writeFileSync(file, `${head}\n${text}\n${before.slice(end)}`);
}
