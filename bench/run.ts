// `npm run bench`: what TokenPak costs, measured. Options behind `--`:
//   --quick            few short rounds, to see that it works
//   --check            exit with 1 when a promised figure is missed
//   --micro            the hot functions alone, in nanoseconds
//   --replay           a start that has a million records to book (--quick: a hundred thousand)
//   --alerts           what a thousand alerts cost the requests beside them
//   --start            time to be ready, memory and CPU at rest (--quick: fewer records)
//   --watched          what scraped metrics and an open dashboard cost
//   --only a,b         some subjects: direct, bare, nginx, portkey, budgets off, budgets on
//   --lane TEXT        the lanes with this text in their name
//   --streams N        slow streams held open at once; 0: none
//   --peers            install the peers of bench/package.json first
//   --readme           also put the figures into README.md
//   --rounds N · --seconds N · --node-load

import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { alertsBench } from './macro/alerts.js';
import { LANE_NAMES, SUBJECT_NAMES, type SubjectName } from './macro/lanes.js';
import { macro } from './macro/macro.js';
import { watchedBench } from './macro/watched.js';
import { micro } from './micro/micro.js';
import { replayBench } from './replay.js';
import { startBench } from './start.js';

// Compiled to dist/bench, two folders below the project's root.
const root = fileURLToPath(new URL('../../', import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    micro: { type: 'boolean', default: false },
    alerts: { type: 'boolean', default: false },
    replay: { type: 'boolean', default: false },
    start: { type: 'boolean', default: false },
    watched: { type: 'boolean', default: false },
    only: { type: 'string' },
    lane: { type: 'string', default: '' },
    streams: { type: 'string' },
    peers: { type: 'boolean', default: false },
    rounds: { type: 'string' },
    seconds: { type: 'string' },
    'node-load': { type: 'boolean', default: false },
    readme: { type: 'boolean', default: false },
  },
});

const isSubject = (name: string): name is SubjectName =>
  (SUBJECT_NAMES as readonly string[]).includes(name);

function subjectsAsked(): readonly SubjectName[] {
  if (values.only === undefined) return SUBJECT_NAMES;
  return values.only.split(',').map((name) => {
    if (isSubject(name)) return name;
    throw new Error(`--only: "${name}" is none of ${SUBJECT_NAMES.join(', ')}`);
  });
}

/** A whole number within bounds, so that a run ends. */
function numberAsked(
  option: 'rounds' | 'seconds' | 'streams',
  standard: number,
  { min, max }: { readonly min: number; readonly max: number },
): number {
  const value = Number(values[option] ?? standard);
  if (Number.isInteger(value) && value >= min && value <= max) return value;
  throw new Error(`--${option}: a whole number from ${min} to ${max}, not "${values[option]}"`);
}

if (values.peers) {
  const args = ['install', '--no-package-lock', '--no-audit', '--no-fund', '--ignore-scripts'];
  execFileSync('npm', args, { cwd: `${root}bench`, stdio: 'inherit' });
}
if (values.micro) {
  await micro(values.quick);
} else if (values.replay) {
  const isFast = await replayBench(values.quick ? 100_000 : 1_000_000);
  process.exitCode = isFast || !values.check ? 0 : 1;
} else if (values.alerts) {
  const rounds = numberAsked('rounds', values.quick ? 2 : 6, { min: 1, max: 50 });
  const allArrived = await alertsBench({ rounds });
  process.exitCode = allArrived ? 0 : 1;
} else if (values.start) {
  await startBench({
    root,
    records: values.quick ? 100_000 : 1_000_000,
    idleMs: values.quick ? 3_000 : 10_000,
    readme: values.readme,
  });
} else if (values.watched) {
  const isWell = await watchedBench({
    root,
    groups: numberAsked('rounds', values.quick ? 2 : 26, { min: 2, max: 200 }),
    countedMs: numberAsked('seconds', values.quick ? 1 : 3, { min: 1, max: 60 }) * 1000,
    nodeLoad: values['node-load'],
  });
  process.exitCode = isWell || !values.check ? 0 : 1;
} else {
  const lanes = LANE_NAMES.filter((name) => name.includes(values.lane));
  const allWell = await macro({
    root,
    subjects: subjectsAsked(),
    lanes,
    rounds: numberAsked('rounds', values.quick ? 2 : 5, { min: 1, max: 50 }),
    durationMs: numberAsked('seconds', values.quick ? 1 : 2, { min: 1, max: 60 }) * 1000,
    streams: numberAsked('streams', values.quick ? 500 : 10_000, { min: 0, max: 100_000 }),
    nodeLoad: values['node-load'],
    readme: values.readme,
    check: values.check,
  });
  process.exitCode = allWell ? 0 : 1;
}
