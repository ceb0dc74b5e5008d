// `tokenpak spend`: what was spent, as a table with bars against the caps, as CSV or as JSON.

import { createColors } from 'picocolors';
import type { BudgetConfig } from '../config/config.js';
import { limitsOf } from '../config/limits.js';
import { dollars, type NanoUsd, usdText } from '../kernel/money.js';
import { inputOf, outputOf } from '../kernel/usage.js';
import { dayText, type SpendResult, type SpendRow } from '../ledger/spend.js';
import { columnsOf, plainName } from './table.js';

export interface SpendLook {
  readonly budget: BudgetConfig;
  readonly color: boolean;
  /** Of the terminal. */
  readonly columns: number;
}

const BAR_CELLS = 20;
/** The row of what invoices corrected, which know neither user nor model. */
const ADJUSTMENTS = '(adjustments)';

/** A table for people; its last line is the total against the global cap. */
export function renderSpend(result: SpendResult, look: SpendLook): string {
  const { query, rows, total } = result;
  const range = [query.from, query.to].map(dayText);
  const title = range[0] === range[1] ? `Spend of ${range[0]}` : `Spend of ${range.join(' … ')}`;
  if (rows.length === 0) return `${title}: nothing yet\n`;
  const oneDay = query.from === query.to;
  const table = rows.map((row) => cells(row, capOf(result, row, look.budget, oneDay), look));
  const limit = oneDay ? limitsOf(look.budget, null).daily : null;
  const sum = { name: 'total', requests: rows.reduce((all, row) => all + row.requests, 0) };
  const last = [
    sum.name,
    String(sum.requests),
    '',
    '',
    dollars(total),
    barText(total, limit, look),
  ];
  const head = [query.by, 'requests', 'input', 'output', 'cost', ''];
  const lines = [`${title} (${look.budget.timezone})`, ...columnsOf([head, ...table, last])];
  const unsure = rows.reduce((all, row) => all + row.estimated + row.unsettled, 0);
  if (unsure > 0) lines.push(`⚠ ${unsure} requests at an estimate: their usage never came`);
  return `${lines.join('\n')}\n`;
}

/** The same rows for a spreadsheet. */
export function spendCsv({ query, rows }: SpendResult): string {
  const lines = [`${query.by},requests,input_tokens,output_tokens,cost_usd`];
  for (const { name, requests, usage, cost } of rows) {
    lines.push(
      [csvText(name || ADJUSTMENTS), requests, inputOf(usage), outputOf(usage), usdText(cost)].join(
        ',',
      ),
    );
  }
  return `${lines.join('\n')}\n`;
}

/** The day's cap that a row runs against: a user's own, or everyone's for one day. */
function capOf(
  { query }: SpendResult,
  row: SpendRow,
  budget: BudgetConfig,
  oneDay: boolean,
): NanoUsd | null {
  if (query.by === 'day') return limitsOf(budget, null).daily;
  return query.by === 'user' && oneDay ? limitsOf(budget, row.name).daily : null;
}

function cells(row: SpendRow, cap: NanoUsd | null, look: SpendLook): string[] {
  const { usage } = row;
  const input = inputOf(usage).toLocaleString('en-US');
  const output = outputOf(usage).toLocaleString('en-US');
  const bar = barText(row.cost, cap, look);
  const name = plainName(row.name) || ADJUSTMENTS;
  return [name, String(row.requests), input, output, dollars(row.cost), bar];
}

/** `██████░░░░  60% of $3.00`; empty without a cap. */
function barText(spent: NanoUsd, cap: NanoUsd | null, { color, columns }: SpendLook): string {
  if (cap === null) return '';
  if (columns < 80) return shareText(spent, cap);
  return capBar(spent, cap, color);
}

const permilleOf = (spent: NanoUsd, cap: NanoUsd): bigint => {
  if (cap === 0n) return spent > 0n ? 1000n : 0n;
  return (spent * 1000n) / cap;
};

const shareText = (spent: NanoUsd, cap: NanoUsd): string =>
  `${permilleOf(spent, cap) / 10n}% of ${dollars(cap)}`;

/** `██████░░░░  60% of $3.00`, red when it is all gone. */
export function capBar(spent: NanoUsd, cap: NanoUsd, color: boolean): string {
  const permille = permilleOf(spent, cap);
  const full = Math.min(BAR_CELLS, Number((permille * BigInt(BAR_CELLS)) / 1000n));
  const colors = createColors(color);
  const paint = permille >= 1000n ? colors.red : permille >= 800n ? colors.yellow : colors.green;
  return `${paint('█'.repeat(full))}${'░'.repeat(BAR_CELLS - full)} ${shareText(spent, cap)}`;
}

/** Quoted where it must be, and never a formula when a spreadsheet opens it. */
function csvText(text: string): string {
  const harmless = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless;
}
