// Puts a run's figures into README.md, between its two bench markers, so that they are never typed.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Machine } from './report.js';
import type { Lane, Spread } from './rounds.js';

const BEGIN = '<!-- bench -->';
const END = '<!-- /bench -->';

const NAMES: Readonly<Record<string, string>> = {
  direct: 'no proxy',
  bare: 'bare pass-through (uWebSockets.js + undici)',
  nginx: 'nginx reverse proxy',
  'budgets off': 'TokenPak, budgets off',
  'budgets on': '**TokenPak, budgets on**',
};

const cell = (value: Spread | null | undefined, unit: string): string =>
  value === null || value === undefined ? '–' : `${Math.round(value.median)}${unit}`;

export function readmeTable(lanes: readonly Lane[], machine: Machine): string {
  const at = (subject: string, concurrency: number): Lane | undefined =>
    lanes.find((lane) => lane.subject === subject && lane.concurrency === concurrency);
  const subjects = [...new Set(lanes.map(({ subject }) => subject))];
  const rows = subjects.map((subject) => {
    const one = at(subject, 1);
    const many = at(subject, 64);
    return [
      NAMES[subject] ?? subject,
      cell(one?.addedP50Us, ' µs'),
      cell(many?.requestsPerSecond, ''),
      cell(many?.cpuUsPerRequest, ' µs'),
    ];
  });
  const head = ['', 'p50 added, 1 connection', 'requests/s, 64 connections', 'CPU per request'];
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`;
  const table = [head, ['---', '---:', '---:', '---:'], ...rows].map(line).join('\n');
  return (
    `${table}\n\n` +
    `300-byte chat, one worker, all side by side in one run: ${machine.cpu}, ` +
    `${machine.cores} cores shared with load and provider, Node ${machine.node}, ` +
    `commit ${machine.commit}.`
  );
}

export function writeReadme(root: string, table: string): void {
  const file = join(root, 'README.md');
  const text = readFileSync(file, 'utf8');
  const begin = text.indexOf(BEGIN);
  const end = text.indexOf(END);
  if (begin < 0 || end < begin) throw new Error(`README.md lacks ${BEGIN} … ${END}`);
  writeFileSync(file, `${text.slice(0, begin + BEGIN.length)}\n${table}\n${text.slice(end)}`);
}
