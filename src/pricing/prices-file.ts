// `<storage>/prices.json`: the prices that were synced last. Written whole or not at all, and
// believed only when it is what was written.

import { createHash } from 'node:crypto';
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import { stampOf, writeWhole } from '../kernel/whole-file.js';
import type { SyncedPrices } from './catalogue.js';
import type { Sheet } from './sheet.js';

export interface StoredPrices extends SyncedPrices {
  /** As it stands in the configuration. */
  readonly source: string;
  /** When they were first had, and when the source last said that they still hold. */
  readonly fetchedAtMs: number;
  readonly checkedAtMs: number;
  /** The answer that holds all of `providers`; `null` when they come from several. */
  readonly etag: string | null;
}

const FORMAT = 1;

export const pricesFile = (storagePath: string): string => join(storagePath, 'prices.json');

export const hashOf = (providers: Sheet): string =>
  createHash('sha256').update(JSON.stringify(providers)).digest('hex');

/** `null` when nothing was synced. Throws `prices_damaged` when the file is not what was stored. */
export function readPrices(storagePath: string): StoredPrices | null {
  const path = pricesFile(storagePath);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null;
    throw damaged(path, messageOf(error));
  }
  let stored: (StoredPrices & { readonly format: number; readonly sha256: string }) | null;
  try {
    stored = JSON.parse(text) as typeof stored;
  } catch (error) {
    throw damaged(path, messageOf(error));
  }
  if (typeof stored?.providers !== 'object') throw damaged(path, 'it holds no prices');
  const { format, sha256, ...prices } = stored;
  if (format !== FORMAT) throw damaged(path, `it has format ${format}, this program reads 1`);
  if (hashOf(prices.providers) !== sha256) throw damaged(path, 'it does not match its checksum');
  return prices;
}

export function writePrices(storagePath: string, prices: StoredPrices): void {
  const path = pricesFile(storagePath);
  const text = JSON.stringify({ format: FORMAT, sha256: hashOf(prices.providers), ...prices });
  writeWhole(path, text, 0o644);
}

/** Back to the bundled snapshot. False when nothing was stored. */
export function removePrices(storagePath: string): boolean {
  const found = pricesStamp(storagePath) !== null;
  rmSync(pricesFile(storagePath), { force: true });
  return found;
}

/** Changes whenever the prices do; `null` while none are stored. */
export const pricesStamp = (storagePath: string): string | null => stampOf(pricesFile(storagePath));

const damaged = (path: string, why: string): TokenPakError =>
  new TokenPakError(
    'prices_damaged',
    `${path} cannot be read: ${why}. Run tokenpak sync-pricing again, or delete the file to go ` +
      'back to the bundled prices.',
  );
