import t from 'tap';
import { renderSpend, spendCsv } from '../../src/cli/spend.js';
import { nano } from '../../src/kernel/money.js';
import { NO_USAGE } from '../../src/kernel/usage.js';
import type { SpendResult, SpendRow } from '../../src/ledger/spend.js';
import { budgetOf } from '../ledger/samples.js';

const row = (name: string, cents: bigint): SpendRow => ({
  name,
  requests: 2,
  usage: { ...NO_USAGE, inputTokens: 30_000, cachedInputTokens: 10_000, outputTokens: 40_000 },
  cost: nano(cents * 10_000_000n),
  estimated: 0,
  unsettled: 0,
});

const result = (rows: SpendRow[]): SpendResult => ({
  query: { by: 'user', from: 20260325, to: 20260325 },
  rows,
  total: nano(rows.reduce((sum, { cost }) => sum + cost, 0n)),
  faults: [],
});

const LOOK = { budget: budgetOf(), color: false, columns: 100 };

t.test('draws each user against their own cap and the total against everyone’s', async (t) => {
  t.equal(
    renderSpend(result([row('user-a', 360n), row('user-x', 140n)]), LOOK),
    [
      'Spend of 2026-03-25 (UTC)',
      'user    requests   input  output   cost',
      'user-a         2  40,000  40,000  $3.60  ████████████████████ 120% of $3.00',
      'user-x         2  40,000  40,000  $1.40',
      'total          4                  $5.00  ██████████░░░░░░░░░░ 50% of $10.00',
      '',
    ].join('\n'),
  );
});

t.test('says so when nothing was spent', async (t) => {
  t.equal(renderSpend(result([]), LOOK), 'Spend of 2026-03-25: nothing yet\n');
});

t.test('no name steers a terminal or starts a formula', async (t) => {
  const evil = result([row('=1+1\u001B[31m,"x"', 1n)]);
  t.notMatch(renderSpend(evil, LOOK), '\u001B');
  t.match(spendCsv(evil), `"'=1+1\u001B[31m,""x""",2,40000,40000,0.01`);
});

t.test('colours only when it is told to', async (t) => {
  const rows = result([row('user-a', 360n)]);
  t.notMatch(renderSpend(rows, LOOK), '\u001B');
  t.match(renderSpend(rows, { ...LOOK, color: true }), '\u001B[31m');
});
