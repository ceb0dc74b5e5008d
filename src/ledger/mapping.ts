// A file's bytes as memory (mmap): what is stored there is the file's at once, as if it had been
// written, without a system call. Node has no mmap of its own: koffi calls the system's.

import { closeSync, openSync, rmSync, statfsSync, writeSync } from 'node:fs';
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { getSystemErrorName } from 'node:util';
import type * as Koffi from 'koffi';

/** A thread that ends without closing it leaves it, and the file's blocks, to its process's end. */
export interface Mapping {
  /** Nothing may touch them after `close`. */
  readonly bytes: Buffer;
  /** Puts another file of the same size behind the same bytes; when it throws, maybe none. */
  moveTo(fd: number): void;
  close(): void;
}

type Address = bigint;

const PROT_READ_WRITE = 0x1 | 0x2;
const MAP_SHARED = 0x1;
const MAP_FIXED = 0x10;
const MAP_FAILED: Address = 2n ** 64n - 1n;

/**
 * As statfs(2) of Linux tells them. They write a file's blocks where these are; one that copies
 * them needs room for each, and a store that finds none ends the process.
 */
const WRITE_IN_PLACE = { ext4: 0xef53, xfs: 0x58465342, tmpfs: 0x01021994 } as const;
const FILE_SYSTEMS: ReadonlySet<number> = new Set(Object.values(WRITE_IN_PLACE));

const MMAP = 'void *mmap(void *, size_t, int, int, int, int64_t)';
const MUNMAP = 'int munmap(void *, size_t)';

/**
 * Maps the first bytes of a file that is open for reading and writing, and has its blocks. `null`
 * where that cannot be done: not on Linux, on another file system, without koffi's binary.
 */
export function mapFile(fd: number, bytes: number): Mapping | null {
  try {
    const { type } = statfsSync(`/proc/self/fd/${fd}`);
    return FILE_SYSTEMS.has(type) ? new FileMapping(fd, bytes) : null;
  } catch {
    return null;
  }
}

/** Whether files in a directory can be mapped; tried with one that leaves nothing behind. */
export function canMapIn(directory: string): boolean {
  const path = join(directory, `mappable-${process.pid}.tmp`);
  const fd = openSync(path, 'wx+');
  try {
    rmSync(path);
    const bytes = writeSync(fd, Buffer.alloc(4096));
    const mapping = mapFile(fd, bytes);
    mapping?.close();
    return mapping !== null;
  } finally {
    closeSync(fd);
  }
}

class FileMapping implements Mapping {
  readonly bytes: Buffer;
  readonly #koffi = createRequire(import.meta.url)('koffi') as typeof Koffi;
  readonly #system = this.#koffi.load(null);
  readonly #mmap = this.#system.func(MMAP);
  readonly #address: Address;
  /** Others may have mapped there what they need. */
  #isLost = false;

  constructor(fd: number, bytes: number) {
    this.#address = this.#map(fd, { at: null, bytes, flags: MAP_SHARED });
    this.bytes = Buffer.from(this.#koffi.view(this.#address, bytes));
  }

  moveTo(fd: number): void {
    const { length } = this.bytes;
    this.#isLost = true;
    this.#map(fd, { at: this.#address, bytes: length, flags: MAP_SHARED | MAP_FIXED });
    this.#isLost = false;
  }

  close(): void {
    if (!this.#isLost) this.#system.func(MUNMAP)(this.#address, this.bytes.length);
  }

  #map(
    fd: number,
    { at, bytes, flags }: { at: Address | null; bytes: number; flags: number },
  ): Address {
    const address: Address = this.#mmap(at, bytes, PROT_READ_WRITE, flags, fd, 0);
    if (address !== MAP_FAILED) return address;
    throw new Error(`mmap: ${getSystemErrorName(-this.#koffi.errno())}`);
  }
}
