// What HTTP workers and the supervisor's pool say to each other about counting. Texts travel, are
// counted and are forgotten: neither side stores or logs them.

import type { Encoding } from '../kernel/encoding.js';

export interface CountTask {
  readonly encoding: Encoding;
  readonly texts: readonly string[];
}

export interface CountRequest extends CountTask {
  readonly id: number;
}

export interface CountReply {
  readonly id: number;
  /** One count a text; `null` when the pool is full or gave the task up. */
  readonly counts: readonly number[] | null;
}
