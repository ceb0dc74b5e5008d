import { join } from 'node:path';
import t from 'tap';
import type { AlertEvent } from '../../src/kernel/alert.js';
import { nano } from '../../src/kernel/money.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { exportedEntry, exportEntries } from '../../src/ledger/export.js';
import { verify } from '../../src/ledger/verify.js';
import { Journal } from '../../src/ledger/journal.js';
import { withSnapshot } from '../../src/ledger/snapshot.js';
import { spend, spendJson, utcTotalsOf } from '../../src/ledger/spend.js';
import {
  budgetOf,
  delivered,
  FAR_MS,
  LOG,
  NOON_MS,
  readJournal,
  reserveOf,
  settleOf,
} from './samples.js';

const DAY = { from: 20260325, to: 20260325 } as const;
const DAYS = { utcDate: 20260325, date: 20260325 } as const;
const openAi = (amount: bigint) => ({ ...DAYS, provider: 'openai', amount: nano(amount) });

/** A bookkeeper of two settled requests, $1.80 each, of which one is an estimate. */
function keeperOf(storagePath: string): { keeper: Bookkeeper; alerts: () => AlertEvent[] } {
  const onAlerts = (): void => undefined;
  const keeper = new Bookkeeper({ storagePath, budget: budgetOf(), channels: [LOG], onAlerts });
  keeper.start(NOON_MS);
  const journal = new Journal({
    directory: join(storagePath, 'journal'),
    journalId: keeper.nextJournalId(),
    durability: 'process',
  });
  journal.settle(settleOf(journal.reserve(reserveOf())));
  const evening = { timeMs: NOON_MS + 12 * 3_600_000, model: 'gpt-4o' };
  journal.settle(settleOf(journal.reserve(reserveOf(evening)), { source: 'estimated' }));
  journal.close();
  keeper.drained(NOON_MS);
  const alerts = () => keeper.alerts.dueAlerts('log', FAR_MS, 100).alerts.map(({ event }) => event);
  const earlier = alerts().map(({ eventId }) => delivered(eventId));
  keeper.alerts.attempted('log', earlier);
  return { keeper, alerts };
}

const utcRows = async (storagePath: string): Promise<object[] | null> =>
  withSnapshot(storagePath, (snapshot) =>
    [...utcTotalsOf(snapshot, 0, 99_999_999)].map((row) => [
      row.utcDate,
      row.model,
      row.requests,
      row.cost,
      row.estimatedCost,
      row.usage.inputTokens,
    ]),
  );

t.test('adds entries up by the UTC day in which each request began', async (t) => {
  const storagePath = t.testdir();
  await keeperOf(storagePath).keeper.close();
  t.same(await utcRows(storagePath), [
    [20260325, 'gpt-4', 1, 1_800_000_000n, 0n, 20_000],
    [20260326, 'gpt-4o', 1, 1_800_000_000n, 1_800_000_000n, 20_000],
  ]);
});

t.test('a correction comes back from a journal as it was written', async (t) => {
  const directory = t.testdir();
  const journal = new Journal({ directory, journalId: 3, durability: 'process' });
  journal.adjust({ ...openAi(-5n), timeMs: NOON_MS });
  journal.close();
  t.same(readJournal(directory, 3).records, [
    { kind: 'adjust', adjustmentId: (3n << 40n) | 1n, timeMs: NOON_MS, ...openAi(-5n) },
  ]);
});

t.test('a correction is booked once, however often it is applied', async (t) => {
  const storagePath = t.testdir();
  const { keeper } = keeperOf(storagePath);
  const settled = (): bigint[] => keeper.balances(20260325).map((balance) => balance.settled);
  const before = settled();
  t.match(keeper.adjust([openAi(70n)], NOON_MS), [{ added: 70n }]);
  t.match(keeper.adjust([openAi(70n)], NOON_MS), [{ added: 0n }]);
  t.match(keeper.adjust([openAi(50n)], NOON_MS), [{ added: -20n }], 'to a new amount');
  t.same(
    settled(),
    before.map((sum, index) => (index % 2 === 0 ? sum + 50n : sum)),
    "everyone's budgets move, no user's does",
  );
  t.equal(keeper.status(20260325, NOON_MS).entries, 4);
  await keeper.close();
  t.match(await verify(storagePath), { entries: 4, problems: { length: 0 } });
});

t.test('a correction shows in spend and export, of nobody', async (t) => {
  const storagePath = t.testdir();
  const { keeper } = keeperOf(storagePath);
  keeper.adjust([openAi(400_000_000n)], NOON_MS);
  await keeper.close();
  t.match(spendJson(await spend(storagePath, { by: 'user', ...DAY })), {
    rows: [
      { user: 'user-a', cost_usd: '3.60', requests: 2 },
      { user: null, cost_usd: '0.40', requests: 0 },
    ],
    total_usd: '4.00',
  });
  t.match(spendJson(await spend(storagePath, { by: 'provider', ...DAY })), {
    rows: [{ provider: 'openai', cost_usd: '4.00', requests: 2 }],
  });
  const lines: string[] = [];
  await exportEntries(storagePath, (entry) => lines.push(JSON.stringify(exportedEntry(entry))));
  t.match(
    lines
      .map((line) => JSON.parse(line) as object)
      .find((entry) => 'kind' in entry && entry.kind === 'adjust'),
    { kind: 'adjust', user: null, model: null, provider: 'openai', cost_usd: '0.40' },
  );
});

t.test('a correction that passes a threshold raises its alert', async (t) => {
  const { keeper, alerts } = keeperOf(t.testdir());
  keeper.adjust([openAi(4_400_000_000n)], NOON_MS);
  t.match(
    alerts().map(({ budget }) => [budget?.scope, budget?.thresholdPct, budget?.spent]),
    new Set([
      ['global', 50, 8_000_000_000n],
      ['global', 80, 8_000_000_000n],
    ]),
  );
  await keeper.close();
});
