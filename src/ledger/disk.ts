// What journals and books ask of a file system, and the one that the product has. Tests have
// another in memory, which fills up, tears a write and dies at any step they like.

import {
  closeSync,
  existsSync,
  fdatasync,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  statfsSync,
  writeSync,
} from 'node:fs';
import { open } from 'node:fs/promises';
import { promisify } from 'node:util';
import { type Mapping, mapFile } from './mapping.js';

export interface Disk {
  open(path: string, flags: 'r' | 'r+' | 'wx+'): number;
  close(fd: number): void;
  /** How many bytes were read: fewer than asked for at the file's end alone. */
  read(fd: number, into: Buffer, position: number): number;
  /** How many bytes were written. */
  write(fd: number, bytes: Buffer, position: number): number;
  /** The first bytes of a file as memory; `null` where that cannot be done. */
  map(fd: number, bytes: number): Mapping | null;
  size(fd: number): number;
  datasync(fd: number): void;
  datasyncLater(fd: number): Promise<void>;
  rename(from: string, to: string): void;
  /** False when there was nothing to remove. */
  remove(path: string): boolean;
  exists(path: string): boolean;
  /** The names in a directory; none when it is missing. */
  list(directory: string): string[];
  makeDirectory(path: string): void;
  /** Puts the names in a directory on disk. */
  syncDirectory(path: string): void;
  /** Writes a new file without blocking, durably if asked to; when it fails there is none. */
  create(path: string, pieces: Iterable<Buffer>, durable: boolean): Promise<void>;
  freeBytes(directory: string): number;
}

const isMissing = (error: unknown): boolean => (error as NodeJS.ErrnoException).code === 'ENOENT';

/** What the function returns, or the other value when its file is not there. */
function unlessMissing<T>(look: () => T, missing: T): T {
  try {
    return look();
  } catch (error) {
    if (isMissing(error)) return missing;
    throw error;
  }
}

export const DISK: Disk = {
  open: openSync,
  close: closeSync,
  read: (fd, into, position) => readSync(fd, into, 0, into.length, position),
  write: (fd, bytes, position) => writeSync(fd, bytes, 0, bytes.length, position),
  map: mapFile,
  size: (fd) => fstatSync(fd).size,
  datasync: fdatasyncSync,
  datasyncLater: promisify(fdatasync),
  rename: renameSync,
  remove: (path) =>
    unlessMissing(() => {
      rmSync(path);
      return true;
    }, false),
  exists: existsSync,
  list: (directory) => unlessMissing(() => readdirSync(directory), []),
  makeDirectory: (path) => {
    mkdirSync(path, { recursive: true });
  },
  syncDirectory(path) {
    const fd = openSync(path, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  },
  async create(path, pieces, durable) {
    const file = await open(path, 'wx');
    try {
      for (const piece of pieces) await file.writeFile(piece);
      if (durable) await file.datasync();
    } catch (error) {
      rmSync(path);
      throw error;
    } finally {
      await file.close();
    }
  },
  freeBytes(directory) {
    const { bavail, bsize } = statfsSync(directory);
    return bavail * bsize;
  },
};
