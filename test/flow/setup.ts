// What the flow tests share beyond the harness: a configuration whose sums can be done in the head,
// a proxy with it, and a look at what a caller's budgets and the alerts say.

import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import {
  type Answer,
  get,
  post,
  type RunningProxy,
  startProxy,
  temporaryFolder,
} from './harness.js';

/** A token of output costs a cent; a thousand of input cost a cent too. */
const PRICES = 'estimated_input_cost_per_1k: 1, estimated_output_cost_per_1k: 1000';

/** The mock's input is free of charge, so that a request costs its output to the cent. */
export const CENT_A_TOKEN = {
  latencyMs: 0,
  inputTokens: 0,
  outputTokens: null,
  errorStatus: null,
} as const;

/** A time zone in which it is about noon, so that no window ends while a test runs. */
export function noonZone(now = new Date()): string {
  const offset = now.getUTCHours() - 12;
  return offset === 0 ? 'UTC' : `Etc/GMT${offset > 0 ? '+' : ''}${offset}`;
}

export interface ConfigParts {
  readonly folder: string;
  readonly providerUrl: string;
  /** Members of `budget`, in YAML's flow style. */
  readonly budget: string;
  /** Members of `storage`. */
  readonly storage?: string;
  /** Top-level members, in YAML. */
  readonly more?: string;
}

/** Where a proxy keeps what it writes, and a provider of each type at one address. */
export const places = (
  folder: string,
  providerUrl: string,
  storage = `path: ${folder}/data`,
): string => `storage: { ${storage} }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai: { type: openai, base_url: "${providerUrl}/v1", api_key: sk-test }
  anthropic: { type: anthropic, base_url: "${providerUrl}", api_key: sk-test }
`;

export const config = ({
  folder,
  providerUrl,
  budget,
  storage,
  more = '',
}: ConfigParts): string => `
budget: { timezone: ${noonZone()}, ${budget} }
${places(folder, providerUrl, storage)}
models:
  gpt-4: { provider: openai, ${PRICES} }
  claude: { provider: anthropic, upstream_model: claude-sonnet-4-5, ${PRICES} }
  cheap:
    provider: openai
    upstream_model: gpt-3.5-turbo
    estimated_input_cost_per_1k: 0.1
    estimated_output_cost_per_1k: 100
${more}
`;

/** A request of at most so many cents. */
export const asking = (cents: number, more: object = {}) => ({
  model: 'gpt-4',
  max_tokens: cents,
  messages: [{ role: 'user', content: 'Hello' }],
  ...more,
});

export interface BudgetRow {
  readonly scope: string;
  readonly window: string;
  readonly limit_usd: string | null;
  readonly spent_usd: string;
  readonly reserved_usd: string;
  readonly remaining_usd: string | null;
  readonly resets_at: string;
}

export async function budgets(proxy: RunningProxy, user: string): Promise<BudgetRow[]> {
  return (await get(`${proxy.url}/v1/budget`, user)).json['budgets'] as BudgetRow[];
}

/** Asks until nothing of a caller's first budget is held any more; returns that budget. */
export async function atRest(proxy: RunningProxy, user: string): Promise<BudgetRow> {
  for (;;) {
    const [first] = await budgets(proxy, user);
    if (first?.reserved_usd === '0.00') return first;
  }
}

/** Where the admin listener of the proxy on `<folder>/data` is. */
export const adminOf = (folder: string): string =>
  (JSON.parse(readFileSync(join(folder, 'data', 'proxy.json'), 'utf8')) as { admin: string }).admin;

export interface Started {
  readonly proxy: RunningProxy;
  readonly folder: string;
  readonly chat: (user: string, body: object) => Promise<Answer>;
  readonly restart: () => Promise<Started>;
  /** Puts other members of `budget` in force, as whoever edits the file and reloads it does. */
  readonly reload: (budget: string) => Promise<void>;
}

/** A proxy with a budget, in a folder of its own. */
export async function started(
  t: Test,
  parts: { providerUrl: string; budget: string; more?: string; folder?: string },
): Promise<Started> {
  const { folder = temporaryFolder(t) } = parts;
  const proxy = await startProxy(t, { folder, config: config({ ...parts, folder }) });
  return {
    proxy,
    folder,
    chat: (user, body) => post(`${proxy.url}/v1/chat/completions`, user, body),
    async restart() {
      t.equal(await proxy.end(), 0);
      return started(t, { ...parts, folder });
    },
    async reload(budget) {
      writeFileSync(join(folder, 'config.yaml'), config({ ...parts, folder, budget }));
      const { status } = await fetch(`${adminOf(folder)}/admin/reload`, { method: 'POST' });
      if (status !== 200) throw new Error(`a reload is answered with ${status}`);
    },
  };
}

export const alertLines = (folder: string): string[] =>
  readFileSync(join(folder, 'alerts.log'), 'utf8').trimEnd().split('\n');
