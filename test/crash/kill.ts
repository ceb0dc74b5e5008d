// One round of the kill test: load on the product in a process of its own, kill -9 at a random
// moment. The provider's own bill, which lives on in this process, is the oracle.

import { setTimeout as wait } from 'node:timers/promises';
import type { MockProvider } from '../../src/mock/provider.js';
import { post, run, type RunningProxy } from '../flow/harness.js';

const CLIENTS = 16;
/** 10 input tokens at 3 cents and 10 output tokens at 6 cents the thousand. */
export const COST_NANO = 10n * 30_000n + 10n * 60_000n;
export const MOCK_BILLS = { latencyMs: 3, inputTokens: 10, outputTokens: 10, errorStatus: null };

export const killConfig = (
  folder: string,
  mock: MockProvider,
  reserve: 'worst_case' | 'expected' = 'worst_case',
): string => `
budget: { reserve: ${reserve}, daily_limit_cents: 100000000, monthly_limit_cents: 100000000 }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai: { type: openai, base_url: "${mock.url}/v1", api_key: sk-test }
models:
  gpt-4: { provider: openai, estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6 }
`;

const BODY = { model: 'gpt-4', max_tokens: 50, messages: [{ role: 'user', content: 'hi' }] };

/** Loads the proxy until it is gone; returns how many answers reached a client whole. */
async function load(proxy: RunningProxy, stop: { stopped: boolean }): Promise<number> {
  let answered = 0;
  const client = async (name: string): Promise<void> => {
    while (!stop.stopped) {
      try {
        const answer = await post(`${proxy.url}/v1/chat/completions`, name, BODY);
        if (answer.json['request_cost_cents'] !== undefined) answered++;
      } catch {
        // The proxy was killed under this request.
        return;
      }
    }
  };
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(`user-${index % 4}`)));
  return answered;
}

/** Loads the proxy, kills it after the time given. */
export async function killRound(proxy: RunningProxy, afterMs: number): Promise<number> {
  const stop = { stopped: false };
  const answers = load(proxy, stop);
  await wait(afterMs);
  await proxy.end('SIGKILL');
  stop.stopped = true;
  return answers;
}

export interface Books {
  readonly totalNano: bigint;
  /** Entries by where their usage came from. */
  readonly bySource: Readonly<Record<string, { entries: number; costNano: bigint }>>;
}

const nanoOf = (usd: string): bigint => {
  const [whole = '0', fraction = ''] = usd.split('.');
  return BigInt(whole) * 1_000_000_000n + BigInt(fraction.padEnd(9, '0'));
};

/** What the ledger says, read as a user would: `spend --json` and `ledger export`. */
export async function readBooks(folder: string): Promise<Books> {
  const config = `${folder}/config.yaml`;
  const [spend, exported] = await Promise.all([
    run(['spend', '--json', '--config', config]),
    run(['ledger', 'export', '--config', config]),
  ]);
  const { total_usd } = JSON.parse(spend.stdout) as { total_usd: string };
  const bySource: Record<string, { entries: number; costNano: bigint }> = {};
  for (const line of exported.stdout.split('\n')) {
    if (line === '') continue;
    const entry = JSON.parse(line) as { cost_usd: string; source?: string | null; kind: string };
    const source = entry.source ?? entry.kind;
    const sum = (bySource[source] ??= { entries: 0, costNano: 0n });
    sum.entries += 1;
    sum.costNano += nanoOf(entry.cost_usd);
  }
  return { totalNano: nanoOf(total_usd), bySource };
}
