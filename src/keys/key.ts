// A virtual key: its text, which is shown once and never stored, and what is kept of it.
//
//   tpk_ ········ 40 hex digits, 160 random bits ········ ··· 8 hex digits, CRC-32C ···
//
// The checksum tells a slip of the hand from a key that nobody issued, without a look at any table.

import { hash } from 'node:crypto';
import { crc32c } from '../kernel/crc32c.js';
import type { NanoUsd } from '../kernel/money.js';

export const KEY_BYTES = 20;

const PREFIX = 'tpk_';
const SHAPE = /^tpk_[0-9a-f]{48}$/;
const SECRET_END = PREFIX.length + 2 * KEY_BYTES;

export interface VirtualKey {
  /** Names the key without being it. */
  readonly id: string;
  /** Of the key's whole text, in hex. */
  readonly sha256: string;
  readonly user: string;
  /** What it may ask for; `null`: every model. */
  readonly models: readonly string[] | null;
  /** Bind the key's user, who is held to the least of all that apply. `null`: none of the key's. */
  readonly dailyLimit: NanoUsd | null;
  readonly monthlyLimit: NanoUsd | null;
  readonly createdAtMs: number;
  readonly expiresAtMs: number | null;
  readonly revokedAtMs: number | null;
}

export type KeyState = 'active' | 'expired' | 'revoked';

/** The text of a key of so many random bytes. */
export function keyText(random: Buffer): string {
  const secret = random.toString('hex');
  return `${PREFIX}${secret}${checksumOf(secret)}`;
}

export type KeyFault = 'malformed' | 'mistyped';

/** What is wrong with a text that should be a key; `null` when it could be one. */
export function faultOf(text: string): KeyFault | null {
  if (!SHAPE.test(text)) return 'malformed';
  const secret = text.slice(PREFIX.length, SECRET_END);
  return text.slice(SECRET_END) === checksumOf(secret) ? null : 'mistyped';
}

export const sha256Of = (text: string): string => hash('sha256', text, 'hex');

/** From the hash: a name of the key that says nothing of its text. */
export const keyIdOf = (sha256: string): string => `key_${sha256.slice(0, 12)}`;

export function stateOf({ revokedAtMs, expiresAtMs }: VirtualKey, nowMs: number): KeyState {
  if (revokedAtMs !== null) return 'revoked';
  return expiresAtMs !== null && nowMs >= expiresAtMs ? 'expired' : 'active';
}

const checksumOf = (secret: string): string =>
  crc32c(Buffer.from(secret), 0, secret.length).toString(16).padStart(8, '0');
