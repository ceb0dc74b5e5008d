// `npm run bench`: what TokenPak costs, measured. Options behind `--`:
//   --quick            few short rounds, to see that it works
//   --micro            the hot functions alone, in nanoseconds
//   --only a,b         some subjects: direct, bare, nginx, budgets off, budgets on
//   --readme           also put the figures into README.md
//   --rounds N · --seconds N · --node-load

import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { macro } from './macro/macro.js';
import { SUBJECT_NAMES, type SubjectName } from './macro/subjects.js';
import { micro } from './micro/micro.js';

// Compiled to dist/bench, two folders below the project's root.
const root = fileURLToPath(new URL('../../', import.meta.url));

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    micro: { type: 'boolean', default: false },
    only: { type: 'string' },
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

/** A whole number from 1 up to `max`, so that a run ends. */
function numberAsked(option: 'rounds' | 'seconds', standard: number, max: number): number {
  const value = Number(values[option] ?? standard);
  if (Number.isInteger(value) && value >= 1 && value <= max) return value;
  throw new Error(`--${option}: a whole number from 1 to ${max}, not "${values[option]}"`);
}

if (values.micro) {
  await micro(values.quick);
} else {
  const allWell = await macro({
    root,
    subjects: subjectsAsked(),
    rounds: numberAsked('rounds', values.quick ? 2 : 5, 50),
    durationMs: numberAsked('seconds', values.quick ? 1 : 2, 60) * 1000,
    nodeLoad: values['node-load'],
    readme: values.readme,
  });
  process.exitCode = allWell ? 0 : 1;
}
