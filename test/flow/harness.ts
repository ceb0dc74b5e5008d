// Drives the product as a user does: the compiled command line in a process of its own, over HTTP.

import { type ChildProcess, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

export const MAIN = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));

export interface Teardown {
  teardown(fn: () => unknown): void;
}

export function temporaryFolder(t: Teardown): string {
  const folder = mkdtempSync(join(tmpdir(), 'tokenpak-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Listens on a free port of loopback until the test is over; returns its origin. */
export async function listening(t: Teardown, server: Server): Promise<string> {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

export interface RunningProxy {
  readonly url: string;
  readonly readyLine: string;
  readonly pid: number;
  readonly output: () => string;
  /** Resolves once the proxy has said so. */
  readonly said: (text: string) => Promise<void>;
  /** Ends the process by its id and returns its exit code, or the signal's name. */
  readonly end: (signal?: NodeJS.Signals) => Promise<number | string>;
}

export interface ProxyOptions {
  readonly folder: string;
  readonly config: string;
  readonly workers?: number;
  readonly port?: number;
  readonly env?: Readonly<Record<string, string>>;
  /** Further flags of `proxy`. */
  readonly flags?: readonly string[];
  /** Another user of this machine, to run as. */
  readonly uid?: number;
}

const environment = (extra: Readonly<Record<string, string>> = {}): NodeJS.ProcessEnv => ({
  PATH: process.env['PATH'],
  NO_COLOR: '1',
  OPENAI_API_KEY: 'sk-real-key',
  ...extra,
});

/**
 * The program as users have it. The test runner adds a loader of its own to every Node that a test
 * starts: it would take twice the CPU, and catch signals that are ours.
 */
export const asUsersDo = (args: readonly string[], options = ''): [string, string[]] => [
  '/usr/bin/env',
  [`NODE_OPTIONS=${options}`, process.execPath, ...args],
];

function spawnProxy(options: ProxyOptions): ChildProcess {
  const file = join(options.folder, 'config.yaml');
  writeFileSync(file, options.config);
  const flags = ['--workers', String(options.workers ?? 1), '--port', String(options.port ?? 0)];
  flags.push(...(options.flags ?? []));
  return spawn(
    ...asUsersDo([MAIN, 'proxy', '--config', file, ...flags], options.env?.['NODE_OPTIONS']),
    {
      env: environment(options.env),
      stdio: ['ignore', 'pipe', 'pipe'],
      ...(options.uid !== undefined && { uid: options.uid }),
    },
  );
}

const ADDRESS = /https?:\/\/\S+/;

/** Starts `tokenpak proxy` and waits for its ready line. */
export async function startProxy(t: Teardown, options: ProxyOptions): Promise<RunningProxy> {
  const child = spawnProxy(options);
  let output = '';
  const heard = new EventEmitter();
  const hear = (text: string): void => {
    output += text;
    heard.emit('text');
  };
  child.stderr?.on('data', (data: Buffer) => hear(data.toString()));
  const said = async (text: string): Promise<void> => {
    while (!output.includes(text)) await once(heard, 'text');
  };
  const exited = once(child, 'exit').then(
    ([code, signal]: unknown[]) => (code ?? signal) as number | string,
  );
  const end = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<number | string> => {
    if (child.exitCode === null && child.signalCode === null) child.kill(signal);
    return exited;
  };
  t.teardown(() => end('SIGKILL'));
  const ready = new Promise<string>((resolve) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      hear(`${line}\n`);
      if (ADDRESS.test(line)) resolve(line);
    });
  });
  const first = await Promise.race([ready, exited]);
  if (typeof first !== 'string' || !ADDRESS.test(first)) {
    throw new Error(`the proxy ended with ${first}: ${output}`);
  }
  const url = ADDRESS.exec(first)?.[0] ?? '';
  const pid = child.pid as number;
  return { url, readyLine: first, pid, output: () => output, said, end };
}

/** A verb that has not ended by then hangs: it is killed, and its code is null. */
const RUN_MS_MAX = 60_000;

/** Runs a verb to its end. */
export async function run(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
  main: string = MAIN,
): Promise<{ code: number; stdout: string; stderr: string }> {
  const child = spawn(...asUsersDo([main, ...args], env['NODE_OPTIONS']), {
    env: environment(env),
    timeout: RUN_MS_MAX,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (data: Buffer) => (stdout += data.toString()));
  child.stderr.on('data', (data: Buffer) => (stderr += data.toString()));
  const [code] = (await once(child, 'close')) as [number];
  return { code, stdout, stderr };
}

export interface Received {
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

/** A webhook receiver on loopback that keeps what it was sent; `next(n)` resolves at the nth. */
export async function startReceiver(t: Teardown) {
  const received: Received[] = [];
  const waiting: { count: number; resolve: () => void }[] = [];
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (data: Buffer) => (body += data.toString()));
    request.on('end', () => {
      received.push({ headers: request.headers, body });
      response.end();
      for (const { count, resolve } of waiting) if (received.length >= count) resolve();
    });
  });
  const url = `${await listening(t, server)}/hook`;
  const reached = (count: number): Promise<void> =>
    received.length >= count
      ? Promise.resolve()
      : new Promise((resolve) => waiting.push({ count, resolve }));
  return { url, received, reached };
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  readonly json: Record<string, unknown>;
}

export async function post(
  url: string,
  user: string | null,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: { ...(user === null ? {} : { authorization: `Bearer ${user}` }), ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  });
  return answerOf(response);
}

export async function get(url: string, user: string | null): Promise<Answer> {
  const headers: Record<string, string> = user === null ? {} : { authorization: `Bearer ${user}` };
  return answerOf(await fetch(url, { headers }));
}

async function answerOf(response: Response): Promise<Answer> {
  const text = await response.text();
  let json: Record<string, unknown> = {};
  try {
    json = JSON.parse(text) as Record<string, unknown>;
  } catch {
    // A stream, or an answer that is no JSON: the test looks at its text.
  }
  return { status: response.status, headers: response.headers, text, json };
}
