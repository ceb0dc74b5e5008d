// Books the journals into the store: follows those that are written, ends those whose writer is
// gone, deletes what is durably booked. Runs in the ledger thread and never waits for anything but
// the disk.

import { join } from 'node:path';
import type { BudgetConfig } from '../config/config.js';
import type { ChannelPlan } from '../kernel/alert.js';
import { TokenPakError } from '../kernel/errors.js';
import type { Raise } from '../kernel/raise.js';
import { type LocalDate, windowNumber } from '../kernel/scope.js';
import { adjust } from './adjust.js';
import { AlertDesk } from './alert-desk.js';
import { Archive } from './archive.js';
import { DISK, type Disk } from './disk.js';
import { settledKey } from './entry.js';
import { type Environment, openEnvironment } from './environment.js';
import { Fold } from './fold.js';
import { UNIT_BYTES, WINDOWS } from './layout.js';
import { Unpacker } from './pack.js';
import type { Progress } from './progress.js';
import { RecentEntries } from './recent.js';
import type {
  Adjusted,
  Adjustment,
  Balance,
  Charged,
  LedgerStatus,
  Recent,
  ThreadData,
  BookVerbs,
} from './protocol.js';
import { listSegments, removeUnfinished, type Segment, segmentPath } from './segment.js';
import { OverdueWatch, stateOf } from './state.js';
import { type SpendQuery, type SpendResult, spendBooked } from './spend.js';
import { Store } from './store.js';
import { faultText, JOURNAL_START, type Position, Tail } from './tail.js';
import type { UtcTotals } from './utc-totals.js';

/** Records per transaction, so that each stays in the tens of milliseconds. */
export const BATCH_RECORDS = 8192;
/** At the start nobody waits, and a row of totals is written once a batch, however many it has. */
const REPLAY_RECORDS = 32_768;
/** In memory at a time, so that most of them are gone before the collector first looks. */
const READ_RECORDS = 1024;
/** Records read while they are being written may look damaged; after so many looks they are. */
const FAULT_LOOKS_MAX = 40;
/** Let go of in one transaction: some 4,000 entries, in tens of milliseconds. */
const RETIRED_CHUNKS_MAX = 64;
/** With nothing to let go of, the next look comes after this. */
const SWEEP_PAUSE_MS = 60_000;
const DAY_MS = 86_400_000;
/** Beyond any day or month. */
const WINDOW_NUMBER_MAX = 2 ** 32 - 1;

export interface BookkeeperOptions extends ThreadData {
  readonly onAlerts: () => void;
  readonly disk?: Disk;
  readonly openEnvironment?: (path: string, readOnly: boolean) => Environment;
}

export class Bookkeeper implements BookVerbs {
  readonly alerts: AlertDesk;
  readonly #options: BookkeeperOptions;
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #store: Store;
  readonly #archive: Archive;
  readonly #tails = new Map<number, Tail>();
  readonly #faultLooks = new Map<number, number>();
  readonly #overdue = new OverdueWatch();
  readonly #recent: RecentEntries | null;
  #budget: BudgetConfig;
  #lastFoldMs = 0;
  #nextSweepMs = 0;

  /** Needs the lock of the data directory. */
  constructor(options: BookkeeperOptions) {
    this.#options = options;
    this.#budget = options.budget;
    this.#directory = join(options.storagePath, 'journal');
    this.#disk = options.disk ?? DISK;
    this.#archive = new Archive({
      storagePath: options.storagePath,
      disk: this.#disk,
      bytesMax: options.archiveBytesMax ?? 0,
    });
    this.#store = new Store(options.storagePath, 'write', {
      disk: this.#disk,
      openEnvironment: options.openEnvironment ?? openEnvironment,
    });
    this.#recent = options.keepsRecent === true ? new RecentEntries() : null;
    this.alerts = new AlertDesk({ ...options, store: this.#store });
  }

  /**
   * Ends every journal that earlier processes left. Throws `ledger_damaged`, naming file and place,
   * when one cannot be read to its end.
   */
  start(nowMs: number): void {
    removeUnfinished(this.#directory, this.#disk);
    const left = new Set(
      listSegments(this.#directory, this.#disk).map((segment) => segment.journalId),
    );
    for (const journalId of left) {
      this.#store.passJournalId(journalId);
      this.#finish(journalId, nowMs);
    }
    this.#forget(left);
    this.#lastFoldMs = nowMs;
    this.alerts.start(nowMs);
  }

  /**
   * Books what has been written since the last look, a batch at most. Returns how many records.
   * After any failure it begins again at the stored positions: what was read is not booked.
   */
  tick(nowMs: number): number {
    try {
      const records = this.#tick(nowMs);
      this.#lastFoldMs = nowMs;
      this.#overdue.look(this.#store, nowMs);
      return records;
    } catch (error) {
      this.#dropTails();
      throw error;
    }
  }

  #tick(nowMs: number): number {
    const fold = new Fold(this.#store, this.#budget);
    const moved: Progress[] = [];
    let left = BATCH_RECORDS;
    let damage: Error | null = null;
    for (const tail of this.#follow()) {
      if (left <= 0) break;
      const before = tail.position;
      const records = tail.read(left);
      for (const record of records) fold.apply(record);
      left -= records.length;
      const { journalId, position } = tail;
      const changed = position.offset !== before.offset || position.segment !== before.segment;
      if (changed) moved.push({ journalId, position, finished: false });
      damage ??= this.#watch(tail, changed);
    }
    if (moved.length > 0) this.#commit(fold, moved, nowMs);
    if (damage !== null) throw damage;
    return BATCH_RECORDS - left;
  }

  /**
   * Lets go of what is older than it need be kept, a slice at a time; for when there is nothing to
   * book. Returns whether there may be more.
   */
  sweep(nowMs: number): boolean {
    if (nowMs < this.#nextSweepMs) return false;
    const days = this.#options.retentionDays ?? 0;
    const beforeMs = days === 0 ? 0 : nowMs - days * DAY_MS;
    if (this.#store.retire(beforeMs, RETIRED_CHUNKS_MAX)) return true;
    this.#archive.trim(beforeMs);
    this.#nextSweepMs = nowMs + SWEEP_PAUSE_MS;
    return false;
  }

  nextJournalId(): number {
    return this.#store.nextJournalId();
  }

  balances(from: LocalDate): Balance[] {
    const balances: Balance[] = [];
    for (const window of WINDOWS) {
      const start = settledKey(window, windowNumber(window, from), '');
      const end = settledKey(window, WINDOW_NUMBER_MAX, '');
      for (const { key, settled } of this.#store.settledBetween(start, end)) {
        const number = key.readUInt32BE(1);
        const scope = new Unpacker(key.subarray(5)).text();
        balances.push({ scope, window, windowNumber: number, settled });
      }
    }
    return balances;
  }

  recover(journalId: number, nowMs: number): Charged[] {
    return this.#finish(journalId, nowMs);
  }

  utcTotals(from: LocalDate, to: LocalDate, nowMs: number): UtcTotals[] {
    this.drained(nowMs);
    return [...this.#store.utcTotalsBetween(from, to)];
  }

  adjust(wanted: readonly Adjustment[], nowMs: number): Adjusted[] {
    this.drained(nowMs);
    return adjust(wanted, nowMs, {
      store: this.#store,
      journals: this.#directory,
      disk: this.#disk,
      finish: (journalId) => this.#finish(journalId, nowMs),
    });
  }

  reconfigure(budget: BudgetConfig, channels: readonly ChannelPlan[]): void {
    this.#budget = budget;
    this.alerts.reconfigure(budget, channels);
  }

  status(date: LocalDate, nowMs: number): LedgerStatus {
    const lagRecords = this.#bookAll(nowMs);
    const journals = this.#tails.size;
    return {
      lagRecords,
      lastFoldMs: this.#lastFoldMs,
      journals,
      ...stateOf(this.#store, date, nowMs),
    };
  }

  raises(): Raise[] {
    return [...this.#store.raises.all()];
  }

  putRaise(raise: Raise): void {
    this.#store.raises.put(raise);
  }

  spends(queries: readonly SpendQuery[], rowsMax: number, nowMs: number): SpendResult[] {
    this.#bookAll(nowMs);
    return this.bookedSpends(queries, rowsMax);
  }

  bookedSpends(queries: readonly SpendQuery[], rowsMax: number): SpendResult[] {
    return queries.map((query) => spendBooked(this.#store, query, rowsMax));
  }

  recent(limit: number): Recent {
    return this.#recent?.take(limit) ?? { entries: [], lost: 0 };
  }

  drained(nowMs: number): void {
    this.#bookAll(nowMs);
  }

  /**
   * Books what is written by now. A look that has room left has seen every journal's end: to look
   * until nothing comes would take as long as there is load.
   */
  #bookAll(nowMs: number): number {
    let records = 0;
    for (;;) {
      const more = this.tick(nowMs);
      records += more;
      if (more < BATCH_RECORDS) return records;
    }
  }

  async close(): Promise<void> {
    this.#dropTails();
    await this.#store.close();
  }

  /**
   * Drops the positions of journals whose files were gone already. Until a file's deletion is on
   * disk its journal must stay known as booked: a power cut may bring the file back.
   */
  #forget(left: ReadonlySet<number>): void {
    const gone = this.#store.progresses().filter(({ journalId }) => !left.has(journalId));
    if (gone.length === 0) return;
    this.#disk.makeDirectory(this.#directory);
    this.#disk.syncDirectory(this.#directory);
    this.#store.forget(gone.map(({ journalId }) => journalId));
  }

  /** Everyone who writes, or has written and is not yet recovered. */
  #follow(): Tail[] {
    const first = new Map<number, Segment>();
    for (const segment of listSegments(this.#directory, this.#disk)) {
      if (!first.has(segment.journalId)) first.set(segment.journalId, segment);
    }
    for (const journalId of first.keys()) {
      if (this.#tails.has(journalId)) continue;
      const progress = this.#store.progressOf(journalId);
      if (progress?.finished === true) continue;
      const position = progress?.position ?? JOURNAL_START;
      this.#tails.set(journalId, new Tail(this.#directory, journalId, position, this.#disk));
    }
    return [...this.#tails.values()];
  }

  /** The writer is gone: books to the end, charges what is open, and removes the files. */
  #finish(journalId: number, nowMs: number): Charged[] {
    this.#tails.get(journalId)?.close();
    this.#tails.delete(journalId);
    this.#faultLooks.delete(journalId);
    const progress = this.#store.progressOf(journalId);
    let charged: Charged[] = [];
    let position = progress?.position ?? JOURNAL_START;
    if (progress?.finished !== true) {
      const tail = new Tail(this.#directory, journalId, position, this.#disk);
      try {
        charged = this.#bookToEnd(tail, nowMs);
        position = tail.position;
      } finally {
        tail.close();
      }
    }
    this.#putAway(journalId, position, nowMs);
    return charged;
  }

  /** The files of a journal that is booked to its end: what is written is kept, the rest is not. */
  #putAway(journalId: number, { segment: last, offset }: Position, nowMs: number): void {
    for (const segment of listSegments(this.#directory, this.#disk)) {
      if (segment.journalId !== journalId) continue;
      if (segment.number < last) this.#archive.keep(segment, nowMs);
      else if (segment.number === last && offset > UNIT_BYTES) {
        this.#archive.keep(segment, nowMs, offset);
      } else this.#disk.remove(segmentPath(segment));
    }
    this.#archive.trim(0);
  }

  /** Charges what is open at the end in one transaction with the last of what is written. */
  #bookToEnd(tail: Tail, nowMs: number): Charged[] {
    const { journalId } = tail;
    for (;;) {
      const fold = new Fold(this.#store, this.#budget);
      const isEnd = readInto(fold, tail) < REPLAY_RECORDS;
      // A torn record at the end was never acknowledged: it is left behind with the file.
      const fault = isEnd && tail.judge() === 'damaged' ? tail.fault : null;
      const finished = isEnd && fault === null;
      const charged = finished ? this.#chargeOpen(fold, journalId, nowMs) : [];
      this.#commit(fold, [{ journalId, position: tail.position, finished }], nowMs);
      if (fault !== null) throw damaged(faultText(fault));
      if (finished) return charged;
    }
  }

  #chargeOpen(fold: Fold, journalId: number, nowMs: number): Charged[] {
    const charged: Charged[] = [];
    for (const reserve of [...this.#store.openReservations(journalId), ...fold.opened.values()]) {
      if (!fold.charge(reserve, nowMs)) continue;
      const { reservationId, user, date, amount, worst: cost } = reserve;
      charged.push({ reservationId, user, date, amount, cost });
    }
    return charged;
  }

  #commit(fold: Fold, moved: readonly Progress[], nowMs: number): void {
    this.#store.commit(fold, moved, this.alerts.channels);
    this.alerts.booked(fold.entries, fold.alerts.size);
    this.#recent?.add(fold.entries);
    for (const { journalId, position } of moved) {
      // The transaction is on disk: what lies before its position is not needed any more.
      const booked = { directory: this.#directory, journalId };
      let first = position.segment;
      while (first > 0 && this.#disk.exists(segmentPath({ ...booked, number: first - 1 }))) {
        first -= 1;
      }
      for (let number = first; number < position.segment; number += 1) {
        this.#archive.keep({ ...booked, number }, nowMs);
      }
    }
    this.#archive.trim(0);
  }

  /** What is wrong with a live journal, once it is sure to be more than a write under way. */
  #watch(tail: Tail, changed: boolean): Error | null {
    // One that is cut short has not been stored yet, however long its writer is kept from it.
    if (tail.fault === null || changed || tail.judge() === 'torn') {
      this.#faultLooks.delete(tail.journalId);
      return null;
    }
    const looks = (this.#faultLooks.get(tail.journalId) ?? 0) + 1;
    this.#faultLooks.set(tail.journalId, looks);
    return looks === FAULT_LOOKS_MAX ? damaged(faultText(tail.fault)) : null;
  }

  #dropTails(): void {
    for (const tail of this.#tails.values()) tail.close();
    this.#tails.clear();
  }
}

/** Some records more; fewer than that many are there only at the journal's end. */
function readInto(fold: Fold, tail: Tail): number {
  let read = 0;
  for (let more = READ_RECORDS; more > 0 && read < REPLAY_RECORDS; read += more) {
    const records = tail.read(READ_RECORDS);
    for (const record of records) fold.apply(record);
    more = records.length;
  }
  return read;
}

const damaged = (what: string): TokenPakError =>
  new TokenPakError('ledger_damaged', `${what}. Restore the file, or move it out of the journal.`);
