// Follows one journal through its segments, from a position on. Tells a record that was cut short
// by a kill from one that was damaged; never writes, never skips.

import type { JournalRecord } from '../kernel/record.js';
import { type Cursor, decode, isWhole } from './decode.js';
import { DISK, type Disk } from './disk.js';
import { KIND, spanOf, UNIT_BYTES } from './layout.js';
import { headerFault, type Segment, segmentPath } from './segment.js';

/** The first byte not yet read, and the number of the record that must stand there. */
export interface Position {
  readonly segment: number;
  readonly offset: number;
  readonly sequence: number;
}

export const JOURNAL_START: Position = { segment: 0, offset: UNIT_BYTES, sequence: 0 };

/** Something that is no record, where one ends or should begin. */
export interface Fault {
  readonly path: string;
  readonly offset: number;
  readonly why: string;
}

const CHUNK_BYTES = 256 * 1024;
/** Mostly there is little to read, and zeros behind it. */
const FIRST_BYTES = 16 * 1024;
const ZEROS = Buffer.alloc(CHUNK_BYTES);
/** One for all: whoever reads into it has taken the records out before anyone else reads. */
const CHUNK = Buffer.allocUnsafe(CHUNK_BYTES);

export const faultText = (fault: Fault): string =>
  `${fault.path} is damaged at byte ${fault.offset}: ${fault.why}`;

export class Tail {
  readonly journalId: number;
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #cursor: Cursor;
  #segment: number;
  #offset: number;
  #fd: number | null = null;
  #fault: Fault | null = null;

  constructor(directory: string, journalId: number, position: Position, disk: Disk = DISK) {
    this.#directory = directory;
    this.#disk = disk;
    this.journalId = journalId;
    this.#segment = position.segment;
    this.#offset = position.offset;
    this.#cursor = { journalId, names: new Map(), sequence: position.sequence };
  }

  get position(): Position {
    const sequence = this.#cursor.sequence as number;
    return { segment: this.#segment, offset: this.#offset, sequence };
  }

  /** What stopped the last `read` before the end. It may be half written: look again. */
  get fault(): Fault | null {
    return this.#fault;
  }

  /** The next records, as many as are there up to about `recordsMax`. */
  read(recordsMax: number): JournalRecord[] {
    const records: JournalRecord[] = [];
    this.#fault = null;
    let bytesMax = FIRST_BYTES;
    while (records.length < recordsMax && this.#open()) {
      const before = this.#offset;
      const segment = this.#segment;
      const bytes = this.#load(this.#offset, bytesMax);
      if (!this.#readChunk(bytes, records) || this.#fault !== null) break;
      const isFull = bytesMax === CHUNK_BYTES;
      if (isFull && this.#segment === segment && this.#offset === before) break;
      bytesMax = CHUNK_BYTES;
    }
    return records;
  }

  /**
   * After the writer is gone: what the end looks like. `torn` is a last record that the kill cut
   * short, which was never acknowledged; `damaged` must not be read past.
   */
  judge(): 'whole' | 'torn' | 'damaged' {
    if (!this.#open()) {
      if (this.#fault === null && this.#followerHasRecords()) this.#setFault('the segment is gone');
      return this.#fault === null ? 'whole' : 'damaged';
    }
    const verdict = this.#hasMore() ? judgeRest(this.#rest()) : 'whole';
    if (verdict === 'damaged' || (verdict === 'torn' && this.#fault === null)) {
      this.#setFault(this.#fault?.why ?? 'the record does not begin as one');
    }
    if (verdict !== 'damaged' && this.#followerHasRecords()) {
      this.#setFault('the segment ends without its last record');
      return 'damaged';
    }
    return verdict;
  }

  /** Whether anything but zeros stands from here to the end: nearly always, nothing does. */
  #hasMore(): boolean {
    for (let at = this.#offset; ;) {
      const bytes = this.#load(at, CHUNK_BYTES);
      if (bytes.length === 0) return false;
      if (bytes.compare(ZEROS, 0, bytes.length) !== 0) return true;
      at += bytes.length;
    }
  }

  #rest(): Buffer {
    const fd = this.#fd as number;
    const end = Math.max(this.#offset, this.#disk.size(fd));
    return readBetween(this.#disk, fd, { start: this.#offset, end });
  }

  close(): void {
    if (this.#fd !== null) this.#disk.close(this.#fd);
    this.#fd = null;
  }

  get #place(): Segment {
    return { directory: this.#directory, journalId: this.journalId, number: this.#segment };
  }

  /** Opens the segment at hand and reads the names that stand before the position. */
  #open(): boolean {
    if (this.#fd !== null) return true;
    const path = segmentPath(this.#place);
    if (!this.#disk.exists(path)) return false;
    this.#fd = this.#disk.open(path, 'r');
    const header = readBetween(this.#disk, this.#fd, { start: 0, end: UNIT_BYTES });
    const why = headerFault(header, this.#place);
    if (why !== null) return this.#refuse(0, why);
    if (this.#offset === UNIT_BYTES) return true;
    const earlier: Cursor = { ...this.#cursor, sequence: null };
    const known = readBetween(this.#disk, this.#fd, { start: UNIT_BYTES, end: this.#offset });
    for (let at = 0; at < known.length;) {
      const step = decode(known, at, earlier);
      if (!('span' in step))
        return this.#refuse(UNIT_BYTES + at, 'a record read before has changed');
      at += step.span;
    }
    return true;
  }

  #refuse(offset: number, why: string): false {
    this.#fault = { path: segmentPath(this.#place), offset, why };
    this.close();
    return false;
  }

  #load(position: number, bytesMax: number): Buffer {
    const bytes = this.#disk.read(this.#fd as number, CHUNK.subarray(0, bytesMax), position);
    return CHUNK.subarray(0, bytes);
  }

  /** Reads one chunk's records. False at the end of what is written. */
  #readChunk(bytes: Buffer, records: JournalRecord[]): boolean {
    for (let at = 0; ;) {
      const step = decode(bytes, at, this.#cursor);
      if (step.found === 'end') return false;
      if (step.found === 'part') return true;
      if (step.found === 'fault') {
        this.#setFault(step.why);
        return false;
      }
      at += step.span;
      this.#offset += step.span;
      if (step.found === 'record') records.push(step.record);
      if (step.found === 'seal') {
        this.close();
        this.#segment += 1;
        this.#offset = UNIT_BYTES;
        this.#cursor.names.clear();
        return true;
      }
    }
  }

  #setFault(why: string): void {
    this.#fault = { path: segmentPath(this.#place), offset: this.#offset, why };
  }

  #followerHasRecords(): boolean {
    const path = segmentPath({ ...this.#place, number: this.#segment + 1 });
    if (!this.#disk.exists(path)) return false;
    const fd = this.#disk.open(path, 'r');
    try {
      const first = { start: UNIT_BYTES, end: 2 * UNIT_BYTES };
      return readBetween(this.#disk, fd, first).some((byte) => byte !== 0);
    } finally {
      this.#disk.close(fd);
    }
  }
}

/** Judges what stands from the end of the readable records to the end of the segment. */
export function judgeRest(rest: Buffer): 'whole' | 'torn' | 'damaged' {
  const written = writtenBytes(rest);
  if (written === 0) return 'whole';
  for (let at = UNIT_BYTES; at < written; at += UNIT_BYTES) {
    if (isWhole(rest, at)) return 'damaged';
  }
  // A write that was cut short left a beginning and zeros: never the mark at the record's own end.
  const length = rest[1] === KIND.name && rest.length >= 4 ? rest.readUInt16LE(2) : 0;
  return written < spanOf(length) ? 'torn' : 'damaged';
}

/** Bytes up to the last that is not zero. Most of a segment is zeros: passed in large steps. */
function writtenBytes(rest: Buffer): number {
  for (let end = rest.length; end > 0; end -= CHUNK_BYTES) {
    const start = Math.max(0, end - CHUNK_BYTES);
    if (rest.compare(ZEROS, 0, end - start, start, end) === 0) continue;
    return start + rest.subarray(start, end).findLastIndex((byte) => byte !== 0) + 1;
  }
  return 0;
}

function readBetween(disk: Disk, fd: number, at: { start: number; end: number }): Buffer {
  const bytes = Buffer.allocUnsafe(at.end - at.start);
  return bytes.subarray(0, disk.read(fd, bytes, at.start));
}
