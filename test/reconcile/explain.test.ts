// Drift of each kind is named, and the parts add up to the difference to the nano-dollar.

import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import { NO_COUNTS } from '../../src/kernel/usage.js';
import type { UtcTotals } from '../../src/ledger/utc-totals.js';
import { type Cause, explain } from '../../src/reconcile/explain.js';
import { Report, type TokenClass } from '../../src/reconcile/report.js';

const DAY = 20260325;
const CENT = 10_000_000n;

/** A thousand requests of 20 input and 20 output tokens each: $3 and $6 a thousand tokens. */
const booked = (changes: Partial<UtcTotals> = {}): UtcTotals => ({
  utcDate: DAY,
  provider: 'openai',
  model: 'gpt-4',
  requests: 1_000,
  cost: nano(18_000n * CENT),
  estimated: 0,
  estimatedCost: nano(0n),
  usage: { ...NO_COUNTS, inputTokens: 20_000, outputTokens: 20_000 },
  ...changes,
});

interface Billed {
  readonly model?: string;
  readonly requests?: number;
  /** Tokens and dollars by class. */
  readonly classes: Partial<Record<TokenClass, readonly [number, bigint]>>;
}

const SAME: Billed['classes'] = { input: [20_000, 6_000n], output: [20_000, 12_000n] };

function invoice(...rows: readonly Billed[]): Report {
  const report = new Report();
  for (const { model = 'gpt-4', requests, classes } of rows) {
    for (const [name, [count, cents]] of Object.entries(classes)) {
      const tokenClass = name as TokenClass;
      report.add({ utcDate: DAY, model, tokenClass, cost: nano(cents * CENT) });
      report.add({ utcDate: DAY, model, tokens: { [tokenClass]: count } });
    }
    if (requests !== undefined) report.add({ utcDate: DAY, model, requests });
  }
  return report;
}

const canonical = (model: string): string => model.replace('-0613', '');

function causes(report: Report, rows: readonly UtcTotals[]): [Cause, string, bigint][] {
  const day = report.day(DAY);
  const parts = explain(day, rows, canonical);
  const sum = parts.reduce((all, { amount }) => all + amount, 0n);
  const ledger = rows.reduce((all, { cost }) => all + cost, 0n);
  t.equal(sum, day.cost - ledger, 'the parts add up');
  return parts.map(({ cause, model, amount }) => [cause, model, amount / CENT]);
}

t.test('what agrees needs no explanation, whatever the model is called', async (t) => {
  t.same(causes(invoice({ model: 'gpt-4-0613', requests: 1_000, classes: SAME }), [booked()]), []);
  const halves = { input: [10_000, 3_000n], output: [10_000, 6_000n] } as const;
  const two = invoice({ model: 'gpt-4-0613', classes: halves }, { classes: halves });
  t.same(causes(two, [booked()]), []);
});

t.test('price', async (t) => {
  const classes = { input: [20_000, 6_600n], output: [20_000, 12_000n] } as const;
  t.same(causes(invoice({ classes }), [booked()]), [['price', 'gpt-4', 600n]]);
});

t.test('missing at the provider', async (t) => {
  const none = new Report();
  t.same(causes(none, [booked()]), [['missing_at_provider', 'gpt-4', -18_000n]]);
  const half = { input: [10_000, 3_000n], output: [10_000, 6_000n] } as const;
  const named = [['missing_at_provider', 'gpt-4', -9_000n]];
  t.same(causes(invoice({ classes: half, requests: 500 }), [booked()]), named);
  t.same(causes(invoice({ classes: half }), [booked()]), named, 'told by the tokens alone');
});

t.test('missing in the ledger', async (t) => {
  const other = invoice({ classes: SAME }, { model: 'gpt-4o', classes: { output: [5, 5n] } });
  t.same(causes(other, [booked()]), [['missing_in_ledger', 'gpt-4o', 5n]]);
  const more = { input: [40_000, 12_000n], output: [40_000, 24_000n] } as const;
  const named = [['missing_in_ledger', 'gpt-4', 18_000n]];
  t.same(causes(invoice({ classes: more, requests: 2_000 }), [booked()]), named);
  t.same(causes(invoice({ classes: more }), [booked()]), named);
});

t.test('token class', async (t) => {
  const classes = {
    input: [10_000, 3_000n],
    cached: [10_000, 1_500n],
    output: [20_000, 12_000n],
  } as const;
  t.same(causes(invoice({ classes, requests: 1_000 }), [booked()]), [
    ['token_class', 'gpt-4', -1_500n],
  ]);
});

t.test('estimated settlements', async (t) => {
  const unsure = booked({ estimated: 10, estimatedCost: nano(400n * CENT) });
  const classes = { input: [20_000, 6_000n], output: [19_700, 11_820n] } as const;
  for (const requests of [1_000, 995, undefined]) {
    const report = invoice({ classes, ...(requests !== undefined && { requests }) });
    t.same(causes(report, [unsure]), [['estimated', 'gpt-4', -180n]]);
  }
  const fewer = invoice({ classes, requests: 900 });
  t.match(causes(fewer, [unsure]), [['missing_at_provider']], 'more than the estimates');
});

t.test('rounding', async (t) => {
  const report = invoice({ classes: SAME });
  report.add({ utcDate: DAY, model: 'gpt-4', tokenClass: 'input', cost: nano(-4_999_999n) });
  t.match(causes(report, [booked()]), [['rounding', 'gpt-4']]);
});

t.test('several causes on one day, each by itself, the largest first', async (t) => {
  const report = invoice(
    { classes: { input: [30_000, 9_900n], output: [30_000, 18_000n] }, requests: 1_500 },
    { model: 'gpt-4o', classes: { output: [1, 1n] } },
  );
  report.add({ utcDate: DAY, model: null, cost: nano(70n * CENT) });
  t.same(causes(report, [booked()]), [
    ['missing_in_ledger', 'gpt-4', 9_300n],
    ['price', 'gpt-4', 600n],
    ['unexplained', '', 70n],
    ['missing_in_ledger', 'gpt-4o', 1n],
  ]);
});

t.test('a report of costs alone claims no cause that it does not show', async (t) => {
  const report = new Report();
  report.add({ utcDate: DAY, model: 'gpt-4', cost: nano(20_000n * CENT) });
  t.same(causes(report, [booked()]), [['unexplained', 'gpt-4', 2_000n]]);
});
