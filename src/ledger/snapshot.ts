// The books as they stand this instant, for reports of another process: what the store holds, and
// on top of it, in memory, what the journals hold and nobody has booked yet. Changes nothing on
// disk.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { JournalRecord } from '../kernel/record.js';
import { type Cursor, decode } from './decode.js';
import { Fold } from './fold.js';
import { KIND, spanOf, UNIT_BYTES } from './layout.js';
import { isHeld } from './lock.js';
import { headerFault, listSegments, type Segment, segmentPath } from './segment.js';
import { Store } from './store.js';
import { faultText, judgeRest, type Position } from './tail.js';

export interface Snapshot {
  readonly store: Store;
  /** What is not booked yet. */
  readonly fold: Fold;
  /** A proxy holds the directory: what is open is in flight, not spent. */
  readonly running: boolean;
  /** Damage, in words; what lies behind it is not in the numbers. */
  readonly faults: readonly string[];
}

interface SegmentRecords {
  readonly segment: Segment;
  readonly records: readonly { readonly sequence: number; readonly record: JournalRecord }[];
  readonly fault: string | null;
}

/**
 * Calls `report` with the books. `null` when the directory has none. Journals are read before the
 * store, so that what is booked and deleted in between is found there.
 */
export async function withSnapshot<T>(
  storagePath: string,
  report: (snapshot: Snapshot) => T,
): Promise<T | null> {
  if (!Store.exists(storagePath)) return null;
  const running = isHeld(storagePath);
  const store = new Store(storagePath, 'read');
  try {
    const booked = new Map(store.progresses().map((one) => [one.journalId, one]));
    const journals = listSegments(join(storagePath, 'journal')).flatMap((segment) => {
      const progress = booked.get(segment.journalId);
      const from = progress?.position;
      if (progress?.finished === true || segment.number < (from?.segment ?? 0)) return [];
      return [readSegment({ segment, path: segmentPath(segment), from, running })];
    });
    store.refresh();
    const fold = new Fold(store, null);
    const faults: string[] = [];
    for (const { segment, records, fault } of journals) {
      const progress = store.progressOf(segment.journalId);
      if (progress?.finished === true) continue;
      if (fault !== null) faults.push(fault);
      const from = progress?.position.sequence ?? 0;
      for (const { sequence, record } of records) if (sequence >= from) fold.apply(record);
    }
    // Nobody is left who could end them: the next start charges them in full, and so do reports.
    if (!running) chargeOpen(fold, store);
    return report({ store, fold, running, faults });
  } finally {
    await store.close();
  }
}

function chargeOpen(fold: Fold, store: Store): void {
  for (const reserve of [...store.openReservations(), ...fold.opened.values()]) {
    fold.charge(reserve, reserve.deadlineMs);
  }
}

export interface SegmentReading {
  readonly segment: Segment;
  readonly path: string;
  readonly from: Position | undefined;
  readonly running: boolean;
}

/** A record that is being stored while its page is read looks damaged; not so the next time. */
const LOOKS = 5;

/** A segment's records from a position on. One that is gone has been booked: no records. */
export function readSegment(
  reading: SegmentReading,
  read: (path: string) => Buffer = readFileSync,
): SegmentRecords {
  let found = readOnce(reading, read);
  for (let look = 1; reading.running && found.fault !== null && look < LOOKS; look += 1) {
    found = readOnce(reading, read);
  }
  return found;
}

function readOnce(
  { segment, path, from, running }: SegmentReading,
  read: (path: string) => Buffer,
): SegmentRecords {
  const records: { sequence: number; record: JournalRecord }[] = [];
  let bytes: Buffer;
  try {
    bytes = read(path);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT')
      return { segment, records, fault: null };
    throw error;
  }
  const broken = (offset: number, why: string): SegmentRecords => ({
    segment,
    records,
    fault: faultText({ path, offset, why }),
  });
  const header = headerFault(bytes.subarray(0, UNIT_BYTES), segment);
  if (header !== null) return broken(0, header);
  const bookedTo = from === undefined ? 0 : bookedBytes(from, segment.number);
  const cursor: Cursor = { journalId: segment.journalId, names: new Map(), sequence: null };
  for (let at = UNIT_BYTES; ;) {
    if (at < bookedTo && bytes[at + 1] !== KIND.name && bytes[at] !== 0) {
      at += spanOf(bytes.readUInt16LE(at + 2));
      cursor.sequence = null;
      continue;
    }
    const step = decode(bytes, at, cursor);
    if ('span' in step) {
      at += step.span;
      if (step.found !== 'record') continue;
      records.push({ sequence: (cursor.sequence as number) - 1, record: step.record });
      continue;
    }
    const why = step.found === 'fault' ? step.why : 'the record does not begin as one';
    const verdict = judgeRest(bytes.subarray(at));
    // Of a running proxy the last record may be half written.
    const fine = verdict === 'whole' || verdict === 'torn' || (running && step.found === 'end');
    return fine ? { segment, records, fault: null } : broken(at, why);
  }
}

function bookedBytes(position: Position, segmentNumber: number): number {
  if (segmentNumber < position.segment) return Number.POSITIVE_INFINITY;
  return segmentNumber === position.segment ? position.offset : 0;
}
