// The channel of the log file: one line per alert, in the configured file or, when that cannot be
// written, in the data directory.

import { accessSync, appendFileSync, constants, mkdirSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type AlertEvent, type ChannelPlan, LOG_CHANNEL } from '../kernel/alert.js';
import { messageOf } from '../kernel/errors.js';
import type { Channel, Delivery } from './channel.js';
import { alertLine } from './line.js';

/** Where lines go that the configured file does not take. */
export const fallbackLog = (storagePath: string): string => join(storagePath, 'alerts.log');

export class LogChannel implements Channel {
  readonly plan: ChannelPlan = { name: LOG_CHANNEL, standbyMs: null };
  readonly kind = 'log';
  readonly label: string;
  readonly lanes = 1;
  readonly page = 256;
  readonly #files: readonly string[];

  constructor({ logFile, storagePath }: { logFile: string; storagePath: string }) {
    this.label = logFile;
    this.#files = [logFile, fallbackLog(storagePath)];
  }

  /**
   * Opened anew each time: alerts are rare, a file that logrotate moved away is followed without a
   * signal, and a disk that was cleared is used again.
   */
  send(event: AlertEvent): Promise<Delivery> {
    const failures: string[] = [];
    for (const file of this.#files) {
      try {
        mkdirSync(dirname(file), { recursive: true });
        appendFileSync(file, `${alertLine(event)}\n`, { mode: 0o640 });
        return Promise.resolve({ ok: true });
      } catch (error) {
        failures.push(messageOf(error));
      }
    }
    return Promise.resolve({ ok: false, error: failures.join('; ') });
  }

  probe(): Promise<Delivery> {
    if (this.#files.some(canAppend)) return Promise.resolve({ ok: true });
    return Promise.resolve({
      ok: false,
      error: 'neither it nor the data directory can be written',
    });
  }

  close(): void {
    // No file is held open.
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
