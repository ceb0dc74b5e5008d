// What is asked of the subjects: each lane one kind of load, for those it says something about.

import { chatBody, SPENT_USER, USER } from './workload.js';

export const SUBJECT_NAMES = [
  'direct',
  'bare',
  'nginx',
  'portkey',
  'budgets off',
  'budgets on',
] as const;
export type SubjectName = (typeof SUBJECT_NAMES)[number];

export const LANE_NAMES = [
  '300 B, 1 connection',
  '300 B, 64 connections',
  '10 KB, 64 connections',
  '400 KB, 4 connections',
  '300 B, 500 a second',
  'rejected, 64 connections',
  'streamed, 32 connections',
] as const;
export type LaneName = (typeof LANE_NAMES)[number];

/** The kind of load, but for whom it hits and how long. */
export interface Load {
  readonly concurrency: number;
  readonly body: string;
  readonly user: string;
  /** The status of a right answer. */
  readonly status: number;
  /** Open loop: requests begun in a second, whatever becomes of them. `null`: closed loop. */
  readonly perSecond: number | null;
  readonly isStreamed: boolean;
}

export interface LaneSpec {
  readonly name: LaneName;
  readonly subjects: readonly SubjectName[];
  readonly load: Load;
  /** Subjects on one core, load and provider on another, where the machine can. */
  readonly isBound?: boolean;
}

const load = (concurrency: number, bytes: number, more: Partial<Load> = {}): Load => ({
  concurrency,
  body: chatBody(bytes),
  user: USER,
  status: 200,
  perSecond: null,
  isStreamed: false,
  ...more,
});

export const LANES: readonly LaneSpec[] = [
  { name: '300 B, 1 connection', subjects: SUBJECT_NAMES, load: load(1, 300), isBound: true },
  { name: '300 B, 64 connections', subjects: SUBJECT_NAMES, load: load(64, 300) },
  {
    name: '10 KB, 64 connections',
    subjects: ['direct', 'bare', 'nginx', 'budgets on'],
    load: load(64, 10_000),
  },
  {
    name: '400 KB, 4 connections',
    subjects: ['direct', 'bare', 'nginx', 'budgets on'],
    load: load(4, 400_000),
  },
  {
    name: '300 B, 500 a second',
    subjects: ['direct', 'bare', 'nginx', 'budgets on'],
    load: load(64, 300, { perSecond: 500 }),
  },
  {
    name: 'rejected, 64 connections',
    subjects: ['budgets on'],
    load: load(64, 300, { user: SPENT_USER, status: 402 }),
  },
  {
    name: 'streamed, 32 connections',
    subjects: ['direct', 'nginx', 'budgets on'],
    load: load(32, 300, { body: chatBody(300, { stream: true }), isStreamed: true }),
  },
];
