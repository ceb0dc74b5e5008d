// `<storage>/keys.json`: every key that was issued, as a hash. One process at a time changes it,
// and whoever reads it has it whole.

import { randomBytes } from 'node:crypto';
import { closeSync, mkdirSync, openSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { tryLock } from 'fs-native-extensions';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import { nano } from '../kernel/money.js';
import { stampOf, writeWhole } from '../kernel/whole-file.js';
import { KEY_BYTES, keyIdOf, keyText, sha256Of, type VirtualKey } from './key.js';

const FORMAT = 1;
/** For its owner alone: hashes are no keys, but who has which is nobody else's business. */
const MODE = 0o600;
const TRIES = 250;
const PAUSE_MS = 20;

export const keysFile = (storagePath: string): string => join(storagePath, 'keys.json');

/** Changes whenever the keys do; `null` while none was issued. */
export const keysStamp = (storagePath: string): string | null => stampOf(keysFile(storagePath));

/** In the order in which they were issued. Throws `keys_damaged` for a file that is not ours. */
export function readKeys(storagePath: string): VirtualKey[] {
  const path = keysFile(storagePath);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw damaged(path, messageOf(error));
  }
  try {
    const stored = JSON.parse(text) as { format: number; keys: StoredKey[] };
    if (stored.format !== FORMAT) throw new Error(`it has format ${stored.format}, not ${FORMAT}`);
    return stored.keys.map(unpack);
  } catch (error) {
    throw damaged(path, messageOf(error));
  }
}

export type KeyTerms = Omit<VirtualKey, 'id' | 'sha256' | 'revokedAtMs'>;

/** Stores a new key and returns its text, which nobody can be shown again. */
export async function issueKey(
  storagePath: string,
  terms: KeyTerms,
): Promise<{ text: string; key: VirtualKey }> {
  const text = keyText(randomBytes(KEY_BYTES));
  const sha256 = sha256Of(text);
  const key: VirtualKey = { ...terms, id: keyIdOf(sha256), sha256, revokedAtMs: null };
  await change(storagePath, (keys) => [...keys, key]);
  return { text, key };
}

/** Ends a key for good. `null` when there is none of that id; an ended one stays as it was. */
export async function revokeKey(
  storagePath: string,
  id: string,
  nowMs: number,
): Promise<VirtualKey | null> {
  const ended = (key: VirtualKey): VirtualKey => ({
    ...key,
    revokedAtMs: key.revokedAtMs ?? nowMs,
  });
  const after = await change(storagePath, (keys) =>
    keys.map((key) => (key.id === id ? ended(key) : key)),
  );
  return after.find((key) => key.id === id) ?? null;
}

async function change(
  storagePath: string,
  edit: (keys: VirtualKey[]) => VirtualKey[],
): Promise<VirtualKey[]> {
  mkdirSync(storagePath, { recursive: true });
  const lock = openSync(join(storagePath, 'keys.lock'), 'a', MODE);
  try {
    for (let left = TRIES; !tryLock(lock); left -= 1) {
      if (left === 0) throw new TokenPakError('keys_locked', 'another process changes the keys');
      await wait(PAUSE_MS);
    }
    const keys = edit(readKeys(storagePath));
    const text = JSON.stringify({ format: FORMAT, keys: keys.map(pack) }, null, 2);
    writeWhole(keysFile(storagePath), `${text}\n`, MODE);
    return keys;
  } finally {
    closeSync(lock);
  }
}

type StoredKey = Omit<VirtualKey, 'dailyLimit' | 'monthlyLimit'> & {
  readonly dailyLimit: string | null;
  readonly monthlyLimit: string | null;
};

const pack = (key: VirtualKey): StoredKey => ({
  ...key,
  dailyLimit: key.dailyLimit?.toString() ?? null,
  monthlyLimit: key.monthlyLimit?.toString() ?? null,
});

function unpack(stored: StoredKey): VirtualKey {
  const { id, sha256, user, dailyLimit, monthlyLimit } = stored;
  if (typeof user !== 'string' || keyIdOf(sha256) !== id) throw new Error('a key in it is no key');
  return {
    ...stored,
    dailyLimit: dailyLimit === null ? null : nano(BigInt(dailyLimit)),
    monthlyLimit: monthlyLimit === null ? null : nano(BigInt(monthlyLimit)),
  };
}

const damaged = (path: string, why: string): TokenPakError =>
  new TokenPakError(
    'keys_damaged',
    `${path} cannot be read: ${why}. Put a copy of it back, or move it away and issue new keys.`,
  );
