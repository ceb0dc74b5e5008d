// Builds the books again from the journals that are left, archived ones included, when the database
// is lost or damaged. What was booked before the oldest of them is not in them any more.

import { existsSync, readFileSync, renameSync } from 'node:fs';
import { join } from 'node:path';
import type { BudgetConfig } from '../config/config.js';
import { TokenPakError } from '../kernel/errors.js';
import { Archive } from './archive.js';
import { Bookkeeper } from './bookkeeper.js';
import { DISK } from './disk.js';
import { Fold } from './fold.js';
import { UNIT_BYTES } from './layout.js';
import { lockDirectory } from './lock.js';
import { listSegments, type Segment, segmentPath } from './segment.js';
import type { Progress } from './progress.js';
import { Store, storeFile } from './store.js';

export interface RebuildOptions {
  readonly storagePath: string;
  readonly budget: BudgetConfig;
  readonly archiveBytesMax: number;
  /** Set a database aside that is there. */
  readonly force: boolean;
  readonly nowMs: number;
}

export interface Rebuilt {
  readonly entries: number;
  /** When the first request in the books began; `null` without any. */
  readonly sinceMs: number | null;
  /** False when the beginning of some journal is kept no more: what it held is missing. */
  readonly isComplete: boolean;
  /** Where the database lies that was there. */
  readonly asideAt: string | null;
}

/** Throws `data_directory_locked` while a proxy runs, `ledger_exists` when nothing is lost. */
export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { storagePath, force, nowMs } = options;
  const lock = await lockDirectory(storagePath);
  try {
    const asideAt = setAside(storeFile(storagePath), { force, nowMs });
    const journals = join(storagePath, 'journal');
    DISK.makeDirectory(journals);
    archiveOf(options).restore(journals);
    const cut = firstSegments(journals).filter(({ number }) => number > 0);
    const store = new Store(storagePath, 'write');
    const isComplete = cut.length === 0 && startsAtTheFirst(journals);
    store.commit(new Fold(store, null), cut.map(beginningOf), []);
    await store.close();
    await book(options);
    return { ...(await lookAt(storagePath, isComplete)), isComplete, asideAt };
  } finally {
    lock.release();
  }
}

const archiveOf = ({ storagePath, archiveBytesMax: bytesMax }: RebuildOptions): Archive =>
  new Archive({ storagePath, disk: DISK, bytesMax });

function setAside(path: string, { force, nowMs }: { force: boolean; nowMs: number }) {
  if (!existsSync(path)) return null;
  if (!force) {
    throw new TokenPakError(
      'ledger_exists',
      `${path} is there. Books built again hold only what the journals still do, so check these ` +
        'first: tokenpak ledger verify. To set them aside and build new ones, add --force.',
    );
  }
  const asideAt = `${path}.${nowMs}`;
  renameSync(path, asideAt);
  if (existsSync(`${path}-lock`)) renameSync(`${path}-lock`, `${asideAt}-lock`);
  return asideAt;
}

/** The first segment that is left of each journal. */
function firstSegments(journals: string): Segment[] {
  const first = new Map<number, Segment>();
  for (const segment of listSegments(journals)) {
    if (!first.has(segment.journalId)) first.set(segment.journalId, segment);
  }
  return [...first.values()];
}

/** Journals are numbered from 1: with that one, none before it is missing. */
const startsAtTheFirst = (journals: string): boolean => {
  const [first] = listSegments(journals);
  return first === undefined || first.journalId <= 1;
};

/** Where a journal is read from whose beginning is kept no more. */
function beginningOf(segment: Segment): Progress {
  const bytes = readFileSync(segmentPath(segment)).subarray(0, 2 * UNIT_BYTES);
  const sequence = bytes.length < 2 * UNIT_BYTES ? 0 : bytes.readUIntLE(UNIT_BYTES + 8, 6);
  const position = { segment: segment.number, offset: UNIT_BYTES, sequence };
  return { journalId: segment.journalId, position, finished: false };
}

/** Alerts of what happens in it were told long ago: they are owed to nobody. */
async function book(options: RebuildOptions): Promise<void> {
  const { storagePath, budget, archiveBytesMax, nowMs } = options;
  const onAlerts = (): void => undefined;
  const given = { storagePath, budget, archiveBytesMax, channels: [], onAlerts };
  const keeper = new Bookkeeper(given);
  try {
    keeper.start(nowMs);
  } finally {
    await keeper.close();
  }
}

async function lookAt(
  storagePath: string,
  isComplete: boolean,
): Promise<{ entries: number; sinceMs: number | null }> {
  const store = new Store(storagePath, 'write');
  try {
    if (!isComplete) store.forgiveStrayEnds();
    let sinceMs = Number.POSITIVE_INFINITY;
    for (const { kind, reserve } of store.entries()) {
      if (kind !== 'adjust') sinceMs = Math.min(sinceMs, reserve.timeMs);
    }
    const entries = store.entrySequence;
    return { entries, sinceMs: sinceMs === Number.POSITIVE_INFINITY ? null : sinceMs };
  } finally {
    await store.close();
  }
}

/** Journals without a database: it was lost, and to begin a new one would give all caps anew. */
export function assureBooks(storagePath: string): void {
  if (Store.exists(storagePath)) return;
  const left = [join(storagePath, 'journal'), join(storagePath, 'archive')];
  if (!left.some((directory) => DISK.list(directory).some((name) => name.endsWith('.seg')))) return;
  throw new TokenPakError(
    'ledger_missing',
    `${storeFile(storagePath)} is missing, and the journals beside it tell of requests. Put it ` +
      'back from a backup, or build it again from them: tokenpak ledger rebuild.',
  );
}
