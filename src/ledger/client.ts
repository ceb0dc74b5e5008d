// The ledger as the supervisor sees it: holds the data directory's lock, starts the ledger thread
// and talks to it. No request ever waits for it.

import { Worker } from 'node:worker_threads';
import type { BudgetConfig } from '../config/config.js';
import type { Attempt, ChannelPlan, DuePage, Notice, OwedAlert } from '../kernel/alert.js';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import type { Raise } from '../kernel/raise.js';
import type { LocalDate } from '../kernel/scope.js';
import { assureBooks } from './rebuild.js';
import { type DirectoryLock, lockDirectory } from './lock.js';
import type {
  Adjusted,
  Adjustment,
  Balance,
  Charged,
  FromThread,
  LedgerStatus,
  Recent,
  Request,
  ThreadData,
  Verb,
  Verbs,
} from './protocol.js';
import type { UtcTotals } from './utc-totals.js';
import type { SpendQuery, SpendResult } from './spend.js';

export interface LedgerOptions {
  readonly storagePath: string;
  readonly budget: BudgetConfig;
  /** Every alert is owed to each of these; what is owed to others is given up. */
  readonly channels: readonly ChannelPlan[];
  readonly retentionDays?: number;
  readonly archiveBytesMax?: number;
  readonly keepsRecent?: boolean;
  /** There are new alerts to deliver. */
  readonly onAlerts: () => void;
  /** Booking has stopped, for now or for good: nothing may be admitted. */
  readonly onFailure: (error: Error) => void;
  readonly now: () => number;
}

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
}

export class Ledger {
  readonly #options: LedgerOptions;
  readonly #lock: DirectoryLock;
  readonly #worker: Worker;
  readonly #waiting = new Map<number, Waiting>();
  #nextId = 0;
  #closing = false;
  #ended = false;

  private constructor(options: LedgerOptions, lock: DirectoryLock) {
    this.#options = options;
    this.#lock = lock;
    const { storagePath, budget, channels } = options;
    const { retentionDays = 0, archiveBytesMax = 0, keepsRecent = false } = options;
    const workerData: ThreadData = {
      storagePath,
      budget,
      channels,
      retentionDays,
      archiveBytesMax,
      keepsRecent,
    };
    this.#worker = new Worker(new URL('./thread.js', import.meta.url), { workerData });
    this.#worker.on('message', (message: FromThread) => this.#receive(message));
    this.#worker.on('error', (error) => this.#gone(error));
    this.#worker.on('exit', () => this.#gone(new Error('it ended')));
  }

  /**
   * Takes the data directory and brings its books up to date: replays what earlier processes wrote
   * and charges in full what they left open. Throws `data_directory_locked`, `ledger_missing`, or
   * `ledger_damaged` naming the file and the place.
   */
  static async open(options: LedgerOptions): Promise<Ledger> {
    const lock = await lockDirectory(options.storagePath);
    try {
      assureBooks(options.storagePath);
    } catch (error) {
      lock.release();
      throw error;
    }
    const ledger = new Ledger(options, lock);
    try {
      await ledger.#call('start', options.now());
    } catch (error) {
      ledger.#closing = true;
      await ledger.#worker.terminate();
      lock.release();
      throw error;
    }
    return ledger;
  }

  /** The number of a new journal; none is ever given twice. */
  nextJournalId(): Promise<number> {
    return this.#call('nextJournalId');
  }

  /** What every scope has settled in the day and month of a date, and in each later one. */
  balances(from: LocalDate): Promise<Balance[]> {
    return this.#call('balances', from);
  }

  /** The writer of a journal has died: books it to its end and charges what it left open. */
  recover(journalId: number): Promise<Charged[]> {
    return this.#call('recover', journalId, this.#options.now());
  }

  /** What is booked of the UTC days from `from` to `to`, both included. */
  utcTotals(from: LocalDate, to: LocalDate): Promise<UtcTotals[]> {
    return this.#call('utcTotals', from, to, this.#options.now());
  }

  /** Corrects the books by invoices. What is booked already is not booked again. */
  adjust(wanted: readonly Adjustment[]): Promise<Adjusted[]> {
    return this.#call('adjust', wanted, this.#options.now());
  }

  /** Tells people, once per event and key, what is no budget's affair. */
  raise(notice: Notice): Promise<void> {
    return this.#call('raise', notice);
  }

  /** Owes what the pace of spending foretells. */
  forecast(): Promise<void> {
    return this.#call('forecast', this.#options.now());
  }

  dueAlerts(channel: string, nowMs: number, limit: number): Promise<DuePage> {
    return this.#call('dueAlerts', channel, nowMs, limit);
  }

  attempted(channel: string, attempts: readonly Attempt[]): Promise<void> {
    return this.#call('attempted', channel, attempts);
  }

  hurryAlerts(channel: string, nowMs: number): Promise<void> {
    return this.#call('hurryAlerts', channel, nowMs);
  }

  /** Makes one alert, or all that a channel has given up, due again. Returns how many. */
  replayAlerts(eventId: string | null): Promise<number> {
    return this.#call('replayAlerts', eventId, this.#options.now());
  }

  /** New limits and thresholds; what is booked stays. */
  reconfigure(budget: BudgetConfig, channels: readonly ChannelPlan[]): Promise<void> {
    return this.#call('reconfigure', budget, channels);
  }

  /** The state of the books after booking what is written by now; windows are those of the date. */
  status(date: LocalDate): Promise<LedgerStatus> {
    return this.#call('status', date, this.#options.now());
  }

  /** Raises of limits, those that are over too. */
  raises(): Promise<Raise[]> {
    return this.#call('raises');
  }

  /** New, or with another end. */
  putRaise(raise: Raise): Promise<void> {
    return this.#call('putRaise', raise);
  }

  /** The newest first, whether delivered or not. */
  recentAlerts(limit: number): Promise<OwedAlert[]> {
    return this.#call('recentAlerts', limit);
  }

  /** What was spent, up to now: the dearest rows, and the total of all. */
  async spend(query: SpendQuery, rowsMax = Number.POSITIVE_INFINITY): Promise<SpendResult> {
    const [result] = await this.#call('spends', [query], rowsMax, this.#options.now());
    return result as SpendResult;
  }

  /** The same of several questions, as far as it is booked: `status` before it books the rest. */
  bookedSpends(queries: readonly SpendQuery[], rowsMax: number): Promise<SpendResult[]> {
    return this.#call('bookedSpends', queries, rowsMax);
  }

  /** What has been booked since the last question, so many at most; needs `keepsRecent`. */
  recent(limit: number): Promise<Recent> {
    return this.#call('recent', limit);
  }

  /** Resolves when everything written before the call is booked. */
  drained(): Promise<void> {
    return this.#call('drained', this.#options.now());
  }

  async close(): Promise<void> {
    if (this.#closing) return;
    this.#closing = true;
    await this.#call('close').catch(() => this.#worker.terminate());
    this.#lock.release();
  }

  #call<V extends Verb>(
    verb: V,
    ...args: Parameters<Verbs[V]>
  ): Promise<Awaited<ReturnType<Verbs[V]>>> {
    if (this.#ended) return Promise.reject(ended(`nobody answers ${verb}`));
    const id = this.#nextId;
    this.#nextId += 1;
    const request: Request = { id, verb, args };
    return new Promise((resolve, reject) => {
      this.#waiting.set(id, { resolve: resolve as Waiting['resolve'], reject });
      this.#worker.postMessage(request);
    });
  }

  #receive(message: FromThread): void {
    if (message.kind === 'alerts') return this.#options.onAlerts();
    if (message.kind === 'failure') {
      const { code, message: text } = message.error;
      return this.#options.onFailure(new TokenPakError(code, text));
    }
    const waiting = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if (message.kind === 'answer') waiting?.resolve(message.value);
    else waiting?.reject(new TokenPakError(message.error.code, message.error.message));
  }

  /** The thread has ended. Asked for or not, nobody will answer any more. */
  #gone(cause: unknown): void {
    const error = ended(messageOf(cause), cause);
    this.#ended = true;
    const waiting = [...this.#waiting.values()];
    this.#waiting.clear();
    for (const { reject } of waiting) reject(error);
    if (!this.#closing) {
      this.#closing = true;
      this.#options.onFailure(error);
    }
  }
}

const ended = (why: string, cause?: unknown): TokenPakError =>
  new TokenPakError('ledger_unavailable', `The ledger thread has ended: ${why}`, { cause });
