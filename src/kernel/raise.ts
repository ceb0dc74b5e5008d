// A limit that is higher for a while: whose, by how much, until when, and why.

import type { NanoUsd } from './money.js';
import type { WindowKind } from './scope.js';

export interface Raise {
  readonly id: string;
  /** `null`: everyone together. */
  readonly user: string | null;
  readonly window: WindowKind;
  /** What is added to the limit of the file. */
  readonly amount: NanoUsd;
  readonly reason: string;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** When it was taken back before its time. */
  readonly endedAtMs: number | null;
}

export const isInForce = ({ expiresAtMs, endedAtMs }: Raise, nowMs: number): boolean =>
  endedAtMs === null && nowMs < expiresAtMs;
