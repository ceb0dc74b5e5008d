// The ledger looked at once more: at other prices, against other caps.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { repriced, repricedJson, renderRepriced } from '../../src/cli/reprice.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { Journal } from '../../src/ledger/journal.js';
import { PriceTable } from '../../src/pricing/table.js';
import { run, temporaryFolder } from '../flow/harness.js';
import { budgetOf, NOON_MS, reserveOf, settleOf } from '../ledger/samples.js';
import { configOf, model, perMillion, provider } from '../pricing/prices.js';

const DAY = { from: 20260325, to: 20260325 } as const;

/** Three requests of a thousand tokens each way, booked at ten cents each. */
async function books(storagePath: string): Promise<void> {
  const keeper = new Bookkeeper({
    storagePath,
    budget: budgetOf(),
    channels: [],
    onAlerts: () => undefined,
  });
  keeper.start(NOON_MS);
  const journal = new Journal({
    directory: join(storagePath, 'journal'),
    journalId: keeper.nextJournalId(),
    durability: 'process',
  });
  const usage = { ...NO_USAGE, inputTokens: 1_000, outputTokens: 1_000 };
  const cost = nano(100_000_000n);
  const amount = cost;
  for (const [index, name] of ['gpt-4', 'gone', 'gpt-4'].entries()) {
    const timeMs = NOON_MS + index * 60_000;
    const id = journal.reserve(reserveOf({ user: `user-${index}`, model: name, timeMs, amount }));
    journal.settle(settleOf(id, { timeMs: timeMs + 1_000, usage, cost }));
  }
  journal.close();
  keeper.drained(NOON_MS);
  await keeper.close();
}

t.test('tells what a period would cost at the prices of today', async (t) => {
  const storagePath = t.testdir();
  await books(storagePath);
  const own = { inputPrice: perMillion('30'), outputPrice: perMillion('60') };
  const prices = new PriceTable(configOf([provider('openai')], [model('gpt-4', own)]));
  const result = await repriced(storagePath, { by: 'model', ...DAY }, prices);
  t.match(repricedJson(result), {
    rows: [
      {
        model: 'gpt-4',
        requests: 2,
        cost_usd: '0.20',
        repriced_usd: '0.18',
        difference_usd: '-0.02',
      },
      { model: 'gone', requests: 1, cost_usd: '0.10', repriced_usd: '0.10' },
    ],
    total_usd: '0.30',
    repriced_total_usd: '0.28',
    kept_requests: 1,
  });
  t.match(
    renderRepriced(result),
    /gpt-4 +2 +\$0\.20 +\$0\.18 +-\$0\.02\n.*\n.*total +3 .*\n⚠ 1 requests keep/,
  );
});

t.test('simulate tells who would have been rejected, and when', async (t) => {
  const folder = temporaryFolder(t);
  const file = join(folder, 'config.yaml');
  writeFileSync(
    file,
    `storage: { path: ${folder}/data }
providers: { openai: { type: openai, api_key: k } }
models:
  gpt-4:
    { provider: openai, estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6 }
`,
  );
  await books(join(folder, 'data'));
  const since = ['--config', file, '--since', '2026-03-25'];
  const replayed = await run(['simulate', ...since, '--daily-limit', '$0.20']);
  t.equal(replayed.code, 0, replayed.stderr);
  t.match(
    replayed.stdout,
    /2026-03-25 +user-2 +1 +\$0\.10 +2026-03-25T12:02:00Z +everyone, daily\n1 of 3 requests/,
  );
});
