// `tokenpak spend`: reads the books of a data directory, whether a proxy runs on it or not.

import type { Config } from '../config/config.js';
import { TokenPakError } from '../kernel/errors.js';
import { spend, type SpendBy, spendJson, type SpendQuery } from '../ledger/spend.js';
import { configFor } from './config.js';
import { dayOf } from './day.js';
import { isColored } from './print.js';
import { renderSpend, spendCsv } from './spend.js';

export interface SpendFlags {
  readonly config: string;
  readonly by: SpendBy;
  readonly since?: string;
  readonly until?: string;
  readonly csv?: boolean;
  readonly json?: boolean;
  readonly reprice?: boolean;
}

const COLUMNS_DEFAULT = 80;

export async function spendCommand(flags: SpendFlags): Promise<void> {
  const config = configFor(flags.config, { needsKeys: false });
  const { budget, storage } = config;
  const until = dayOf(flags.until, budget.timezone);
  const since = flags.since === undefined ? until : dayOf(flags.since, budget.timezone);
  if (since > until) throw new TokenPakError('bad_usage', '--since is later than --until');
  const query = { by: flags.by, from: since, to: until };
  if (flags.reprice === true) return repriceCommand(config, query, flags);
  const result = await spend(storage.path, query);
  for (const fault of result.faults) process.stderr.write(`✗ ${fault}\n`);
  if (result.faults.length > 0) process.exitCode = 1;
  if (flags.json === true) return print(`${JSON.stringify(spendJson(result))}\n`);
  if (flags.csv === true) return print(spendCsv(result));
  const color = isColored(process.stdout);
  print(renderSpend(result, { budget, color, columns: process.stdout.columns ?? COLUMNS_DEFAULT }));
}

async function repriceCommand(config: Config, query: SpendQuery, flags: SpendFlags): Promise<void> {
  if (flags.csv === true) throw new TokenPakError('bad_usage', '--reprice takes --json, not --csv');
  const { renderRepriced, repriced, repricedJson } = await import('./reprice.js');
  const { syncedTable } = await import('../pricing/table.js');
  const result = await repriced(config.storage.path, query, syncedTable(config));
  print(flags.json === true ? `${JSON.stringify(repricedJson(result))}\n` : renderRepriced(result));
}

function print(text: string): void {
  process.stdout.write(text);
}
