// What one HTTP worker holds to serve requests: made once at its start, passed down the pipeline.

import type { Accounts } from '../budget/account.js';
import type { Counters } from '../budget/counters.js';
import type { Config } from '../config/config.js';
import type { WindowClock } from '../kernel/calendar.js';
import type { KeyRing } from '../keys/key-ring.js';
import type { Journal } from '../ledger/journal.js';
import type { PriceTable } from '../pricing/table.js';
import type { TokenClient } from '../tokens/client.js';
import type { Deadlines } from '../upstream/deadlines.js';
import type { Upstream } from '../upstream/upstream.js';
import type { AskedAgain } from './asked-again.js';
import type { LearnedOutput } from './learned.js';
import type { Tally } from './tally.js';
import type { Turn } from './turn.js';

export interface Proxy {
  /** Replaced whole between two requests when the file is read again. */
  config: Config;
  /** Replaced whole between two requests when prices are synced. */
  prices: PriceTable;
  /** `null`: a caller's name is all it needs. Replaced whole when keys change. */
  keys: KeyRing | null;
  readonly counters: Counters;
  readonly accounts: Accounts;
  readonly calendar: WindowClock;
  readonly journal: Journal;
  readonly turn: Turn;
  readonly tokens: TokenClient;
  readonly deadlines: Pick<Deadlines, 'timeoutMs' | 'add' | 'remove'>;
  upstreams: ReadonlyMap<string, Upstream>;
  readonly now: () => number;
  /** Microseconds since some instant, monotonic: for durations. */
  readonly nowUs: () => number;
  readonly tally: Tally;
  readonly askedAgain: AskedAgain;
  /** For `reserve: expected`; else nobody asks it. */
  readonly learned: LearnedOutput;
  /** What this worker has reported, as `event|scope|window|ordinal`. */
  readonly reported: Set<string>;
}
