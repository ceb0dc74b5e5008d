// One burst of load on one port, from a process of its own: `wrk` where it is installed and can,
// since it costs least; else our generator on raw sockets, which knows fixed rates and streams too.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Load } from './lanes.js';
import { onCore } from './placement.js';
import { CHAT_PATH, headersOf } from './workload.js';

export interface Burst {
  readonly port: number;
  readonly durationMs: number;
  readonly load: Load;
  /** What this subject needs beyond the usual headers. */
  readonly headers: Readonly<Record<string, string>>;
  /** Where the load is made; `null`: wherever the kernel likes. */
  readonly core: number | null;
}

export interface Measured {
  readonly requests: number;
  /** Answers of another status than the lane's, and broken connections. */
  readonly errors: number;
  readonly elapsedMs: number;
  /** Until the answer is whole; of a stream until its first byte. */
  readonly p50Us: number;
  readonly p99Us: number;
  /** Between two events of a stream. */
  readonly gapP99Us: number | null;
}

export interface Generator {
  readonly name: string;
  run(burst: Burst): Promise<Measured>;
}

const execute = promisify(execFile);

/** A burst that has not ended by then is an error of the generator. */
const LATE_MS = 15_000;

export async function chooseGenerator(scratch: string, nodeOnly: boolean): Promise<Generator> {
  const wrk = nodeOnly ? null : await wrkVersion();
  if (wrk === null) return { name: 'node', run: runNode };
  return {
    name: wrk,
    run: (burst) =>
      burst.load.perSecond === null && !burst.load.isStreamed
        ? runWrk(burst, scratch)
        : runNode(burst),
  };
}

/** `wrk -v` prints its version and exits with 1. */
async function wrkVersion(): Promise<string | null> {
  try {
    return firstWords((await execute('wrk', ['-v'])).stdout);
  } catch (error) {
    const { stdout } = error as { stdout?: string };
    return stdout ? firstWords(stdout) : null;
  }
}

const firstWords = (text: string): string => text.split(' ').slice(0, 2).join(' ');

async function runWrk(burst: Burst, scratch: string): Promise<Measured> {
  const { port, durationMs, load, core } = burst;
  const script = join(scratch, 'chat.lua');
  writeFileSync(script, wrkScript(burst));
  // wrk takes whole seconds only.
  const seconds = Math.max(1, Math.round(durationMs / 1000));
  const options = ['-t1', `-c${load.concurrency}`, `-d${seconds}s`, '-s', script];
  const [command, ...args] = onCore(core, ['wrk', ...options, `http://127.0.0.1:${port}`]);
  const { stdout } = await execute(command, args, { timeout: seconds * 1000 + LATE_MS });
  const told = JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1)) as Measured & {
    refused: number;
  };
  // To wrk every status from 400 is an error.
  const unexpected = load.status < 400 ? told.refused : told.requests - told.refused;
  return { ...told, errors: told.errors + unexpected, gapP99Us: null };
}

const wrkScript = ({ load, headers }: Burst): string => `
wrk.method = "POST"
wrk.path = "${CHAT_PATH}"
wrk.body = [[${load.body}]]
${Object.entries({ ...headersOf(load.user), ...headers })
  .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
  .join('\n')}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"errors":%d,"refused":%d,"elapsedMs":%.1f,"p50Us":%d,"p99Us":%d}\\n',
    summary.requests, e.connect + e.read + e.write + e.timeout, e.status,
    summary.duration / 1000, latency:percentile(50), latency:percentile(99)))
end
`;

async function runNode(burst: Burst): Promise<Measured> {
  const entry = fileURLToPath(new URL('./load-entry.js', import.meta.url));
  const [command, ...args] = onCore(burst.core, [process.execPath, entry]);
  const running = execute(command, args, { timeout: burst.durationMs + LATE_MS });
  running.child.stdin?.end(JSON.stringify(burst));
  return JSON.parse((await running).stdout) as Measured;
}
