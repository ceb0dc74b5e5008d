// The ratios that the project promises: how each follows from a run, what it must be and what it
// should. A figure whose lanes were not measured is left out.

import type { LaneName, SubjectName } from './lanes.js';
import type { Many } from './many.js';
import type { Lane, Spread } from './rounds.js';

export interface Figure {
  readonly figure: string;
  readonly value: number;
  /** Lowest rounds over highest, and highest over lowest; `null` where these were not above 0. */
  readonly min: number;
  readonly max: number | null;
  readonly must: number;
  readonly aim: number;
  /** Whether more is better. */
  readonly isFloor: boolean;
  readonly isMet: boolean;
}

export interface Run {
  readonly lanes: readonly Lane[];
  readonly many: Many | null;
  /** CPU of admission and settlement, from the micro bench. */
  readonly admissionNs: Spread | null;
}

type Bound = readonly ['at most' | 'at least', must: number, aim: number];

const CHAT_1: LaneName = '300 B, 1 connection';
const CHAT_64: LaneName = '300 B, 64 connections';

export function figuresOf(run: Run): Figure[] {
  const at = (lane: LaneName, subject: SubjectName): Lane | undefined =>
    run.lanes.find((each) => each.lane === lane && each.subject === subject);
  const cpu = (lane: LaneName, subject: SubjectName) => at(lane, subject)?.cpuUsPerRequest;
  const rate = (lane: LaneName, subject: SubjectName) => at(lane, subject)?.requestsPerSecond;
  const streamed: LaneName = 'streamed, 32 connections';
  const long: LaneName = '400 KB, 4 connections';
  const on: SubjectName = 'budgets on';
  return [
    figure('CPU per request ÷ nginx', cpu(CHAT_64, on), cpu(CHAT_64, 'nginx'), [
      'at most',
      3.5,
      2.5,
    ]),
    figure('requests/s, budgets on ÷ off', rate(CHAT_64, on), rate(CHAT_64, 'budgets off'), [
      'at least',
      0.85,
      0.95,
    ]),
    figure('requests/s ÷ Portkey', rate(CHAT_64, on), rate(CHAT_64, 'portkey'), [
      'at least',
      12,
      20,
    ]),
    figure(
      'p50 added, 1 connection ÷ bare pass-through',
      at(CHAT_1, on)?.addedP50Us,
      at(CHAT_1, 'bare')?.addedP50Us,
      ['at most', 1.3, 1.15],
    ),
    figure(
      "p99 added to a stream's first byte ÷ nginx",
      at(streamed, on)?.addedP99Us,
      at(streamed, 'nginx')?.addedP99Us,
      ['at most', 3, 2],
    ),
    figure('rejections/s ÷ accepted/s', rate('rejected, 64 connections', on), rate(CHAT_64, on), [
      'at least',
      3,
      5,
    ]),
    figure('CPU of a 400 KB prompt ÷ bare pass-through', cpu(long, on), cpu(long, 'bare'), [
      'at most',
      1.5,
      1.2,
    ]),
    figure('KB per idle stream', run.many?.kilobytesPerStream, ONE, ['at most', 40, 20]),
    figure('µs of admission and settlement', run.admissionNs, THOUSAND, ['at most', 5, 2]),
  ].filter((each) => each !== null);
}

const ONE: Spread = { median: 1, min: 1, max: 1 };
const THOUSAND: Spread = { median: 1000, min: 1000, max: 1000 };

function figure(
  name: string,
  above: Spread | null | undefined,
  below: Spread | null | undefined,
  [bound, must, aim]: Bound,
): Figure | null {
  if (above === null || above === undefined || below === null || below === undefined) return null;
  const value = above.median / below.median;
  const isFloor = bound === 'at least';
  return {
    figure: name,
    value,
    min: above.min / below.max,
    max: below.min > 0 ? above.max / below.min : null,
    must,
    aim,
    isFloor,
    isMet: isFloor ? value >= must : value <= must,
  };
}

/** `2.20–2.63` */
export const rangeText = ({ min, max }: Figure): string =>
  `${min.toFixed(2)}–${max === null ? '∞' : max.toFixed(2)}`;

/** `✓ CPU per request ÷ nginx  2.41 (2.20–2.63)  must ≤ 3.5, aim ≤ 2.5`. */
export function figureLine(figure: Figure): string {
  const sign = figure.isFloor ? '≥' : '≤';
  const goal = `must ${sign} ${figure.must}, aim ${sign} ${figure.aim}`;
  const measured = `${figure.value.toFixed(2)} (${rangeText(figure)})`;
  return `${figure.isMet ? '✓' : '✗'} ${figure.figure.padEnd(45)} ${measured}  ${goal}`;
}
