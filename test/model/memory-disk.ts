// A file system in memory that outlives the processes that use it. It fills up when told to, and
// the process that dies within a write leaves any part of it. What is removed is kept aside: the
// oracle reads every byte that was ever written.

import { basename, dirname } from 'node:path';
import type { Disk } from '../../src/ledger/disk.js';
import type { Doom } from './doom.js';

interface File {
  directory: string;
  name: string;
  /** Up to what is not zero, or further: behind it, zeros up to the size. */
  bytes: Buffer;
  size: number;
}

const NOTHING = Buffer.alloc(0);
const ZEROS = Buffer.alloc(64 * 1024);
const isZeros = (bytes: Buffer): boolean =>
  bytes.length <= ZEROS.length && bytes.compare(ZEROS, 0, bytes.length) === 0;

const placeOf = (path: string): Pick<File, 'directory' | 'name'> => ({
  directory: dirname(path),
  name: basename(path),
});

const failure = (code: string): Error => Object.assign(new Error(code), { code });

export class MemoryDisk {
  readonly #files = new Map<string, File>();
  readonly #removed = new Map<string, File>();
  readonly #random: () => number;
  /** No file can be made, and the books find no room. Writes into files that are there succeed. */
  full = false;
  /** How much was begun that ends beside what goes on: a step is over when all of it is. */
  begun = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Everything that was ever written, by path, whether it is still there or not. */
  *history(): Iterable<[path: string, bytes: Buffer]> {
    for (const files of [this.#removed, this.#files]) {
      for (const [path, { bytes }] of files) yield [path, bytes];
    }
  }

  /** The disk as one process sees it, until its end. */
  session(doom: Doom): Disk {
    const handles = new Map<number, File>();
    let next = 3;
    const fileOf = (fd: number): File => {
      const file = handles.get(fd);
      if (file === undefined) throw failure('EBADF');
      return file;
    };
    const opened = (file: File): number => {
      handles.set(next, file);
      return next++;
    };
    return {
      open: (path, flags) => {
        doom.alive();
        const file = flags === 'wx+' ? this.#make(path, doom) : this.#files.get(path);
        if (file === undefined) throw failure('ENOENT');
        return opened(file);
      },
      close: (fd) => {
        handles.delete(fd);
      },
      read: (fd, into, position) => {
        doom.alive();
        const { bytes, size } = fileOf(fd);
        const end = Math.min(into.length, Math.max(0, size - position));
        const copied = position < bytes.length ? bytes.copy(into, 0, position, position + end) : 0;
        into.fill(0, copied, end);
        return end;
      },
      write: (fd, bytes, position) => this.#write(fileOf(fd), { bytes, position }, doom),
      size: (fd) => fileOf(fd).size,
      datasync: () => doom.step(),
      datasyncLater: async () => {
        this.begun += 1;
        doom.step();
      },
      rename: (from, to) => {
        doom.step();
        const file = this.#files.get(from) as File;
        this.#files.delete(from);
        this.#files.set(to, Object.assign(file, placeOf(to)));
      },
      remove: (path) => {
        doom.step();
        const file = this.#files.get(path);
        if (file === undefined) return false;
        this.#files.delete(path);
        if (!path.endsWith('.new')) this.#removed.set(path, file);
        return true;
      },
      exists: (path) => {
        doom.alive();
        return this.#files.has(path);
      },
      list: (directory) => {
        doom.alive();
        const names: string[] = [];
        for (const file of this.#files.values()) {
          if (file.directory === directory) names.push(file.name);
        }
        return names;
      },
      makeDirectory: () => doom.alive(),
      syncDirectory: () => doom.step(),
      create: async (path, pieces) => {
        this.begun += 1;
        const file = this.#make(path, doom);
        let position = 0;
        for (const bytes of pieces) position += this.#write(file, { bytes, position }, doom);
      },
      freeBytes: () => {
        doom.alive();
        return this.full ? 0 : 2 ** 40;
      },
    };
  }

  #make(path: string, doom: Doom): File {
    doom.step();
    if (this.full) throw failure('ENOSPC');
    if (this.#files.has(path)) throw failure('EEXIST');
    const file = { ...placeOf(path), bytes: NOTHING, size: 0 };
    this.#files.set(path, file);
    return file;
  }

  #write(file: File, piece: { bytes: Buffer; position: number }, doom: Doom): number {
    const last = doom.isLast();
    const { length } = piece.bytes;
    const written = last ? Math.floor(this.#random() * (length + 1)) : length;
    const end = piece.position + written;
    if (isZeros(piece.bytes)) file.bytes.subarray(piece.position, end).fill(0);
    else {
      if (end > file.bytes.length) {
        const larger = Buffer.alloc(Math.max(end, 2 * file.bytes.length, 1024));
        file.bytes.copy(larger);
        file.bytes = larger;
      }
      piece.bytes.copy(file.bytes, piece.position, 0, written);
    }
    file.size = Math.max(file.size, end);
    if (last) doom.alive();
    return written;
  }
}
