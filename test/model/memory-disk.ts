// A file system in memory that outlives the processes that use it. It fills up when told to, and
// the process that dies within a write leaves any part of it. What is removed is kept aside: the
// oracle reads every byte that was ever written.

import { basename, dirname } from 'node:path';
import type { Disk } from '../../src/ledger/disk.js';
import type { Doom } from './doom.js';

interface File {
  bytes: Buffer;
  size: number;
}

const failure = (code: string): Error => Object.assign(new Error(code), { code });

export class MemoryDisk {
  readonly #files = new Map<string, File>();
  readonly #removed = new Map<string, File>();
  readonly #random: () => number;
  /** No file can be made, and the books find no room. Writes into files that are there succeed. */
  full = false;

  constructor(random: () => number) {
    this.#random = random;
  }

  /** Everything that was ever written, by path, whether it is still there or not. */
  *history(): Iterable<[path: string, bytes: Buffer]> {
    for (const files of [this.#removed, this.#files]) {
      for (const [path, { bytes, size }] of files) yield [path, bytes.subarray(0, size)];
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
        return bytes.copy(into, 0, position, Math.max(position, size));
      },
      write: (fd, bytes, position) => this.#write(fileOf(fd), { bytes, position }, doom),
      size: (fd) => fileOf(fd).size,
      datasync: () => doom.step(),
      datasyncLater: async () => doom.step(),
      rename: (from, to) => {
        doom.step();
        this.#files.set(to, this.#files.get(from) as File);
        this.#files.delete(from);
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
        return [...this.#files.keys()]
          .filter((path) => dirname(path) === directory)
          .map((path) => basename(path));
      },
      makeDirectory: () => doom.alive(),
      syncDirectory: () => doom.step(),
      create: async (path, pieces) => {
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
    const file = { bytes: Buffer.alloc(0), size: 0 };
    this.#files.set(path, file);
    return file;
  }

  #write(file: File, piece: { bytes: Buffer; position: number }, doom: Doom): number {
    const last = doom.isLast();
    const { length } = piece.bytes;
    const written = last ? Math.floor(this.#random() * (length + 1)) : length;
    const end = piece.position + written;
    if (end > file.bytes.length) {
      const larger = Buffer.alloc(Math.max(end, 2 * file.bytes.length));
      file.bytes.copy(larger);
      file.bytes = larger;
    }
    piece.bytes.copy(file.bytes, piece.position, 0, written);
    file.size = Math.max(file.size, end);
    if (last) doom.alive();
    return written;
  }
}
