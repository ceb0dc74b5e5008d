// The ledger against an invoice, by the command line, beside a proxy that runs and without one.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { reconcileCommand } from '../../src/cli/reconcile-spend.js';
import { localDate, utcStart } from '../../src/kernel/calendar.js';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { Journal } from '../../src/ledger/journal.js';
import { spend } from '../../src/ledger/spend.js';
import { verify } from '../../src/ledger/verify.js';
import { lastFinalDay } from '../../src/reconcile/reconcile.js';
import { budgetOf, reserveOf, settleOf } from '../ledger/samples.js';
import { costServer, serveOpenAi } from '../reconcile/cost-server.js';
import { run, startProxy, temporaryFolder } from './harness.js';
import { budgets } from './setup.js';

const DAY = lastFinalDay(Date.now());
const NOON_MS = utcStart(DAY) + 12 * 3_600_000;
const DAY_TEXT = new Date(NOON_MS).toISOString().slice(0, 10);

/** Two requests of $1.80 each, on the last day that is final. */
async function bookDay(storagePath: string): Promise<void> {
  const keeper = new Bookkeeper({
    storagePath,
    budget: budgetOf(),
    channels: [],
    onAlerts: () => undefined,
  });
  keeper.start(NOON_MS);
  const directory = join(storagePath, 'journal');
  const journal = new Journal({
    directory,
    journalId: keeper.nextJournalId(),
    durability: 'process',
  });
  for (const _ of [1, 2]) {
    const id = journal.reserve(reserveOf({ timeMs: NOON_MS, date: DAY }));
    const usage = { ...NO_USAGE, inputTokens: 20_000, outputTokens: 20_000 };
    journal.settle(settleOf(id, { timeMs: NOON_MS, usage }));
  }
  journal.close();
  keeper.drained(NOON_MS);
  await keeper.close();
}

/** The invoice has the same tokens, at prices a ninth higher. */
const invoiceOf = (input: number, output: number) => ({
  [DAY]: {
    costs: { 'gpt-4-0613, input_tokens': input, 'gpt-4-0613, output_tokens': output },
    usage: {
      'gpt-4-0613': {
        input_tokens: 40_000,
        output_tokens: 40_000,
        num_model_requests: 2,
      },
    },
  },
});

async function setting(t: Test) {
  const costs = await costServer(t);
  const folder = temporaryFolder(t);
  const storage = join(folder, 'data');
  const config = `
storage: { path: ${storage} }
alerts: { log_file: ${folder}/alerts.log }
reconcile: { interval_minutes: 0 }
budget: { monthly_limit_cents: 100000 }
providers:
  openai: { type: openai, base_url: "${costs.url}/v1", api_key: k, admin_key: sk-admin-test }
models: { gpt-4: { provider: openai } }
`;
  writeFileSync(join(folder, 'config.yaml'), config);
  await bookDay(storage);
  const verb = (...args: string[]) => run([...args, '--config', join(folder, 'config.yaml')]);
  return { costs, folder, config, verb };
}

t.test('finds drift, explains it, and books it once, by the cent', async (t) => {
  const { costs, folder, config, verb } = await setting(t);
  serveOpenAi(costs, invoiceOf(1.3, 2.7));
  const proxy = await startProxy(t, { folder, config });
  const monthly = async (): Promise<string> => {
    const rows = await budgets(proxy, 'alice');
    return (
      rows.find(({ scope, window }) => scope === 'global' && window === 'monthly')?.spent_usd ?? ''
    );
  };
  const isThisMonth = Math.floor(localDate(Date.now(), 'UTC') / 100) === Math.floor(DAY / 100);
  t.equal(await monthly(), isThisMonth ? '3.60' : '0.00');

  const found = await verb('reconcile-spend', '--provider', 'openai');
  t.equal(found.code, 1, found.stderr);
  t.match(found.stdout, new RegExp(`${DAY_TEXT} +\\$3\\.60 +\\$4\\.00 +\\+\\$0\\.40 +10\\.0% ✗`));
  t.match(found.stdout, /\+\$0\.40 gpt-4-0613: billed at other prices than the ledger has/);
  t.match(found.stdout, /✗ 1 of 7 days differ by more than 0\.5%/);

  const booked = await verb('reconcile-spend', '--apply', '--json');
  t.equal(booked.code, 0, booked.stderr);
  t.match(JSON.parse(booked.stdout), {
    drift: true,
    booked: [{ provider: 'openai', day: DAY_TEXT, added_usd: '0.40' }],
  });
  t.equal(await monthly(), isThisMonth ? '4.00' : '0.00', 'everyone’s budget moves at once');

  const again = await verb('reconcile-spend', '--apply');
  t.equal(again.code, 0);
  t.match(again.stdout, new RegExp(`${DAY_TEXT} +\\$3\\.60 +\\+\\$0\\.40 +\\$4\\.00 +–`));
  t.match(again.stdout, /✓ Nothing to book: ledger and invoices agree/);
  t.equal(await monthly(), isThisMonth ? '4.00' : '0.00');

  const by = { by: 'user', from: DAY, to: DAY } as const;
  const { rows } = await spend(join(folder, 'data'), by);
  t.match(rows, [{ name: 'user-a' }, { name: '', cost: 400_000_000n }]);
  t.equal(await proxy.end(), 0);

  serveOpenAi(costs, invoiceOf(1.2, 2.4));
  const lowered = await verb('reconcile-spend', '--apply');
  t.match(
    lowered.stdout,
    new RegExp(`✓ openai ${DAY_TEXT}: -\\$0\\.40 booked`),
    'without a proxy too',
  );
  t.match(await verify(join(folder, 'data')), { entries: 4, problems: { length: 0 } });
});

t.test('says which key is missing', async (t) => {
  const config = join(temporaryFolder(t), 'config.yaml');
  const withKey = (key: string) => `providers: { openai: { type: openai, api_key: k${key} } }`;
  writeFileSync(config, withKey(''));
  const missing = await run(['reconcile-spend', '--provider', 'openai', '-c', config]);
  t.equal(missing.code, 2);
  t.match(missing.stderr, /✗ providers\.openai\.admin_key: is missing: set it to an admin key/);
  writeFileSync(config, withKey(', admin_key: "${NO_SUCH}"'));
  await t.rejects(reconcileCommand({ config }), {
    code: 'bad_config',
    message: /admin_key.*environment variable NO_SUCH is not set/,
  });
});
