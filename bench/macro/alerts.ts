// What alerts cost requests: two proxies side by side, each with a thousand new users a round. In
// one every user passes a threshold and a webhook hears of it; in the other nobody does. Nothing of
// alerts is on the request path, so the 99th percentiles should be the same.

import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Agent, request } from 'undici';
import { configIn } from '../start.js';
import { start, stopAll, untilReady } from './processes.js';
import { startUpstream } from './subjects.js';
import { chatBody, CHAT_PATH } from './workload.js';

const USERS = 1_000;
const BODY = chatBody(300);
const CONCURRENCY = 16;
/** A request costs well over a hundredth of this, and is reserved well within it. */
const LIMIT_CENTS = 20;
const DELIVERY_MS_MAX = 60_000;

export interface AlertsOptions {
  readonly rounds: number;
}

interface Subject {
  readonly url: string;
  readonly p99Ms: number[];
}

/** Resolves to whether every alert was delivered. */
export async function alertsBench({ rounds }: AlertsOptions): Promise<boolean> {
  const scratch = mkdtempSync(join(tmpdir(), 'tokenpak-bench-'));
  const heard = new Set<string>();
  const hook = createServer((incoming, response) => {
    heard.add(String(incoming.headers['webhook-id']));
    incoming.resume().on('end', () => response.end());
  }).listen(0, '127.0.0.1');
  const agent = new Agent({ connections: CONCURRENCY });
  try {
    await once(hook, 'listening');
    const webhook = `http://127.0.0.1:${(hook.address() as AddressInfo).port}`;
    const { port } = await startUpstream();
    const common = { scratch, upstreamPort: port };
    const quiet = await startProxy({ ...common, name: 'quiet', thresholdPct: 100_000, webhook });
    const alerting = await startProxy({ ...common, name: 'alerting', thresholdPct: 1, webhook });
    for (let round = 0; round < rounds; round += 1) {
      for (const subject of round % 2 === 0 ? [quiet, alerting] : [alerting, quiet]) {
        subject.p99Ms.push(await p99(subject.url, agent, `round-${round}`));
      }
    }
    const owed = rounds * USERS;
    const since = performance.now();
    while (heard.size < owed && performance.now() - since < DELIVERY_MS_MAX) await pause(50);
    const ratio = median(alerting.p99Ms) / median(quiet.p99Ms);
    process.stdout.write(
      `${USERS} users a round, ${CONCURRENCY} at once, ${rounds} rounds\n` +
        `p99 without alerts ${median(quiet.p99Ms).toFixed(2)} ms\n` +
        `p99 while each user raises one ${median(alerting.p99Ms).toFixed(2)} ms\n` +
        `p99 with alerts / without: ${ratio.toFixed(2)}\n` +
        `alerts delivered: ${heard.size} of ${owed}\n`,
    );
    return heard.size === owed;
  } finally {
    await stopAll();
    await agent.close();
    hook.closeAllConnections();
    hook.close();
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function startProxy(options: {
  scratch: string;
  name: string;
  upstreamPort: number;
  thresholdPct: number;
  webhook: string;
}): Promise<Subject> {
  const file = configIn(
    join(options.scratch, options.name),
    `budget:
  alert_threshold_pct: ${options.thresholdPct}
  alert_webhook: ${options.webhook}
  per_user_limits: { default: { daily_limit_cents: ${LIMIT_CENTS} } }
providers:
  openai: { type: openai, base_url: "http://127.0.0.1:${options.upstreamPort}/v1", api_key: sk }
models:
  gpt-4: { provider: openai, estimated_input_cost_per_1k: 10, estimated_output_cost_per_1k: 20 }
`,
  );
  const cli = fileURLToPath(new URL('../../src/cli/main.js', import.meta.url));
  const started = start(process.execPath, [cli, 'proxy', '--config', file, '--workers', '1']);
  const url = await untilReady(
    started,
    () => /✓ TokenPak listens on (http:\S+)/.exec(started.output())?.[1] ?? null,
  );
  return { url, p99Ms: [] };
}

/** One request of each of a thousand new users. */
async function p99(url: string, agent: Agent, round: string): Promise<number> {
  const latenciesMs: number[] = [];
  let next = 0;
  const client = async (): Promise<void> => {
    while (next < USERS) {
      const user = `${round}-${next}`;
      next += 1;
      const since = performance.now();
      const { statusCode, body } = await request(`${url}${CHAT_PATH}`, {
        dispatcher: agent,
        method: 'POST',
        headers: { authorization: `Bearer ${user}` },
        body: BODY,
      });
      const text = await body.text();
      if (statusCode !== 200) throw new Error(`answers ${statusCode}: ${text.slice(0, 300)}`);
      latenciesMs.push(performance.now() - since);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, client));
  return quantile(latenciesMs, 0.99);
}

const quantile = (values: readonly number[], share: number): number =>
  values.toSorted((a, b) => a - b)[Math.floor((values.length - 1) * share)] ?? 0;

const median = (values: readonly number[]): number => quantile(values, 0.5);

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms);
  });
