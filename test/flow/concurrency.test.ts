import { readFileSync } from 'node:fs';
import t from 'tap';
import { Agent, request } from 'undici';
import { startMock } from '../../src/mock/provider.js';
import { startProxy, temporaryFolder } from './harness.js';

const REQUESTS = 500;
const FITTING = 50;
/** 20 input tokens at 3 cents and 1,000 output tokens at 6 cents the thousand: 6.06 cents. */
const COST_NANO = 20n * 30_000n + 1_000n * 60_000n;

for (const workers of [1, 2, 8]) {
  t.test(`${workers} workers, 500 at once, a cap for 50: the bill stays under it`, async (t) => {
    const mock = await startMock({
      behaviour: { latencyMs: 100, inputTokens: 20, outputTokens: 1000, errorStatus: null },
    });
    t.teardown(() => mock.close());
    const folder = temporaryFolder(t);
    const proxy = await startProxy(t, {
      folder,
      workers,
      config: `
budget:
  enabled: true
  daily_limit_cents: ${Number(COST_NANO * BigInt(FITTING)) / 1e7}
  clamp_output: false
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai: { type: openai, base_url: "${mock.url}/v1", api_key: sk-test }
models:
  gpt-4:
    provider: openai
    estimated_input_cost_per_1k: 3
    estimated_output_cost_per_1k: 6
`,
    });
    const agent = new Agent({ connections: REQUESTS, pipelining: 1 });
    t.teardown(() => agent.close());
    const statuses = new Map<number, number>();
    await Promise.all(
      Array.from({ length: REQUESTS }, async () => {
        const answer = await request(`${proxy.url}/v1/chat/completions`, {
          dispatcher: agent,
          method: 'POST',
          headers: { authorization: 'Bearer ann' },
          body: JSON.stringify({
            model: 'gpt-4',
            max_tokens: 1000,
            messages: [{ role: 'user', content: 'Say something short.' }],
          }),
        });
        await answer.body.dump();
        statuses.set(answer.statusCode, (statuses.get(answer.statusCode) ?? 0) + 1);
      }),
    );
    const billed = BigInt(mock.bill().requests) * COST_NANO;
    t.ok(
      billed <= COST_NANO * BigInt(FITTING),
      `the provider billed ${mock.bill().requests} requests`,
    );
    t.ok((statuses.get(200) ?? 0) >= FITTING - 1, `served ${statuses.get(200)}`);
    t.same(
      [...statuses.keys()].filter((status) => ![200, 402, 429].includes(status)),
      [],
    );
    t.equal(statuses.get(200), mock.bill().requests, 'who was billed was served');
    t.equal(await proxy.end(), 0);
    const alerts = readFileSync(`${folder}/alerts.log`, 'utf8').trimEnd().split('\n');
    const events = alerts.map((line) => line.split(' ')[2]);
    t.equal(new Set(events).size, events.length, 'each alert is told once');
    t.ok(events.includes('budget_threshold_exceeded'));
  });
}
