// Segments whose records are all booked, kept so that the books can be built again from them:
// `<storage>/archive`, the oldest deleted first once they pass a size or an age. Nothing that is
// counted depends on it.

import { join } from 'node:path';
import { TokenPakError } from '../kernel/errors.js';
import { DISK, type Disk } from './disk.js';
import { parseSegmentName, type Segment, segmentName, segmentPath } from './segment.js';

const NAME = /^([0-9a-f]{12})-(journal-.*)$/;
/** With less room than this on the disk the archive gives way. */
const FREE_BYTES_MIN = 64 * 1024 * 1024;

interface Kept {
  readonly name: string;
  readonly keptMs: number;
  readonly bytes: number;
}

export interface ArchiveOptions {
  readonly storagePath: string;
  readonly disk: Disk;
  readonly bytesMax: number;
}

export class Archive {
  readonly #directory: string;
  readonly #disk: Disk;
  readonly #bytesMax: number;
  /** The oldest first. */
  #kept: Kept[] | null = null;
  #bytes = 0;

  constructor({ storagePath, disk, bytesMax }: ArchiveOptions) {
    this.#directory = join(storagePath, 'archive');
    this.#disk = disk;
    this.#bytesMax = bytesMax;
  }

  /**
   * Takes a booked segment out of the journal, of its last one what is written alone. False when it
   * was not there.
   */
  keep(segment: Segment, nowMs: number, writtenBytes?: number): boolean {
    const path = segmentPath(segment);
    if (!this.#disk.exists(path)) return false;
    if (this.#bytesMax === 0) return this.#disk.remove(path);
    const kept = this.#list();
    // Names sort by age, whatever the clock does.
    const keptMs = Math.max(nowMs, (kept.at(-1)?.keptMs ?? 0) + 1);
    const name = `${keptMs.toString(16).padStart(12, '0')}-${segmentName(segment)}`;
    this.#disk.makeDirectory(this.#directory);
    const target = join(this.#directory, name);
    if (writtenBytes === undefined) {
      this.#disk.rename(path, target);
    } else {
      this.#copy(path, target, writtenBytes);
      this.#disk.remove(path);
    }
    const bytes = writtenBytes ?? this.#sizeOf(name);
    kept.push({ name, keptMs, bytes });
    this.#bytes += bytes;
    return true;
  }

  /** Deletes what is too much, what is from before a time, and all when the disk is nearly full. */
  trim(beforeMs: number): void {
    const kept = this.#list();
    while (kept.length > 0) {
      const [oldest] = kept as [Kept];
      const isTooMuch = this.#bytes > this.#bytesMax;
      const isFull = (): boolean => this.#disk.freeBytes(this.#directory) < FREE_BYTES_MIN;
      if (!isTooMuch && oldest.keptMs >= beforeMs && !isFull()) return;
      this.#disk.remove(join(this.#directory, oldest.name));
      kept.shift();
      this.#bytes -= oldest.bytes;
    }
  }

  /** Puts everything back into a journal directory, to be booked again. */
  restore(journalDirectory: string): void {
    for (const { name } of this.#list()) {
      const segment = name.slice(name.indexOf('-') + 1);
      this.#disk.rename(join(this.#directory, name), join(journalDirectory, segment));
    }
    this.#kept = [];
    this.#bytes = 0;
  }

  #list(): Kept[] {
    if (this.#kept !== null) return this.#kept;
    this.#kept = [];
    for (const name of this.#disk.list(this.#directory).sort()) {
      const match = NAME.exec(name);
      if (match === null || parseSegmentName(match[2] as string) === null) continue;
      const bytes = this.#sizeOf(name);
      this.#kept.push({ name, keptMs: Number.parseInt(match[1] as string, 16), bytes });
      this.#bytes += bytes;
    }
    return this.#kept;
  }

  /** The beginning of a file; a copy that a kill cut short is no segment's by its name. */
  #copy(from: string, to: string, bytes: number): void {
    const source = this.#disk.open(from, 'r');
    const content = Buffer.alloc(bytes);
    try {
      this.#disk.read(source, content, 0);
    } finally {
      this.#disk.close(source);
    }
    this.#disk.remove(`${to}.new`);
    try {
      this.#write(`${to}.new`, content);
    } catch (error) {
      this.#disk.remove(`${to}.new`);
      throw error;
    }
    this.#disk.rename(`${to}.new`, to);
  }

  #write(path: string, content: Buffer): void {
    const target = this.#disk.open(path, 'wx+');
    try {
      // What fits is taken, and the rest left: the books could not be built again from that.
      if (this.#disk.write(target, content, 0) !== content.length) {
        throw new TokenPakError('ledger_unavailable', `the disk of ${path} is full`);
      }
      this.#disk.datasync(target);
    } finally {
      this.#disk.close(target);
    }
  }

  #sizeOf(name: string): number {
    const fd = this.#disk.open(join(this.#directory, name), 'r');
    try {
      return this.#disk.size(fd);
    } finally {
      this.#disk.close(fd);
    }
  }
}

/** What an archive holds, the oldest first. */
export function archivedSegments(
  directory: string,
  disk: Disk = DISK,
): { readonly segment: Segment; readonly path: string }[] {
  return disk
    .list(directory)
    .sort()
    .flatMap((name) => {
      const parsed = parseSegmentName(NAME.exec(name)?.[2] ?? '');
      if (parsed === null) return [];
      return [{ segment: { directory, ...parsed }, path: join(directory, name) }];
    });
}
