// Interleaved rounds: every subject is measured in each round right after the others, so that what
// the machine does meanwhile hits all of them. Medians over rounds, and how far the rounds lay
// apart.

import type { Generator, Measured } from './load.js';
import { cpuMicroseconds } from './processes.js';
import type { Subject, SubjectName } from './subjects.js';

export interface Spread {
  readonly median: number;
  readonly min: number;
  readonly max: number;
}

export interface Lane {
  readonly subject: SubjectName;
  readonly concurrency: number;
  readonly requestsPerSecond: Spread;
  readonly p50Us: Spread;
  readonly p99Us: Spread;
  /** Against the direct call of the same round; can be negative within the noise. */
  readonly addedP50Us: Spread | null;
  /** User and system time of the subject's process; `null` for the direct call. */
  readonly cpuUsPerRequest: Spread | null;
  readonly errors: number;
}

export interface Plan {
  readonly subjects: readonly Subject[];
  readonly concurrencies: readonly number[];
  readonly rounds: number;
  readonly durationMs: number;
}

/** The compiler settles on some code only after tens of thousands of requests. */
const WARMUP_BURSTS = 3;

interface Sample extends Measured {
  readonly cpuUs: number | null;
}

export async function measure(
  plan: Plan,
  generator: Generator,
  progress: (done: string) => void,
): Promise<Lane[]> {
  for (const { port } of plan.subjects) {
    const concurrency = Math.max(...plan.concurrencies);
    await generator.run({ port, concurrency, durationMs: plan.durationMs * WARMUP_BURSTS });
  }
  const lanes: Lane[] = [];
  for (const concurrency of plan.concurrencies) {
    const samples = new Map<Subject, Sample[]>(plan.subjects.map((subject) => [subject, []]));
    for (let round = 0; round < plan.rounds; round += 1) {
      for (const [subject, taken] of samples) {
        const burst = { port: subject.port, concurrency, durationMs: plan.durationMs };
        taken.push(await sample(subject, () => generator.run(burst)));
      }
      progress(`concurrency ${concurrency}, round ${round + 1} of ${plan.rounds}`);
    }
    const direct = [...samples].find(([{ name }]) => name === 'direct')?.[1] ?? null;
    for (const [{ name }, taken] of samples) lanes.push(laneOf(name, concurrency, taken, direct));
  }
  return lanes;
}

async function sample({ pid }: Subject, run: () => Promise<Measured>): Promise<Sample> {
  const before = pid === null ? null : cpuMicroseconds(pid);
  const measured = await run();
  const after = pid === null ? null : cpuMicroseconds(pid);
  return { ...measured, cpuUs: before === null || after === null ? null : after - before };
}

function laneOf(
  subject: SubjectName,
  concurrency: number,
  samples: readonly Sample[],
  direct: readonly Sample[] | null,
): Lane {
  const added = samples.map(({ p50Us }, round) => p50Us - (direct?.[round]?.p50Us ?? Number.NaN));
  const cpu = samples.map(({ cpuUs, requests }) => (cpuUs ?? Number.NaN) / requests);
  return {
    subject,
    concurrency,
    requestsPerSecond: spread(samples.map((s) => (s.requests / s.elapsedMs) * 1000)),
    p50Us: spread(samples.map((s) => s.p50Us)),
    p99Us: spread(samples.map((s) => s.p99Us)),
    addedP50Us: subject === 'direct' || added.some(Number.isNaN) ? null : spread(added),
    cpuUsPerRequest: cpu.some(Number.isNaN) ? null : spread(cpu),
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
