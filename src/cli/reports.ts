// `tokenpak spend`: reads the books of a data directory, whether a proxy runs on it or not.

import { TokenPakError } from '../kernel/errors.js';
import { spend, type SpendBy, spendJson } from '../ledger/spend.js';
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
}

const COLUMNS_DEFAULT = 80;

export async function spendCommand(flags: SpendFlags): Promise<void> {
  const { budget, storage } = configFor(flags.config, { needsKeys: false });
  const until = dayOf(flags.until, budget.timezone);
  const since = flags.since === undefined ? until : dayOf(flags.since, budget.timezone);
  if (since > until) throw new TokenPakError('bad_usage', '--since is later than --until');
  const result = await spend(storage.path, { by: flags.by, from: since, to: until });
  for (const fault of result.faults) process.stderr.write(`✗ ${fault}\n`);
  if (result.faults.length > 0) process.exitCode = 1;
  if (flags.json === true) return print(`${JSON.stringify(spendJson(result))}\n`);
  if (flags.csv === true) return print(spendCsv(result));
  const color = isColored(process.stdout);
  print(renderSpend(result, { budget, color, columns: process.stdout.columns ?? COLUMNS_DEFAULT }));
}

function print(text: string): void {
  process.stdout.write(text);
}
