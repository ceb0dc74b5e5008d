// A running proxy as the admin listener sees it: what may be read, and the few things that may be
// done. The supervisor fills it in; a route takes nothing from anywhere else.

import type { Config } from '../config/config.js';
import { localDate } from '../kernel/calendar.js';
import type { NanoUsd } from '../kernel/money.js';
import type { Raise } from '../kernel/raise.js';
import type { LocalDate, WindowKind } from '../kernel/scope.js';
import type { Ledger } from '../ledger/client.js';
import type { Adjusted, Adjustment, LedgerStatus } from '../ledger/protocol.js';
import type { PriceTable } from '../pricing/table.js';
import type { TallyReader } from '../proxy/tally.js';

/** What a window holds this instant, as admission sees it. */
export interface Holding {
  readonly settled: NanoUsd;
  readonly reserved: NanoUsd;
}

/** The state of the books, and how far the counters are from them. */
export interface Books extends LedgerStatus {
  /** What the counters hold beyond the books, of everyone's budgets: 0 unless there is a defect. */
  readonly drift: NanoUsd;
}

/** Limits that are higher for a while. */
export interface RaiseBook {
  readonly all: readonly Raise[];
  /** Granted, or ended before its time. In force when it returns. */
  put(raise: Raise): Promise<void>;
}

/** Of the configuration file. */
export interface ConfigState {
  /** When the one in force was read. */
  readonly loadedAtMs: number;
  /** Why what was read since is not in force; `null` when nothing was. */
  readonly problem: string | null;
}

export interface Running {
  /** Its budget has the limits in force, raises included. */
  readonly config: Config;
  readonly raises: RaiseBook;
  /** Reads the file again. The keys that need a restart. Throws `bad_config`. */
  readonly reload: () => Promise<readonly string[]>;
  readonly configState: () => ConfigState;
  /** Of the data plane, as in the ready line. */
  readonly address: string;
  readonly version: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly now: () => number;
  readonly ledger: Ledger;
  /** Corrects books and budgets by invoices. */
  readonly adjust: (wanted: readonly Adjustment[]) => Promise<Adjusted[]>;
  readonly books: (date: LocalDate) => Promise<Books>;
  /** HTTP worker threads that live. */
  readonly workers: () => number;
  /** The prices in use, and the day that they are of. */
  readonly prices: () => { readonly version: string; readonly asOfMs: number };
  /** The same, model by model. */
  readonly priceTable: () => PriceTable;
  /** What the workers have counted. */
  readonly tally: TallyReader;
  readonly state: () => 'ready' | 'draining' | 'ledger_unavailable';
  /** Of one user's window, or everyone's for `null`, from the counters. */
  readonly holding: (user: string | null, window: WindowKind, date: LocalDate) => Holding;
}

/** The day that budgets are counted in now. */
export const today = ({ config, now }: Running): LocalDate =>
  localDate(now(), config.budget.timezone);
