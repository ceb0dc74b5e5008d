// A file system in memory that outlives the processes that use it. It fills up when told to, and
// the process that dies within a write leaves any part of it. What is removed is kept aside: the
// oracle reads every byte that was ever written.

import { basename, dirname } from 'node:path';
import type { Disk } from '../../src/ledger/disk.js';
import type { Mapping } from '../../src/ledger/mapping.js';
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
  readonly files = new Map<string, File>();
  readonly removed = new Map<string, File>();
  readonly random: () => number;
  /** No file can be made, and the books find no room. Writes into files that are there succeed. */
  full = false;
  /** How much was begun that ends beside what goes on: a step is over when all of it is. */
  begun = 0;

  constructor(random: () => number) {
    this.random = random;
  }

  /** Everything that was ever written, by path, whether it is still there or not. */
  *history(): Iterable<[path: string, bytes: Buffer]> {
    for (const files of [this.removed, this.files]) {
      for (const [path, { bytes }] of files) yield [path, bytes];
    }
  }

  /** The disk as one process sees it, until its end. */
  session(doom: Doom): Disk {
    return new Session(this, doom);
  }
}

class Session implements Disk {
  readonly #disk: MemoryDisk;
  readonly #doom: Doom;
  readonly #handles = new Map<number, File>();
  #next = 3;

  constructor(disk: MemoryDisk, doom: Doom) {
    this.#disk = disk;
    this.#doom = doom;
  }

  open(path: string, flags: 'r' | 'r+' | 'wx+'): number {
    this.#doom.alive();
    const file = flags === 'wx+' ? this.#make(path) : this.#disk.files.get(path);
    if (file === undefined) throw failure('ENOENT');
    this.#handles.set(this.#next, file);
    return this.#next++;
  }

  close(fd: number): void {
    this.#handles.delete(fd);
  }

  read(fd: number, into: Buffer, position: number): number {
    this.#doom.alive();
    const { bytes, size } = this.#fileOf(fd);
    const end = Math.min(into.length, Math.max(0, size - position));
    const copied = position < bytes.length ? bytes.copy(into, 0, position, position + end) : 0;
    into.fill(0, copied, end);
    return end;
  }

  write(fd: number, bytes: Buffer, position: number): number {
    return this.#write(this.#fileOf(fd), { bytes, position });
  }

  /** Not all can. What is stored there is the file's, whenever the process dies. */
  map(fd: number, bytes: number): Mapping | null {
    this.#doom.alive();
    if (this.#disk.random() < 0.5) return null;
    let file = this.#fileOf(fd);
    const shared = Buffer.alloc(bytes);
    file.bytes.copy(shared);
    file.bytes = shared;
    return {
      bytes: shared,
      moveTo: (next) => {
        this.#doom.step();
        file.bytes = Buffer.from(shared);
        file = this.#fileOf(next);
        shared.fill(0);
        file.bytes.copy(shared);
        file.bytes = shared;
      },
      close: () => undefined,
    };
  }

  size(fd: number): number {
    return this.#fileOf(fd).size;
  }

  datasync(): void {
    this.#doom.step();
  }

  async datasyncLater(): Promise<void> {
    this.#disk.begun += 1;
    this.#doom.step();
  }

  rename(from: string, to: string): void {
    this.#doom.step();
    const { files } = this.#disk;
    const file = files.get(from) as File;
    files.delete(from);
    files.set(to, Object.assign(file, placeOf(to)));
  }

  remove(path: string): boolean {
    this.#doom.step();
    const { files, removed } = this.#disk;
    const file = files.get(path);
    if (file === undefined) return false;
    files.delete(path);
    if (!path.endsWith('.new')) removed.set(path, file);
    return true;
  }

  exists(path: string): boolean {
    this.#doom.alive();
    return this.#disk.files.has(path);
  }

  list(directory: string): string[] {
    this.#doom.alive();
    const names: string[] = [];
    for (const file of this.#disk.files.values()) {
      if (file.directory === directory) names.push(file.name);
    }
    return names;
  }

  makeDirectory(): void {
    this.#doom.alive();
  }

  syncDirectory(): void {
    this.#doom.step();
  }

  async create(path: string, pieces: Iterable<Buffer>): Promise<void> {
    this.#disk.begun += 1;
    const file = this.#make(path);
    let position = 0;
    for (const bytes of pieces) position += this.#write(file, { bytes, position });
  }

  freeBytes(): number {
    this.#doom.alive();
    return this.#disk.full ? 0 : 2 ** 40;
  }

  #fileOf(fd: number): File {
    const file = this.#handles.get(fd);
    if (file === undefined) throw failure('EBADF');
    return file;
  }

  #make(path: string): File {
    this.#doom.step();
    if (this.#disk.full) throw failure('ENOSPC');
    if (this.#disk.files.has(path)) throw failure('EEXIST');
    const file = { ...placeOf(path), bytes: NOTHING, size: 0 };
    this.#disk.files.set(path, file);
    return file;
  }

  #write(file: File, piece: { readonly bytes: Buffer; readonly position: number }): number {
    const last = this.#doom.isLast();
    const { length } = piece.bytes;
    const written = last ? Math.floor(this.#disk.random() * (length + 1)) : length;
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
    if (last) this.#doom.alive();
    return written;
  }
}
