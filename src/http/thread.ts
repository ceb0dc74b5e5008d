// What the supervisor and its HTTP workers say to each other, and the one word of memory they
// share.

import type { MessagePort } from 'node:worker_threads';
import type { BudgetConfig, Config } from '../config/config.js';
import type { VirtualKey } from '../keys/key.js';
import type { JournalOptions } from '../ledger/journal.js';
import type { SyncedPrices } from '../pricing/catalogue.js';

/** Whether requests are let in: one Int32 that every worker reads. Only the first admits. */
export const GATE = { open: 0, draining: 1, failed: 2 } as const;
export type Gate = (typeof GATE)[keyof typeof GATE];

export interface WorkerStart {
  readonly config: Config;
  /** The limits in force: those of the file, and what is raised for a while. */
  readonly budget: BudgetConfig;
  readonly port: number;
  readonly counters: SharedArrayBuffer;
  readonly gate: SharedArrayBuffer;
  /** This worker's share of `server.max_held_bytes`. */
  readonly heldBytesMax: number;
  /** Of all workers: each writes its own cells. */
  readonly tally: SharedArrayBuffer;
  /** The worker's place among them. */
  readonly index: number;
  readonly salt: string;
  readonly journalId: number;
  readonly journal: Omit<JournalOptions, 'journalId' | 'disk'>;
  readonly tokens: MessagePort;
  /** `null`: the bundled ones. */
  readonly prices: SyncedPrices | null;
  /** `null`: callers go by their names. */
  readonly keys: readonly VirtualKey[] | null;
}

export type FromWorker =
  | { readonly type: 'listening' }
  /** Works by the configuration of that number. */
  | { readonly type: 'configured'; readonly id: number }
  /** Cannot serve: the port is taken, a native binary is missing. */
  | { readonly type: 'cannot_start'; readonly message: string }
  /** The journal failed: nothing may be admitted any more. */
  | { readonly type: 'ledger_failed'; readonly message: string }
  /** A programming error; the thread ends after this. */
  | { readonly type: 'defect'; readonly message: string };

export type ToWorker =
  | { readonly type: 'drain'; readonly graceMs: number }
  /** Another configuration, from the next request on; answered by `configured`. */
  | {
      readonly type: 'config';
      readonly id: number;
      readonly config: Config;
      readonly budget: BudgetConfig;
    }
  /** Other limits, from the next request on. */
  | { readonly type: 'limits'; readonly budget: BudgetConfig }
  /** Those that were issued, from the next request on. */
  | { readonly type: 'keys'; readonly keys: readonly VirtualKey[] }
  /** The files have another certificate, which fits its key: new connections see it. */
  | { readonly type: 'certificate' }
  /** From the next request on; requests under way keep the price that they were admitted at. */
  | { readonly type: 'prices'; readonly prices: SyncedPrices | null };
