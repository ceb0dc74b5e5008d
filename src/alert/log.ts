// The alert log: one line per alert, in the configured file or, when that cannot be written, in the
// data directory. Must never lose a line silently: an append that fails in both places throws.

import { accessSync, appendFileSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { messageOf, TokenPakError } from '../kernel/errors.js';

/** Where lines go that the configured file does not take. */
export const fallbackLog = (storagePath: string): string => join(storagePath, 'alerts.log');

export class AlertLog {
  readonly #files: readonly string[];

  constructor({ logFile, storagePath }: { logFile: string; storagePath: string }) {
    this.#files = [logFile, fallbackLog(storagePath)];
  }

  /**
   * Appends a line and returns the file that took it. Opened anew each time: alerts are rare, a
   * file that logrotate moved away is followed without a signal, a disk that was cleared is used
   * again.
   */
  append(line: string): string {
    const failures: string[] = [];
    for (const file of this.#files) {
      try {
        mkdirSync(dirname(file), { recursive: true });
        appendFileSync(file, `${line}\n`, { mode: 0o640 });
        return file;
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    throw new TokenPakError('alert_log_unavailable', `no alert log: ${failures.join('; ')}`);
  }
}

/** Whether an append would be allowed, found out without creating anything. */
export function canAppend(file: string): boolean {
  try {
    const stat = statSync(file, { throwIfNoEntry: false });
    if (stat !== undefined) {
      accessSync(file, constants.W_OK);
      return !stat.isDirectory();
    }
    return canCreateIn(dirname(file));
  } catch {
    // Not allowed, or a file stands where a folder should: either way no.
    return false;
  }
}

function canCreateIn(folder: string): boolean {
  const stat = statSync(folder, { throwIfNoEntry: false });
  if (stat === undefined) return canCreateIn(dirname(folder));
  accessSync(folder, constants.W_OK | constants.X_OK);
  return stat.isDirectory();
}
