// One burst of load on one port, from a process of its own: `wrk` where it is installed, since it
// costs least, else our generator on raw sockets.

import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { CHAT_BODY, CHAT_HEADERS, CHAT_PATH } from './workload.js';

export interface Burst {
  readonly port: number;
  readonly concurrency: number;
  readonly durationMs: number;
}

export interface Measured {
  readonly requests: number;
  /** Answers other than 200, and broken connections. */
  readonly errors: number;
  readonly elapsedMs: number;
  readonly p50Us: number;
  readonly p99Us: number;
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
  return wrk === null ? nodeGenerator() : wrkGenerator(wrk, scratch);
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

function wrkGenerator(name: string, scratch: string): Generator {
  const script = join(scratch, 'chat.lua');
  writeFileSync(script, wrkScript());
  return {
    name,
    async run({ port, concurrency, durationMs }) {
      // wrk takes whole seconds only.
      const seconds = Math.max(1, Math.round(durationMs / 1000));
      const { stdout } = await execute(
        'wrk',
        ['-t1', `-c${concurrency}`, `-d${seconds}s`, '-s', script, `http://127.0.0.1:${port}`],
        { timeout: seconds * 1000 + LATE_MS },
      );
      return JSON.parse(stdout.slice(stdout.lastIndexOf('\n{') + 1)) as Measured;
    },
  };
}

const wrkScript = (): string => `
wrk.method = "POST"
wrk.path = "${CHAT_PATH}"
wrk.body = [[${CHAT_BODY}]]
${Object.entries(CHAT_HEADERS)
  .map(([name, value]) => `wrk.headers["${name}"] = "${value}"`)
  .join('\n')}
function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\\n{"requests":%d,"errors":%d,"elapsedMs":%.1f,"p50Us":%d,"p99Us":%d}\\n',
    summary.requests, e.connect + e.read + e.write + e.status + e.timeout,
    summary.duration / 1000, latency:percentile(50), latency:percentile(99)))
end
`;

function nodeGenerator(): Generator {
  const entry = fileURLToPath(new URL('./load-entry.js', import.meta.url));
  return {
    name: 'node',
    async run(burst) {
      const { stdout } = await execute(process.execPath, [entry, JSON.stringify(burst)], {
        timeout: burst.durationMs + LATE_MS,
      });
      return JSON.parse(stdout) as Measured;
    },
  };
}
