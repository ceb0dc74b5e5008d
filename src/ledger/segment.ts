// Segment files of a journal: their names, their header unit, and their creation at full size with
// real zeros, so that no later write into them can run out of disk (where blocks are not copied to
// be written). Appears under its name complete or not at all.

import { join } from 'node:path';
import { crc32c } from '../kernel/crc32c.js';
import { TokenPakError } from '../kernel/errors.js';
import { DISK, type Disk } from './disk.js';
import { FORMAT_VERSION, UNIT_BYTES } from './layout.js';

export const SEGMENT_BYTES = 8 * 1024 * 1024;
const MAGIC = Buffer.from('TPKJRNL1');
const ZEROS = Buffer.alloc(1024 * 1024);
const NAME = /^journal-([0-9a-f]{8})-([0-9a-f]{6})\.seg$/;

export interface Segment {
  readonly directory: string;
  readonly journalId: number;
  readonly number: number;
}

export const segmentName = ({ journalId, number }: Omit<Segment, 'directory'>): string =>
  `journal-${hex(journalId, 8)}-${hex(number, 6)}.seg`;

export const segmentPath = (segment: Segment): string =>
  join(segment.directory, segmentName(segment));

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** What a file's name says; `null` when it is no segment's. */
export function parseSegmentName(name: string): Omit<Segment, 'directory'> | null {
  const match = NAME.exec(name);
  if (match === null) return null;
  return {
    journalId: Number.parseInt(match[1] as string, 16),
    number: Number.parseInt(match[2] as string, 16),
  };
}

/** Every segment of a directory, by journal and number. A missing directory holds none. */
export function listSegments(directory: string, disk: Disk = DISK): Segment[] {
  const segments: Segment[] = [];
  for (const name of disk.list(directory)) {
    const parsed = parseSegmentName(name);
    if (parsed !== null) segments.push({ directory, ...parsed });
  }
  return segments.sort((a, b) => a.journalId - b.journalId || a.number - b.number);
}

/** Smaller ones would be full before their names are in. */
const SEGMENT_BYTES_MIN = 256 * 1024;
/** One that is written, one made ahead, and two that wait to be booked. */
const SEGMENTS_MIN = 4;

export interface Share {
  readonly segmentBytes: number;
  /** Segments of a journal on disk, written or made ahead. */
  readonly segmentsMax: number;
}

/** What each of so many journals may take of the bytes that all of them may. */
export function shareOf(bytesMax: number, journals: number): Share {
  const share = bytesMax / journals;
  const wanted = Math.floor(share / SEGMENTS_MIN / UNIT_BYTES) * UNIT_BYTES;
  const segmentBytes = Math.min(SEGMENT_BYTES, Math.max(SEGMENT_BYTES_MIN, wanted));
  return { segmentBytes, segmentsMax: Math.max(SEGMENTS_MIN, Math.floor(share / segmentBytes)) };
}

/** Removes what a process killed while it made a segment has left. Needs the directory's lock. */
export function removeUnfinished(directory: string, disk: Disk): void {
  for (const file of disk.list(directory)) {
    if (file.endsWith('.seg.new')) disk.remove(join(directory, file));
  }
}

export function headerOf(segment: Segment, segmentBytes: number): Buffer {
  const header = Buffer.alloc(UNIT_BYTES);
  MAGIC.copy(header);
  header.writeUInt32LE(FORMAT_VERSION, 8);
  header.writeUInt32LE(segment.journalId, 16);
  header.writeUInt32LE(segment.number, 20);
  header.writeUInt32LE(segmentBytes, 24);
  header.writeUInt32LE(crc32c(header, 16, UNIT_BYTES, crc32c(header, 0, 12)), 12);
  return header;
}

/** No damage, and nothing to delete: another program's file. */
export const newerFormat = (path: string, format: number): TokenPakError =>
  new TokenPakError(
    'ledger_format',
    `${path} has format ${format}, and this version reads format ${FORMAT_VERSION}: a newer ` +
      'TokenPak wrote it. Install that one again, or set storage.path to another directory.',
  );

/**
 * What is wrong with a segment's header unit; `null` when nothing is. Throws `ledger_format` when a
 * newer program wrote it.
 */
export function headerFault(header: Buffer, segment: Segment): string | null {
  if (header.length < UNIT_BYTES || !header.subarray(0, 8).equals(MAGIC)) {
    return 'no journal segment';
  }
  const sum = crc32c(header, 16, UNIT_BYTES, crc32c(header, 0, 12));
  if (header.readUInt32LE(12) !== sum) return 'the header does not match its checksum';
  const format = header.readUInt32LE(8);
  if (format !== FORMAT_VERSION) throw newerFormat(segmentPath(segment), format);
  if (header.readUInt32LE(16) !== segment.journalId || header.readUInt32LE(20) !== segment.number) {
    return 'the header belongs to another segment';
  }
  return null;
}

/** How a new segment is made. */
export interface Making {
  readonly segmentBytes: number;
  /** On disk before it appears under its name, and the name too. */
  readonly durable: boolean;
  readonly disk: Disk;
}

/** The bytes of a new segment: its header, and zeros. */
function* piecesOf(segment: Segment, segmentBytes: number): Generator<Buffer> {
  yield headerOf(segment, segmentBytes);
  for (let at = UNIT_BYTES; at < segmentBytes; at += ZEROS.length) {
    yield ZEROS.subarray(0, Math.min(ZEROS.length, segmentBytes - at));
  }
}

/** Creates a segment and returns its descriptor. Blocks for the few milliseconds that takes. */
export function createSegment(segment: Segment, { segmentBytes, durable, disk }: Making): number {
  const path = segmentPath(segment);
  const fd = disk.open(`${path}.new`, 'wx+');
  try {
    let position = 0;
    for (const piece of piecesOf(segment, segmentBytes)) {
      const written = disk.write(fd, piece, position);
      if (written !== piece.length) {
        throw new Error(`short write: ${written} of ${piece.length} bytes`);
      }
      position += written;
    }
    if (durable) disk.datasync(fd);
    disk.rename(`${path}.new`, path);
    if (durable) disk.syncDirectory(segment.directory);
    return fd;
  } catch (error) {
    disk.close(fd);
    disk.remove(`${path}.new`);
    throw error;
  }
}

/** The same without blocking, for the segment that will be needed next. */
export async function prepareSegment(segment: Segment, making: Making): Promise<number> {
  const { segmentBytes, durable, disk } = making;
  const path = segmentPath(segment);
  await disk.create(`${path}.new`, piecesOf(segment, segmentBytes), durable);
  disk.rename(`${path}.new`, path);
  if (durable) disk.syncDirectory(segment.directory);
  return disk.open(path, 'r+');
}
