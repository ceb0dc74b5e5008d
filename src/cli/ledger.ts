// `tokenpak ledger`: the books of a data directory exported, followed, checked and built again.
// Prints what the ledger hands over; a bar on the terminal shows how far long runs have come.

import { setTimeout as wait } from 'node:timers/promises';
import { SingleBar } from 'cli-progress';
import { stringify } from 'csv-stringify/sync';
import { TokenPakError } from '../kernel/errors.js';
import { usdText } from '../kernel/money.js';
import type { Entry } from '../ledger/entry.js';
import { COLUMN_NAMES, exportedEntry, exportEntries } from '../ledger/export.js';
import { Follower } from '../ledger/follow.js';
import { rebuild } from '../ledger/rebuild.js';
import { verify } from '../ledger/verify.js';
import { configFor } from './config.js';
import { entryText } from './entry-text.js';
import { isColored, printMarked } from './print.js';
import { dayOf } from './day.js';

export interface LedgerFlags {
  readonly config: string;
  readonly json?: boolean;
}

export interface ExportFlags extends LedgerFlags {
  readonly csv?: boolean;
  readonly since?: string;
  readonly until?: string;
}

/** Rows that are turned into text at once. */
const CSV_ROWS = 1000;

export async function exportCommand(flags: ExportFlags): Promise<void> {
  const { budget, storage } = configFor(flags.config, { needsKeys: false });
  const { timezone } = budget;
  const from = flags.since === undefined ? undefined : dayOf(flags.since, timezone);
  const to = flags.until === undefined ? undefined : dayOf(flags.until, timezone);
  if (from !== undefined && to !== undefined && from > to) {
    throw new TokenPakError('bad_usage', '--since is later than --until');
  }
  // On one terminal a bar and the lines would write over each other.
  const bar = barOn(process.stdout.isTTY ? null : process.stderr, 'exported');
  const range = { ...(from === undefined ? {} : { from }), ...(to === undefined ? {} : { to }) };
  const options = { ...range, onProgress: bar.show };
  if (flags.csv === true) await exportCsv(storage.path, options);
  else {
    const write = (entry: Entry): void => print(`${JSON.stringify(exportedEntry(entry))}\n`);
    await exportEntries(storage.path, write, options);
  }
  bar.stop();
}

/** RFC 4180, a header first; no cell is taken for a formula. */
async function exportCsv(
  storagePath: string,
  options: Parameters<typeof exportEntries>[2],
): Promise<void> {
  let rows: object[] = [];
  let header = true;
  const flush = (): void => {
    print(
      stringify(rows, {
        header,
        columns: COLUMN_NAMES,
        record_delimiter: 'windows',
        escape_formulas: true,
        cast: {
          boolean: String,
          object: (negative) => ({ value: String(negative['usd']), escape_formulas: false }),
        },
      }),
    );
    rows = [];
    header = false;
  };
  await exportEntries(
    storagePath,
    (entry) => {
      // A correction may be negative, and its minus is no formula.
      const cost = entry.cost < 0n ? { cost_usd: { usd: usdText(entry.cost) } } : {};
      rows.push({ ...exportedEntry(entry), ...cost });
      if (rows.length === CSV_ROWS) flush();
    },
    options,
  );
  if (header || rows.length > 0) flush();
}

export interface TailFlags extends LedgerFlags {
  readonly lines: number;
}

const POLL_MS = 250;
const PROBLEMS_SHOWN = 20;

/** Ends when it is interrupted. */
export async function tailCommand(flags: TailFlags): Promise<void> {
  const { budget, storage } = configFor(flags.config, { needsKeys: false });
  const follower = new Follower(storage.path, flags.lines);
  const look = { timezone: budget.timezone, color: isColored(process.stdout) };
  const stop = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
  while (!stop.signal.aborted) {
    for (const entry of follower.look()) {
      print(
        flags.json === true
          ? `${JSON.stringify(exportedEntry(entry))}\n`
          : `${entryText(entry, look)}\n`,
      );
    }
    await wait(POLL_MS, undefined, { signal: stop.signal }).catch(() => undefined);
  }
  await follower.close();
}

export async function verifyCommand(flags: LedgerFlags): Promise<void> {
  const { storage } = configFor(flags.config, { needsKeys: false });
  const bar = barOn(process.stderr, 'checked');
  const { entries, journalRecords, drift, problems } = await verify(storage.path, bar.show);
  bar.stop();
  if (problems.length > 0) process.exitCode = 1;
  if (flags.json === true) {
    const counts = { entries, journal_records: journalRecords, drift_usd: usdText(drift) };
    return print(`${JSON.stringify({ ...counts, problems })}\n`);
  }
  printMarked(problems.slice(0, PROBLEMS_SHOWN).map((problem) => `✗ ${problem}`));
  const more = problems.length - PROBLEMS_SHOWN;
  if (more > 0) printMarked([`✗ and ${more} more: ledger verify --json tells them all`]);
  if (problems.length > 0) return;
  const read = `${entries} entries, ${journalRecords} records in journals`;
  printMarked([`✓ Every checksum and every total agrees, drift $0.00 (${read})`]);
}

export async function rebuildCommand(flags: LedgerFlags & { force?: boolean }): Promise<void> {
  const { budget, storage } = configFor(flags.config, { needsKeys: false });
  const { entries, sinceMs, isComplete, asideAt } = await rebuild({
    storagePath: storage.path,
    budget,
    archiveBytesMax: storage.maxJournalBytes / 2,
    force: flags.force ?? false,
    nowMs: Date.now(),
  });
  if (flags.json === true) {
    const since = sinceMs === null ? null : new Date(sinceMs).toISOString();
    const told = { entries, since, complete: isComplete, set_aside: asideAt };
    return print(`${JSON.stringify(told)}\n`);
  }
  if (asideAt !== null) printMarked([`✓ The books that were there lie in ${asideAt}`]);
  const since = sinceMs === null ? '' : `, the first of ${new Date(sinceMs).toISOString()}`;
  printMarked([`✓ Books built again from the journals: ${entries} requests${since}`]);
  if (isComplete) return;
  const lost =
    'Journals from before that are kept no more: what they held is not in the books, and';
  printMarked([`⚠ ${lost} limits of a window that began earlier know less than was spent`]);
}

/** A bar that fills up, on a terminal; nothing anywhere else. */
function barOn(stream: NodeJS.WriteStream | null, what: string) {
  if (stream?.isTTY !== true) return { show: () => undefined, stop: () => undefined };
  const bar = new SingleBar({
    stream,
    format: `{bar} {percentage}% ${what}`,
    barCompleteChar: '█',
    barIncompleteChar: '░',
    hideCursor: true,
    clearOnComplete: true,
    linewrap: false,
  });
  let started = false;
  return {
    show: (done: number, all: number): void => {
      if (started) bar.setTotal(all);
      else bar.start(all, 0);
      started = true;
      bar.update(done);
    },
    stop: () => bar.stop(),
  };
}

function print(text: string): void {
  process.stdout.write(text);
}
