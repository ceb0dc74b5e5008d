// Prices that change under a proxy at work, by the command line as a user has it.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { syncPricingCommand } from '../../src/cli/sync-pricing.js';
import { startMock } from '../../src/mock/provider.js';
import { listOf } from '../pricing/price-server.js';
import { post, run, startProxy, temporaryFolder } from './harness.js';

const MILLION = { latencyMs: 50, inputTokens: 1_000, outputTokens: 1_000, errorStatus: null };

interface Line {
  readonly price_version: string;
  readonly cost_usd: string;
}

t.test('each request is billed at exactly one version, which the ledger names', async (t) => {
  const mock = await startMock({ behaviour: MILLION });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const config = `
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  mine: { type: openai, base_url: "${mock.url}/v1", api_key: sk-test }
models:
  gpt-4o-mini: { provider: mine }
  own:
    provider: mine
    upstream_model: gpt-4o-mini
    estimated_input_cost_per_1k: 1
    estimated_output_cost_per_1k: 1
`;
  const proxy = await startProxy(t, { folder, config, workers: 2 });
  const costs: Record<string, number> = {};
  const stopping = new AbortController();
  const waiting = new Map<number, () => void>();
  const loop = async (model: string): Promise<void> => {
    while (!stopping.signal.aborted) {
      const body = { model, max_tokens: 1_000, messages: [{ role: 'user', content: 'Hi' }] };
      const { json } = await post(`${proxy.url}/v1/chat/completions`, 'alice', body);
      const cost = json['request_cost_cents'] as number;
      costs[cost] = (costs[cost] ?? 0) + 1;
      waiting.get(cost)?.();
    }
  };
  const reached = (cost: number) => new Promise<void>((resolve) => waiting.set(cost, resolve));
  const bundled = reached(0.075);
  const loops = [loop('gpt-4o-mini'), loop('gpt-4o-mini'), loop('own')];
  await bundled;

  const list = join(folder, 'list.json');
  const sync = async (input: number, output: number, ...flags: string[]) => {
    writeFileSync(list, JSON.stringify(listOf({ 'gpt-4o-mini': [input, output] })));
    return run(['sync-pricing', '-c', join(folder, 'config.yaml'), '--source', list, ...flags]);
  };
  const dearer = reached(0.15);
  const stored = await sync(0.3, 1.2, '--provider', 'mine');
  t.equal(stored.code, 0, stored.stderr);
  t.match(stored.stdout, /gpt-4o-mini +\$0\.15 → \$0\.30 +\$0\.60 → \$1\.20/);
  t.match(stored.stdout, /⚠ models\.own: the config's own price wins, \$10\.00 and \$10\.00/);
  t.match(stored.stdout, /✓ Stored as (list\.json@\S+) \(mine only\);/);
  const version = /Stored as (\S+) /.exec(stored.stdout)?.[1] ?? '';
  await dearer;

  const refused = await sync(30, 120, '--json');
  t.equal(refused.code, 1);
  t.match(JSON.parse(refused.stdout), {
    stored: false,
    problems: ['openai/gpt-4o-mini: input from $0.30/M to $30.00/M', /output from/],
  });

  stopping.abort();
  await Promise.all(loops);
  t.equal(await proxy.end(), 0);
  t.same(Object.keys(costs).toSorted(), ['0.075', '0.15', '2'], 'no other cost was ever billed');

  const { stdout } = await run(['ledger', 'export', '-c', join(folder, 'config.yaml')]);
  const seen: Record<string, string[]> = {};
  for (const line of stdout.trim().split('\n')) {
    const { price_version: name, cost_usd: cost } = JSON.parse(line) as Line;
    seen[name] = [...new Set([...(seen[name] ?? []), cost])];
  }
  const bundledName = Object.keys(seen).find((name) => name.startsWith('bundled@')) ?? '';
  t.same(seen, { [bundledName]: ['0.00075'], [version]: ['0.0015'], config: ['0.02'] });
});

t.test('sync-pricing tells by its exit code what went wrong', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'config.yaml');
  const providers = 'providers: { openai: { type: openai, api_key: "k" } }';
  writeFileSync(file, `storage: { path: ${folder}/data }\n${providers}\n`);
  const gone = await run(['sync-pricing', '-c', file, '--source', join(folder, 'none.json')]);
  t.equal(gone.code, 3);
  t.match(gone.stderr, /✗ Prices cannot be had from .*none\.json/);
  await t.rejects(syncPricingCommand({ config: file, source: 'lite-llm' }), {
    code: 'bad_usage',
    message: /--source: found "lite-llm", expected bundled, models\.dev, litellm/,
  });
});
