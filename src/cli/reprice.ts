// `tokenpak spend --reprice`: what the requests of a period would cost at the prices of today.

import { dollars, nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import type { Entry } from '../ledger/entry.js';
import { exportEntries } from '../ledger/export.js';
import { dayText, type SpendBy, type SpendQuery } from '../ledger/spend.js';
import { costOf } from '../pricing/cost.js';
import type { PriceTable } from '../pricing/table.js';
import { columnsOf, plainName } from './table.js';

interface RepricedRow {
  readonly name: string;
  requests: number;
  cost: NanoUsd;
  repriced: NanoUsd;
}

export interface Repriced {
  readonly query: SpendQuery;
  readonly version: string;
  /** The dearest first. */
  readonly rows: readonly RepricedRow[];
  /** Requests without usage, or whose model has no price any more: they keep their cost. */
  readonly kept: number;
}

export async function repriced(
  storagePath: string,
  query: SpendQuery,
  prices: PriceTable,
): Promise<Repriced> {
  const rows = new Map<string, RepricedRow>();
  let kept = 0;
  const add = (entry: Entry): void => {
    if (entry.kind !== 'settle') return;
    const name = nameOf(entry, query.by);
    const row = rows.get(name) ?? { name, requests: 0, cost: ZERO_USD, repriced: ZERO_USD };
    const cost = costToday(entry, prices);
    if (cost === null) kept += 1;
    row.requests += 1;
    row.cost = nano(row.cost + entry.cost);
    row.repriced = nano(row.repriced + (cost ?? entry.cost));
    rows.set(name, row);
  };
  await exportEntries(storagePath, add, { from: query.from, to: query.to });
  const sorted = [...rows.values()].toSorted((a, b) =>
    query.by === 'day' || a.cost === b.cost ? (a.name < b.name ? -1 : 1) : a.cost > b.cost ? -1 : 1,
  );
  return { query, version: prices.version, rows: sorted, kept };
}

function nameOf({ reserve }: Entry, by: SpendBy): string {
  return by === 'day' ? dayText(reserve.date) : reserve[by];
}

/** `null`: nobody saw what it used, or nobody knows what that costs. */
function costToday({ source, usage, reserve }: Entry, prices: PriceTable): NanoUsd | null {
  const model = source === 'unsettled' ? null : prices.find(reserve.model);
  return typeof model === 'object' && model !== null ? costOf(model.price, usage) : null;
}

const totalOf = (rows: readonly RepricedRow[], sum: 'cost' | 'repriced'): NanoUsd =>
  nano(rows.reduce((all, row) => all + row[sum], 0n));

export function renderRepriced({ query, rows, version, kept }: Repriced): string {
  const range = [...new Set([query.from, query.to].map(dayText))].join(' … ');
  const title = `Spend of ${range} at the prices of today (the config's, else ${version})`;
  if (rows.length === 0) return `${title}: nothing yet\n`;
  const cells = ({ name, requests, cost, repriced: today }: RepricedRow): string[] => {
    const more = nano(today - cost);
    const change = more === 0n ? '–' : `${more > 0n ? '+' : ''}${dollars(more)}`;
    return [plainName(name), String(requests), dollars(cost), dollars(today), change];
  };
  const total = {
    name: 'total',
    requests: rows.reduce((all, row) => all + row.requests, 0),
    cost: totalOf(rows, 'cost'),
    repriced: totalOf(rows, 'repriced'),
  };
  const head = [query.by, 'requests', 'booked', 'today', 'difference'];
  const lines = [title, ...columnsOf([head, ...rows.map(cells), cells(total)])];
  if (kept > 0) lines.push(`⚠ ${kept} requests keep their cost: no usage, or no price any more`);
  return `${lines.join('\n')}\n`;
}

export const repricedJson = ({ query, rows, version, kept }: Repriced): object => ({
  price_version: version,
  rows: rows.map(({ name, requests, cost, repriced: today }) => ({
    [query.by]: name,
    requests,
    cost_usd: usdText(cost),
    repriced_usd: usdText(today),
    difference_usd: usdText(nano(today - cost)),
  })),
  total_usd: usdText(totalOf(rows, 'cost')),
  repriced_total_usd: usdText(totalOf(rows, 'repriced')),
  kept_requests: kept,
});
