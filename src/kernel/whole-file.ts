// Small files that several processes share: written whole or not at all, and known to have changed
// by a stamp.

import {
  closeSync,
  fsyncSync,
  mkdirSync,
  openSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

/** Durable when it returns. Whoever reads meanwhile has the old text or the new. */
export function writeWhole(path: string, text: string, mode: number): void {
  const folder = dirname(path);
  mkdirSync(folder, { recursive: true });
  const temporary = `${path}.${process.pid}`;
  try {
    // A leftover of a process that was killed must not lend its mode.
    rmSync(temporary, { force: true });
    const fd = openSync(temporary, 'wx', mode);
    try {
      // Not `writeSync`, which takes what the disk has room for, and leaves the rest.
      writeFileSync(fd, text);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncFolder(folder);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** Changes whenever the file does; `null` without one. */
export function stampOf(path: string): string | null {
  const found = statSync(path, { throwIfNoEntry: false });
  return found === undefined ? null : `${found.ino} ${found.size} ${found.mtimeMs}`;
}

function syncFolder(path: string): void {
  const fd = openSync(path, 'r');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
