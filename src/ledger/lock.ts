// One proxy at a time holds a data directory: an exclusive lock on `<storage>/lock`, kept for the
// process's life and given back by the system however it ends. The file names its holder.

import { closeSync, ftruncateSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';
import { messageOf, TokenPakError } from '../kernel/errors.js';

/** A report asks for the lock for an instant to see whether it is held: worth a second try. */
const TRIES = 5;
const PAUSE_MS = 20;

export interface DirectoryLock {
  release(): void;
}

/** Throws `data_directory_locked` when another process, or another ledger of this one, has it. */
export async function lockDirectory(storagePath: string): Promise<DirectoryLock> {
  const path = join(storagePath, 'lock');
  const fd = openLock(storagePath, path);
  for (let left = TRIES; !tryLock(fd); left -= 1) {
    if (left > 1) {
      await wait(PAUSE_MS);
      continue;
    }
    closeSync(fd);
    const holder = readFileSync(path, 'utf8').trim();
    const who = holder === '' ? 'another process' : `process ${holder}`;
    throw new TokenPakError(
      'data_directory_locked',
      `The data directory ${storagePath} is in use by ${who}. ` +
        'Stop that proxy, or set storage.path to a directory of its own.',
    );
  }
  ftruncateSync(fd);
  writeSync(fd, `${process.pid}\n`, 0);
  return { release: () => closeSync(fd) };
}

function openLock(storagePath: string, path: string): number {
  try {
    mkdirSync(storagePath, { recursive: true });
    return openSync(path, 'a+');
  } catch (error) {
    throw new TokenPakError(
      'ledger_unavailable',
      `The data directory ${storagePath} cannot be used: ${messageOf(error)}. ` +
        'Set storage.path to a directory that can be written.',
      { cause: error },
    );
  }
}

/** Whether a proxy runs on the directory now. */
export function isHeld(storagePath: string): boolean {
  let fd: number;
  try {
    fd = openSync(join(storagePath, 'lock'), 'r');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return false;
    throw error;
  }
  try {
    return !tryLock(fd, { shared: true });
  } finally {
    closeSync(fd);
  }
}
