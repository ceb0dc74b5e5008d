// Checks the books: every checksum, every total against the entries that it is made of, every
// balance against the totals. Reads only, while a proxy runs or after it died.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../kernel/errors.js';
import { nano, type NanoUsd, usdText, ZERO_USD } from '../kernel/money.js';
import { requestIdText } from '../kernel/record.js';
import { isConsistent } from '../kernel/reservation.js';
import { GLOBAL_SCOPE, userScope, windowNumber } from '../kernel/scope.js';
import { archivedSegments } from './archive.js';
import { addToTotals, type Entry, newTotals, settledKey, type Totals, totalsKey } from './entry.js';
import { WINDOWS } from './layout.js';
import { isHeld } from './lock.js';
import { listSegments, segmentPath } from './segment.js';
import { readSegment, type Snapshot, withSnapshot } from './snapshot.js';
import { dayText, totalsOf, utcTotalsOf } from './spend.js';
import { storeFile } from './store.js';
import { UtcBook, type UtcTotals, utcName } from './utc-totals.js';

const DATE_MAX = 99_991_231;
/** An entry's share of the store, for a bar that shows how far a check has come. */
const ENTRY_BYTES = 150;

export interface Verification {
  readonly entries: number;
  readonly journalRecords: number;
  /** What the totals hold beyond their entries, and balances beyond the totals: 0, or a problem. */
  readonly drift: NanoUsd;
  /** What does not agree, in words. Empty: every checksum and every total is right. */
  readonly problems: readonly string[];
}

/** Bytes checked and bytes to check, about. */
export type OnProgress = (done: number, all: number) => void;

interface Check {
  readonly problems: string[];
  readonly progress: (bytes: number) => void;
  readonly storagePath: string;
}

/** Checks the whole of a data directory. */
export async function verify(
  storagePath: string,
  onProgress: OnProgress = () => undefined,
): Promise<Verification> {
  const running = isHeld(storagePath);
  const segments = [
    ...listSegments(join(storagePath, 'journal')).map((segment) => ({
      segment,
      path: segmentPath(segment),
    })),
    ...archivedSegments(join(storagePath, 'archive')),
  ];
  const sizes = segments.map(({ path }) => statSync(path, { throwIfNoEntry: false })?.size ?? 0);
  const journalBytes = sizes.reduce((all, size) => all + size, 0);
  let done = 0;
  let all = journalBytes;
  const problems: string[] = [];
  const progress = (bytes: number): void => onProgress((done += bytes), Math.max(all, done));
  let journalRecords = 0;
  for (const [index, { segment, path }] of segments.entries()) {
    const { records, fault } = readSegment({ segment, path, from: undefined, running });
    journalRecords += records.length;
    if (fault !== null) problems.push(fault);
    progress(sizes[index] as number);
  }
  const found = await withSnapshot(storagePath, (snapshot) => {
    all += snapshot.store.entrySequence * ENTRY_BYTES;
    return compare(snapshot, { problems, progress, storagePath });
  });
  return { ...(found ?? { entries: 0, drift: ZERO_USD }), journalRecords, problems };
}

function compare(snapshot: Snapshot, check: Check): { entries: number; drift: NanoUsd } {
  const sums = retiredSums(snapshot);
  const entries = addUp(snapshot, sums, check);
  const found = [...totalsOf(snapshot, 0, DATE_MAX)];
  const drift =
    compareTotals(found, sums.totals, check.problems) +
    compareBalances(snapshot, found, check.problems);
  compareUtc([...utcTotalsOf(snapshot, 0, DATE_MAX)], sums.utc, check.problems);
  const stray = snapshot.store.strayEnds + snapshot.fold.strayEnds.length;
  if (stray > 0) check.problems.push(`${stray} ends of reservations that were not open`);
  return { entries, drift: nano(drift) };
}

interface Sums {
  readonly totals: Map<string, Totals>;
  readonly utc: UtcBook;
}

/** Entries that are kept no more have left what they add up to. */
function retiredSums({ store }: Snapshot): Sums {
  const totals = new Map<string, Totals>();
  for (const row of store.retiredTotals()) totals.set(totalsKey(row).toString('latin1'), row);
  const utc = new UtcBook(() => undefined);
  for (const row of store.retiredUtcTotals()) utc.rows.set(utcName(row), row);
  return { totals, utc };
}

/** Adds every entry to the sums; each must be there, once, and whole. */
function addUp({ store, fold }: Snapshot, sums: Sums, check: Check): number {
  const { problems, progress } = check;
  let next = store.retiredEntries;
  const add = (entry: Entry): void => {
    if (entry.sequence !== next) problems.push(`entry ${entry.sequence} where ${next} must stand`);
    next = entry.sequence + 1;
    if (entry.kind !== 'adjust' && !isConsistent({ ...entry, kind: entry.kind })) {
      const id = requestIdText(entry.reserve.reservationId);
      problems.push(`request ${id} ended at a cost that its end does not allow`);
    }
    const key = totalsKey(entry.reserve).toString('latin1');
    let sum = sums.totals.get(key);
    if (sum === undefined) sums.totals.set(key, (sum = newTotals(entry.reserve)));
    addToTotals(sum, entry);
    sums.utc.add(entry);
  };
  try {
    for (const entries of store.chunks(0)) {
      for (const entry of entries) add(entry);
      progress(entries.length * ENTRY_BYTES);
    }
    if (next !== store.entrySequence) {
      problems.push(`${store.entrySequence} entries were booked, the last is ${next - 1}`);
    }
    for (const entry of fold.entries) add(entry);
  } catch (error) {
    const place = `${storeFile(check.storagePath)} is damaged at entry ${next}`;
    problems.push(`${place}: ${messageOf(error)}. Build it again: tokenpak ledger rebuild`);
  }
  return next;
}

/** Returns by how much the totals differ. */
function compareTotals(
  found: readonly Totals[],
  sums: Map<string, Totals>,
  problems: string[],
): bigint {
  let drift = 0n;
  for (const totals of found) {
    const key = totalsKey(totals).toString('latin1');
    const sum = sums.get(key);
    sums.delete(key);
    if (textOf(totals) === textOf(sum)) continue;
    drift += totals.cost - (sum?.cost ?? 0n);
    problems.push(`${nameOf(totals)} are not their entries'`);
  }
  for (const totals of sums.values()) {
    drift -= totals.cost;
    problems.push(`${nameOf(totals)} are missing`);
  }
  return drift;
}

const nameOf = ({ date, user, model }: Totals): string =>
  `totals of ${dayText(date)}, user ${user}, model ${model}`;

/** What limits are held against, of every scope and window, is the sum of the totals in it. */
function compareBalances(
  { store, fold }: Snapshot,
  totals: readonly Totals[],
  problems: string[],
): bigint {
  const sums = new Map<string, NanoUsd>();
  for (const { user, date, cost } of totals) {
    // A correction by an invoice is nobody's.
    const scopes = user === '' ? [GLOBAL_SCOPE] : [userScope(user), GLOBAL_SCOPE];
    for (const scope of scopes) {
      for (const window of WINDOWS) {
        const key = settledKey(window, windowNumber(window, date), scope).toString('latin1');
        sums.set(key, nano((sums.get(key) ?? ZERO_USD) + cost));
      }
    }
  }
  let drift = 0n;
  for (const [key, sum] of sums) {
    const bytes = Buffer.from(key, 'latin1');
    const settled = fold.settled.get(key)?.settled ?? store.settledOf(bytes) ?? ZERO_USD;
    if (settled === sum) continue;
    drift += settled - sum;
    const scope = bytes.subarray(7).toString();
    problems.push(`${scope} has ${usdText(settled)} settled, its totals add up to ${usdText(sum)}`);
  }
  return drift;
}

function compareUtc(found: readonly UtcTotals[], sums: UtcBook, problems: string[]): void {
  const whose = ({ utcDate, provider, model }: UtcTotals): string =>
    `totals of ${dayText(utcDate)} in UTC, provider ${provider}, model ${model}`;
  for (const row of found) {
    const sum = sums.rows.get(utcName(row));
    sums.rows.delete(utcName(row));
    if (textOf(row) !== textOf(sum)) problems.push(`${whose(row)} are not their entries'`);
  }
  for (const row of sums.rows.values()) problems.push(`${whose(row)} are missing`);
}

const textOf = (row: object | undefined): string =>
  JSON.stringify(row, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
