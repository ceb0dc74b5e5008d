// Segment files of a journal: their names, their header unit, and their creation at full size with
// real zeros, so that no later write into them can run out of disk. Appears under its name complete
// or not at all.

import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  openSync,
  readdirSync,
  renameSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32c } from '../kernel/crc32c.js';
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

export const segmentPath = ({ directory, journalId, number }: Segment): string =>
  join(directory, `journal-${hex(journalId, 8)}-${hex(number, 6)}.seg`);

const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0');

/** Every segment of a directory, by journal and number. A missing directory holds none. */
export function listSegments(directory: string): Segment[] {
  const segments: Segment[] = [];
  for (const file of readDirectory(directory)) {
    const match = NAME.exec(file);
    if (match === null) continue;
    segments.push({
      directory,
      journalId: Number.parseInt(match[1] as string, 16),
      number: Number.parseInt(match[2] as string, 16),
    });
  }
  return segments.sort((a, b) => a.journalId - b.journalId || a.number - b.number);
}

function readDirectory(directory: string): string[] {
  try {
    return readdirSync(directory);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** Removes what a process killed while it made a segment has left. Needs the directory's lock. */
export function removeUnfinished(directory: string): void {
  for (const file of readDirectory(directory)) {
    if (file.endsWith('.seg.new')) rmSync(join(directory, file));
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

/** What is wrong with a segment's header unit; `null` when nothing is. */
export function headerFault(header: Buffer, segment: Segment): string | null {
  if (header.length < UNIT_BYTES || !header.subarray(0, 8).equals(MAGIC)) {
    return 'no journal segment';
  }
  const format = header.readUInt32LE(8);
  if (format !== FORMAT_VERSION) return `format version ${format}, this program reads 1`;
  const sum = crc32c(header, 16, UNIT_BYTES, crc32c(header, 0, 12));
  if (header.readUInt32LE(12) !== sum) return 'the header does not match its checksum';
  if (header.readUInt32LE(16) !== segment.journalId || header.readUInt32LE(20) !== segment.number) {
    return 'the header belongs to another segment';
  }
  return null;
}

/** Creates a segment and returns its descriptor. Blocks for the few milliseconds that takes. */
export function createSegment(segment: Segment, segmentBytes: number, durable: boolean): number {
  const path = segmentPath(segment);
  const fd = openSync(`${path}.new`, 'wx+');
  try {
    writeWholly(fd, headerOf(segment, segmentBytes), 0);
    for (let at = UNIT_BYTES; at < segmentBytes; at += ZEROS.length) {
      writeWholly(fd, ZEROS.subarray(0, Math.min(ZEROS.length, segmentBytes - at)), at);
    }
    if (durable) fdatasyncSync(fd);
    renameSync(`${path}.new`, path);
    if (durable) syncDirectory(segment.directory);
    return fd;
  } catch (error) {
    closeSync(fd);
    rmSync(`${path}.new`, { force: true });
    throw error;
  }
}

/** The same without blocking, for the segment that will be needed next. */
export async function prepareSegment(
  segment: Segment,
  segmentBytes: number,
  durable: boolean,
): Promise<number> {
  const path = segmentPath(segment);
  const file = await open(`${path}.new`, 'wx');
  try {
    try {
      await file.writeFile(headerOf(segment, segmentBytes));
      for (let at = UNIT_BYTES; at < segmentBytes; at += ZEROS.length) {
        await file.writeFile(ZEROS.subarray(0, Math.min(ZEROS.length, segmentBytes - at)));
      }
      if (durable) await file.datasync();
    } finally {
      await file.close();
    }
    await rename(`${path}.new`, path);
  } catch (error) {
    await rm(`${path}.new`, { force: true });
    throw error;
  }
  if (durable) syncDirectory(segment.directory);
  return openSync(path, 'r+');
}

export function syncDirectory(directory: string): void {
  const fd = openSync(directory, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

function writeWholly(fd: number, bytes: Buffer, position: number): void {
  const written = writeSync(fd, bytes, 0, bytes.length, position);
  if (written !== bytes.length) throw new Error(`short write: ${written} of ${bytes.length} bytes`);
}
