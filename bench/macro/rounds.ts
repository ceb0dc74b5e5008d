// Interleaved rounds: every subject is measured in each round right after the others, so that what
// the machine does meanwhile hits all of them. Medians over rounds, and how far the rounds lay
// apart.

import type { LaneName, LaneSpec, SubjectName } from './lanes.js';
import type { Burst, Generator, Measured } from './load.js';
import { coresHere, type Placement, whileBound } from './placement.js';
import { cpuMicroseconds } from './processes.js';
import type { Subject } from './subjects.js';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

/** One subject under one load. */
export interface Lane {
  readonly lane: LaneName;
  readonly subject: SubjectName;
  readonly placement: Placement;
  readonly requestsPerSecond: Spread;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  /** Against the direct call of the same round; can be negative within the noise. */
  readonly addedP50Us: Spread | null;
  readonly addedP99Us: Spread | null;
  readonly gapP99Us: Spread | null;
  /** User and system time of the subject's process; `null` for the direct call. */
  readonly cpuUsPerRequest: Spread | null;
  readonly errors: number;
}

export interface Plan {
  readonly subjects: readonly Subject[];
  /** The provider behind all of them but the direct call. */
  readonly providerPid: number;
  readonly lanes: readonly LaneSpec[];
  readonly rounds: number;
  readonly durationMs: number;
}

/** The compiler settles on some code only after tens of thousands of requests. */
const WARMUP_BURSTS = 3;
/** Streams are few: without more of them side by side it would be at work in all of their lane. */
const WARMUP_STREAMS = 8;

/** With one request at a time the machine's mood shows most: more rounds, and shorter ones. */
const BOUND_ROUNDS = 4;
const BOUND_BURSTS = 0.5;

/** Streams take their time: so many bursts' worth, or their p99 is the worst of a few dozen. */
const STREAM_BURSTS = 4;

interface Sample extends Measured {
  readonly cpuUs: number | null;
}

export async function measure(
  plan: Plan,
  generator: Generator,
  progress: (done: string) => void,
): Promise<Lane[]> {
  const lanes: Lane[] = [];
  for (const spec of plan.lanes)
    lanes.push(...(await measureLane(plan, spec, generator, progress)));
  return lanes;
}

async function measureLane(
  plan: Plan,
  spec: LaneSpec,
  generator: Generator,
  progress: (done: string) => void,
): Promise<Lane[]> {
  const subjects = plan.subjects.filter(({ name }) => spec.subjects.includes(name));
  const cores = spec.isBound === true ? coresHere() : null;
  const core = cores?.others ?? null;
  const placement = cores === null ? 'left to the kernel' : 'bound';
  const pids = { subjects: subjects.map(({ pid }) => pid), others: [plan.providerPid] };
  const samples = await whileBound(cores, pids, () =>
    takeSamples(
      { ...plan, subjects },
      spec,
      (burst) => generator.run({ ...burst, core }),
      progress,
    ),
  );
  const direct = [...samples].find(([{ name }]) => name === 'direct')?.[1] ?? null;
  return [...samples].map(([{ name }, taken]) =>
    laneOf({ lane: spec.name, subject: name, placement }, taken, direct),
  );
}

async function takeSamples(
  plan: Plan,
  { name, load, isBound }: LaneSpec,
  run: (burst: Omit<Burst, 'core'>) => Promise<Measured>,
  progress: (done: string) => void,
): Promise<ReadonlyMap<Subject, readonly Sample[]>> {
  const usual = plan.durationMs * (load.isStreamed ? STREAM_BURSTS : 1);
  const durationMs = usual * (isBound === true ? BOUND_BURSTS : 1);
  const rounds = plan.rounds * (isBound === true ? BOUND_ROUNDS : 1);
  const warmup = {
    load: { ...load, concurrency: load.concurrency * (load.isStreamed ? WARMUP_STREAMS : 1) },
    durationMs: usual * WARMUP_BURSTS,
  };
  for (const { port, headers } of plan.subjects) await run({ port, headers, ...warmup });
  const samples = new Map<Subject, Sample[]>(plan.subjects.map((subject) => [subject, []]));
  for (let round = 0; round < rounds; round += 1) {
    const order = [...samples];
    for (const [subject, taken] of round % 2 === 0 ? order : order.toReversed()) {
      const { port, headers } = subject;
      taken.push(await sample(subject, () => run({ port, headers, load, durationMs })));
    }
    progress(`${name}: round ${round + 1} of ${rounds}`);
  }
  return samples;
}

async function sample({ pid }: Subject, run: () => Promise<Measured>): Promise<Sample> {
  const before = cpuMicroseconds(pid);
  const measured = await run();
  const after = cpuMicroseconds(pid);
  return { ...measured, cpuUs: before === null || after === null ? null : after - before };
}

function laneOf(
  of: Pick<Lane, 'lane' | 'subject' | 'placement'>,
  samples: readonly Sample[],
  direct: readonly Sample[] | null,
): Lane {
  const isDirect = of.subject === 'direct';
  const over = (value: (sample: Sample, round: number) => number): Spread | null => {
    const values = samples.map(value);
    return values.some(Number.isNaN) ? null : spread(values);
  };
  const added = (key: 'p50Us' | 'p99Us'): Spread | null =>
    isDirect ? null : over((s, round) => s[key] - (direct?.[round]?.[key] ?? Number.NaN));
  return {
    ...of,
    requestsPerSecond: spread(samples.map((s) => (s.requests / s.elapsedMs) * 1000)),
    p50Us: spread(samples.map((s) => s.p50Us)),
    p99Us: spread(samples.map((s) => s.p99Us)),
    addedP50Us: added('p50Us'),
    addedP99Us: added('p99Us'),
    gapP99Us: over((s) => s.gapP99Us ?? Number.NaN),
    cpuUsPerRequest: isDirect ? null : over((s) => (s.cpuUs ?? Number.NaN) / s.requests),
    errors: samples.reduce((sum, { errors }) => sum + errors, 0),
  };
}

export function spread(values: readonly number[]): Spread {
  const sorted = Float64Array.from(values).sort();
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  const lower = sorted.length % 2 === 1 ? upper : (sorted[middle - 1] ?? Number.NaN);
  return {
    median: (lower + upper) / 2,
    min: sorted[0] ?? Number.NaN,
    max: sorted.at(-1) ?? Number.NaN,
  };
}
