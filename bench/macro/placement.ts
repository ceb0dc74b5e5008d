// On which cores a lane's processes run. With one request at a time only one of them runs at a
// time, and a hop costs three times as much when it wakes another core; the kernel would choose for
// each subject anew. What is bound here is let go after the lane: nothing else is ever placed.

import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

export type Placement = 'bound' | 'left to the kernel';

type Command = readonly [command: string, ...args: string[]];

export interface Cores {
  readonly subjects: number;
  /** Load and provider, as if they were other machines. */
  readonly others: number;
  /** All that this process may use. */
  readonly allowed: readonly number[];
}

/** `Cpus_allowed_list: 0-1,4` of Linux' /proc/self/status, as numbers. */
export function coresAllowed(status: string): number[] {
  const list = /^Cpus_allowed_list:\s*(\S+)/m.exec(status)?.[1];
  return (list?.split(',') ?? []).flatMap((range) => {
    const [first = 0, last = first] = range.split('-').map(Number);
    return Array.from({ length: last - first + 1 }, (_, index) => first + index);
  });
}

/** `null` with fewer than two cores, and where nothing can be bound: not Linux, no util-linux. */
export function coresHere(): Cores | null {
  try {
    const allowed = coresAllowed(readFileSync('/proc/self/status', 'utf8'));
    execFileSync('taskset', ['--version'], { stdio: 'ignore' });
    const [subjects, others] = allowed;
    return subjects === undefined || others === undefined ? null : { subjects, others, allowed };
  } catch {
    return null;
  }
}

/** What is bound while `work` is done is let go when it ends, however it ends. */
export async function whileBound<T>(
  cores: Cores | null,
  pids: { readonly subjects: readonly number[]; readonly others: readonly number[] },
  work: () => Promise<T>,
): Promise<T> {
  if (cores === null) return work();
  try {
    for (const pid of pids.subjects) bind(pid, [cores.subjects]);
    for (const pid of pids.others) bind(pid, [cores.others]);
    return await work();
  } finally {
    for (const pid of [...pids.subjects, ...pids.others]) bind(pid, cores.allowed);
  }
}

/** All threads that a process has, and so all that these will start. */
function bind(pid: number, cores: readonly number[]): void {
  execFileSync('taskset', ['-acp', cores.join(','), String(pid)], { stdio: 'pipe' });
}

/** The same command, on one core. */
export const onCore = (core: number | null, command: Command): Command =>
  core === null ? command : ['taskset', '-c', String(core), ...command];
