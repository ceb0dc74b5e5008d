// What is measured side by side: how each subject is started and where it listens.
// Every subject is a process of its own in front of the same upstream; the direct call has its own.

import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { asking, start, untilReady, type Started } from './processes.js';
import type { SubjectName } from './lanes.js';
import { CHAT_PATH, chatBody, headersOf, SPENT_USER, USER } from './workload.js';

export interface Subject {
  readonly name: SubjectName;
  readonly port: number;
  /** The process that answers. For the direct call, a provider that serves nothing else. */
  readonly pid: number;
  /** What it needs beyond the usual headers. */
  readonly headers: Readonly<Record<string, string>>;
}

const NO_HEADERS = {};

interface Surroundings {
  readonly upstreamPort: number;
  /** A folder that is removed after the bench. */
  readonly scratch: string;
}

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));

/** Starts a process that prints its port when it listens. */
async function startListener(file: string, args: readonly string[]) {
  const started = start(process.execPath, [here(file), ...args]);
  const port = await untilReady(
    started,
    () => Number(/^(\d+)\n/.exec(started.output())?.[1]) || null,
  );
  return { port, pid: started.child.pid as number, started };
}

/** The requests that a provider has had so far, and when that was by its own clock. */
export interface Count {
  readonly requests: number;
  readonly atMs: number;
}

export interface Upstream {
  readonly port: number;
  readonly pid: number;
  count(): Promise<Count>;
}

export async function startUpstream(): Promise<Upstream> {
  const { port, pid, started } = await startListener('./upstream.js', []);
  const ask = asking(started);
  return { port, pid, count: async () => JSON.parse(await ask('count')) as Count };
}

/** `null` for a peer that is not installed here. */
export async function startSubject(
  name: SubjectName,
  surroundings: Surroundings,
): Promise<Subject | null> {
  const { upstreamPort } = surroundings;
  switch (name) {
    case 'direct': {
      const { port, pid } = await startUpstream();
      return { name, port, pid, headers: NO_HEADERS };
    }
    case 'bare': {
      const provider = `http://127.0.0.1:${upstreamPort}`;
      const { port, pid } = await startListener('./bare.js', [provider]);
      return { name, port, pid, headers: NO_HEADERS };
    }
    case 'portkey':
      return startPortkey(surroundings);
    case 'nginx':
      return startNginx(surroundings);
    default:
      return startTokenPak(name, surroundings);
  }
}

async function startNginx({ upstreamPort, scratch }: Surroundings): Promise<Subject | null> {
  const binary = ['/usr/sbin/nginx', '/usr/local/sbin/nginx', '/opt/homebrew/bin/nginx'].find(
    (path) => existsSync(path),
  );
  if (binary === undefined) return null;
  const port = await freePort();
  const folder = join(scratch, 'nginx');
  mkdirSync(folder);
  const config = join(folder, 'nginx.conf');
  writeFileSync(config, nginxConfig({ port, upstreamPort, folder }));
  const started = start(binary, ['-p', folder, '-c', config]);
  await untilReady(started, () => answers(port, started));
  return { name: 'nginx', port, pid: started.child.pid as number, headers: NO_HEADERS };
}

/** One process in the foreground, so that its id is the one that does the work. */
const nginxConfig = (options: { port: number; upstreamPort: number; folder: string }): string => `
daemon off;
master_process off;
pid ${options.folder}/nginx.pid;
error_log stderr;
events { worker_connections 32768; }
http {
  access_log off;
  client_body_temp_path ${options.folder}/body;
  proxy_temp_path ${options.folder}/proxy;
  fastcgi_temp_path ${options.folder}/fastcgi;
  uwsgi_temp_path ${options.folder}/uwsgi;
  scgi_temp_path ${options.folder}/scgi;
  keepalive_requests 100000000;
  client_max_body_size 8m;
  client_body_buffer_size 1m;
  upstream provider {
    server 127.0.0.1:${options.upstreamPort};
    keepalive 128;
    keepalive_requests 100000000;
  }
  server {
    listen 127.0.0.1:${options.port};
    location / {
      proxy_pass http://provider;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
    }
  }
}
`;

/** Where `npm run bench -- --peers` puts it. */
const PORTKEY = fileURLToPath(
  new URL('../../../bench/node_modules/@portkey-ai/gateway/build/start-server.js', import.meta.url),
);

async function startPortkey({ upstreamPort }: Surroundings): Promise<Subject | null> {
  if (!existsSync(PORTKEY)) return null;
  const port = await freePort();
  const headers = {
    'x-portkey-provider': 'openai',
    'x-portkey-custom-host': `http://127.0.0.1:${upstreamPort}/v1`,
  };
  const started = start(process.execPath, [PORTKEY, `--port=${port}`, '--headless']);
  await untilReady(started, () => answers(port, started, headers));
  return { name: 'portkey', port, pid: started.child.pid as number, headers };
}

async function startTokenPak(
  name: 'budgets off' | 'budgets on',
  { upstreamPort, scratch }: Surroundings,
): Promise<Subject> {
  const port = await freePort();
  const folder = join(scratch, name.replace(' ', '-'));
  mkdirSync(folder);
  const config = join(folder, 'config.yaml');
  const adminPort = await freePort();
  const budget = name === 'budgets on' ? BUDGETS_ON : 'budget: { enabled: false }';
  writeFileSync(config, tokenPakConfig({ port, adminPort, upstreamPort, folder, budget }));
  const cli = here('../../src/cli/main.js');
  const started = start(process.execPath, [cli, 'proxy', '--config', config, '--workers', '1']);
  await untilReady(started, () => answers(port, started));
  return { name, port, pid: started.child.pid as number, headers: NO_HEADERS };
}

/**
 * Day and month, user and global: all four counters of every request, none of them near its limit.
 */
const BUDGETS_ON = `
budget:
  enabled: true
  daily_limit_cents: 50000000000
  monthly_limit_cents: 100000000000
  reject_on_exceed: true
  per_user_limits:
    enabled: true
    default: { daily_limit_cents: 50000000000, monthly_limit_cents: 100000000000 }
    user_limits: { ${SPENT_USER}: { daily_limit_cents: 0 } }
`;

const tokenPakConfig = (options: {
  port: number;
  adminPort: number;
  upstreamPort: number;
  folder: string;
  budget: string;
}): string => `
server: { host: 127.0.0.1, port: ${options.port} }
admin: { port: ${options.adminPort} }
storage: { path: ${options.folder}/data }
alerts: { log_file: ${options.folder}/alerts.log }
pricing: { sync_interval_minutes: 0 }
reconcile: { interval_minutes: 0 }
${options.budget}
providers:
  openai:
    type: openai
    base_url: http://127.0.0.1:${options.upstreamPort}/v1
    api_key: sk-bench
models:
  gpt-4:
    provider: openai
    estimated_input_cost_per_1k: 3
    estimated_output_cost_per_1k: 6
`;

/** True once the canonical request is answered as it should be, `null` while nobody listens. */
async function answers(
  port: number,
  started: Started,
  headers: Readonly<Record<string, string>> = {},
): Promise<true | null> {
  let response;
  try {
    response = await fetch(`http://127.0.0.1:${port}${CHAT_PATH}`, {
      method: 'POST',
      headers: { ...headersOf(USER), ...headers },
      body: chatBody(300),
    });
  } catch {
    // Connection refused: not listening yet.
    return null;
  }
  const body = await response.text();
  if (response.status === 200) return true;
  if (response.status === 503) return null;
  throw new Error(`answers ${response.status}: ${body.slice(0, 300)} ${started.output()}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === 'string') throw new Error('no free port');
  return address.port;
}
