// Child processes of the bench: started, waited for until they say they are ready, and ended by
// their id, whatever happens. Nothing started here outlives the bench.

import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

const READY_MS_MAX = 20_000;
const STOP_MS_MAX = 10_000;
const OUTPUT_CHARACTERS_MAX = 4_000;

export interface Started {
  readonly child: ChildProcess;
  /** The end of what it printed, for when something goes wrong. */
  output(): string;
}

const running = new Set<ChildProcess>();

/** A pipe on stdin stays open as long as the bench lives: its end tells the child to end. */
export function start(command: string, args: readonly string[]): Started {
  const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-OUTPUT_CHARACTERS_MAX);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  child.on('error', (error) => keep(Buffer.from(error.message)));
  running.add(child);
  child.once('exit', () => running.delete(child));
  return { child, output: () => output };
}

/** Tells a child a line and resolves to the one it answers; one question at a time. */
export function asking({ child }: Started): (what: string) => Promise<string> {
  if (child.stdout === null) throw new Error('a child without output cannot be asked');
  const lines = createInterface({ input: child.stdout });
  return async (what) => {
    child.stdin?.write(`${what}\n`);
    const [line] = (await once(lines, 'line')) as [string];
    return line;
  };
}

/** Polls until `ready` gives a value; fails with what the child printed when it ends or is late. */
export async function untilReady<T>(
  started: Started,
  ready: () => Promise<T | null> | T | null,
): Promise<T> {
  const deadline = performance.now() + READY_MS_MAX;
  while (performance.now() < deadline) {
    const value = await ready();
    if (value !== null) return value;
    if (hasEnded(started.child)) throw new Error(`ended early: ${lastLines(started)}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`not ready after ${READY_MS_MAX / 1000} s: ${lastLines(started)}`);
}

const lastLines = (started: Started): string =>
  started.output().trim().split('\n').slice(-4).join(' | ') || 'it printed nothing';

const hasEnded = (child: ChildProcess): boolean =>
  child.exitCode !== null || child.signalCode !== null || child.pid === undefined;

export async function stopAll(): Promise<void> {
  await Promise.all([...running].map(stop));
}

async function stop(child: ChildProcess): Promise<void> {
  if (hasEnded(child)) return;
  const ended = once(child, 'exit');
  child.kill('SIGTERM');
  const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS_MAX);
  await ended;
  clearTimeout(timer);
}

// The last resort, when the bench itself is ended in a hurry.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/**
 * CPU time of a process so far in microseconds, user and system, all its threads, from Linux' /proc
 * (ticks of 10 ms); `null` elsewhere.
 */
export function cpuMicroseconds(pid: number): number | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The second field is a name in parentheses that may hold spaces: count from behind it.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return (Number(fields[11]) + Number(fields[12])) * 10_000;
  } catch {
    return null;
  }
}
