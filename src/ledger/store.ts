// The LMDB environment `<storage>/ledger.lmdb`: everything that is booked. The ledger thread alone
// opens it for writing; other processes read. A fold and the positions it reaches are one
// transaction.

import { dirname, join } from 'node:path';
import type { AlertEvent, ChannelPlan } from '../kernel/alert.js';
import { TokenPakError } from '../kernel/errors.js';
import { nano, type NanoUsd } from '../kernel/money.js';
import { journalOf, type ReserveRecord } from '../kernel/record.js';
import { CHUNK_ENTRIES_MAX, chunkKey, chunkLastMs, packChunk, unpackChunk } from './chunk.js';
import { DISK, type Disk } from './disk.js';
import { type Entry, packTotals, type Totals, totalsKey, unpackTotals } from './entry.js';
import { type Environment, openEnvironment, type Table } from './environment.js';
import type { Booked, Fold } from './fold.js';
import { OpenBook, type Page } from './open-book.js';
import { Outbox } from './outbox.js';
import { RaiseBook } from './raises.js';
import { Packer, Unpacker } from './pack.js';
import {
  journalIdIn,
  packProgress,
  type Progress,
  PROGRESS_RANGE,
  progressKey,
  unpackProgress,
} from './progress.js';
import { newerFormat } from './segment.js';
import { RetiredSums } from './retired.js';
import { packUtcTotals, unpackUtcTotals, type UtcTotals, utcTotalsKey } from './utc-totals.js';

/** What the store stands on. */
export interface Ground {
  readonly disk: Disk;
  readonly openEnvironment: (path: string, readOnly: boolean) => Environment;
}

const STORE_FORMAT = 1;
/** A commit may fault in native code when the disk is full: below this none is begun. */
const FREE_BYTES_MIN = 16 * 1024 * 1024;

export const storeFile = (storagePath: string): string => join(storagePath, 'ledger.lmdb');

/** One for all: whoever starts it is done with it before anyone else starts. */
const packer = new Packer();

const metaKey = (name: string): Buffer => Buffer.from(name);
export class Store implements Booked {
  readonly #path: string;
  readonly #disk: Disk;
  readonly #env: Environment;
  readonly #meta: Table;
  readonly #open: Table;
  readonly #entries: Table;
  readonly #totals: Table;
  readonly #utcTotals: Table;
  readonly #settled: Table;
  readonly outbox: Outbox;
  readonly raises: RaiseBook;
  /** The totals of entries that are kept no more. */
  readonly #retired: Table;
  readonly #utcRetired: Table;
  #loaded: OpenBook | null = null;

  constructor(
    storagePath: string,
    mode: 'write' | 'read',
    ground: Ground = { disk: DISK, openEnvironment },
  ) {
    this.#path = storeFile(storagePath);
    this.#disk = ground.disk;
    const readOnly = mode === 'read';
    this.#env = ground.openEnvironment(this.#path, readOnly);
    const table = (name: string): Table =>
      this.#env.openDB({ name, encoding: 'binary', keyEncoding: 'binary' });
    this.#meta = table('meta');
    this.#open = table('open');
    this.#entries = table('entries');
    this.#totals = table('totals');
    this.#utcTotals = table('utcTotals');
    this.#settled = table('settled');
    this.outbox = new Outbox(this.#env, { rows: table('outbox'), index: table('alertIndex') });
    this.raises = new RaiseBook(this.#env, table('raises'));
    this.#retired = table('retired');
    this.#utcRetired = table('utcRetired');
    const format = this.#number('format');
    if (format === null && !readOnly) this.#setNumber('format', STORE_FORMAT);
    else if (format !== STORE_FORMAT) throw newerFormat(this.#path, format ?? 0);
    this.progresses();
  }

  static exists(storagePath: string): boolean {
    return DISK.exists(storeFile(storagePath));
  }

  get entrySequence(): number {
    return this.#number('entries') ?? 0;
  }

  /** Ends of reservations that were not open, since ever. Anything but 0 is a defect. */
  get strayEnds(): number {
    return this.#number('strayEnds') ?? 0;
  }

  /** Of ends whose beginnings were not kept, after the books were built again. */
  forgiveStrayEnds(): void {
    this.#setNumber('strayEnds', 0);
  }

  openOf(reservationId: bigint): ReserveRecord | undefined {
    return this.#openBook.get(reservationId);
  }

  totalsOf(key: Buffer): Totals | undefined {
    const bytes = this.#totals.get(key);
    return bytes === undefined ? undefined : unpackTotals(bytes);
  }

  utcTotalsOf(key: Buffer): UtcTotals | undefined {
    const bytes = this.#utcTotals.get(key);
    return bytes === undefined ? undefined : unpackUtcTotals(bytes);
  }

  settledOf(key: Buffer): NanoUsd | undefined {
    const bytes = this.#settled.get(key);
    return bytes === undefined ? undefined : nano(bytes.readBigInt64BE());
  }

  isOwed(eventId: string): boolean {
    return this.outbox.isOwed(eventId);
  }

  progressOf(journalId: number): Progress | null {
    const bytes = this.#meta.get(progressKey(journalId));
    return bytes === undefined ? null : unpackProgress(journalId, bytes);
  }

  /** How far each journal is booked. One that were lost would have its journal booked again. */
  progresses(): Progress[] {
    const all = [...this.#progressRows()];
    const count = this.#number('positions') ?? all.length;
    if (all.length === count) return all;
    const found = `it knows ${all.length} journals where ${count} must be`;
    throw new TokenPakError('ledger_damaged', `${this.#path} is damaged: ${found}`);
  }

  *#progressRows(): Iterable<Progress> {
    for (const { key, value } of this.#meta.getRange(PROGRESS_RANGE)) {
      yield unpackProgress(journalIdIn(key), value);
    }
  }

  #countProgresses(): number {
    let count = 0;
    for (const _ of this.#meta.getRange(PROGRESS_RANGE)) count += 1;
    return count;
  }

  /** Open reservations, of one journal or of all. */
  *openReservations(journalId?: number): Iterable<ReserveRecord> {
    for (const record of this.#openBook.values()) {
      if (journalId === undefined || journalOf(record.reservationId) === journalId) yield record;
    }
  }

  /** Entries as they were booked, from a number on. */
  *entries(fromSequence = 0): Iterable<Entry> {
    for (const entries of this.chunks(fromSequence)) {
      for (const entry of entries) if (entry.sequence >= fromSequence) yield entry;
    }
  }

  /** The same by the chunk, in which the first may hold some that come before. */
  *chunks(fromSequence: number): Iterable<readonly Entry[]> {
    const start = packer
      .start()
      .u48(Math.max(0, fromSequence - CHUNK_ENTRIES_MAX + 1))
      .done();
    for (const { value } of this.#entries.getRange({ start })) yield unpackChunk(value);
  }

  /** Totals of the days from `from` to `to`, both included. */
  *totalsBetween(from: number, to: number): Iterable<Totals> {
    const start = packer.start().u32(from).done();
    const end = packer
      .start()
      .u32(to + 1)
      .done();
    for (const { value } of this.#totals.getRange({ start, end })) yield unpackTotals(value);
  }

  /** Totals of the UTC days from `from` to `to`, both included. */
  *utcTotalsBetween(from: number, to: number): Iterable<UtcTotals> {
    const start = packer.start().u32(from).done();
    const end = packer
      .start()
      .u32(to + 1)
      .done();
    for (const { value } of this.#utcTotals.getRange({ start, end })) yield unpackUtcTotals(value);
  }

  /** What the scopes of one window have settled. Keys as `settledKey` makes them. */
  *settledBetween(start: Buffer, end: Buffer): Iterable<{ key: Buffer; settled: NanoUsd }> {
    for (const { key, value } of this.#settled.getRange({ start, end })) {
      yield { key: Buffer.from(key), settled: nano(value.readBigInt64BE()) };
    }
  }

  /** Stores a fold and the positions it has reached, in one durable transaction. */
  commit(fold: Fold, progresses: readonly Progress[], channels: readonly ChannelPlan[]): void {
    this.#assureDisk();
    try {
      this.#env.transactionSync(() => this.#put(fold, progresses, channels));
    } catch (error) {
      // What is open in memory has run ahead of the store.
      this.#loaded = null;
      throw error;
    }
  }

  #put(fold: Fold, progresses: readonly Progress[], channels: readonly ChannelPlan[]): void {
    for (const page of this.#openBook.change([...fold.opened.values()], fold.ended)) {
      const key = packer.start().u48(page.number).done();
      if (page.entries.length === 0) this.#open.removeSync(key);
      else this.#open.putSync(key, packChunk(page.entries));
    }
    for (let at = 0; at < fold.entries.length; at += CHUNK_ENTRIES_MAX) {
      const entries = fold.entries.slice(at, at + CHUNK_ENTRIES_MAX);
      this.#entries.putSync(chunkKey(entries), packChunk(entries));
    }
    for (const totals of fold.totals) {
      this.#totals.putSync(totalsKey(totals), packTotals(totals));
    }
    for (const totals of fold.utcTotals.values()) {
      this.#utcTotals.putSync(utcTotalsKey(totals), packUtcTotals(totals));
    }
    for (const { key, settled } of fold.settled.values()) {
      this.#settled.putSync(key, packer.start().i64(settled).done());
    }
    for (const event of fold.alerts.values()) this.outbox.owe(event, channels);
    this.#setNumber('entries', fold.entrySequence);
    this.#setNumber('open', this.#openBook.size);
    if (fold.strayEnds.length > 0) {
      this.#setNumber('strayEnds', this.strayEnds + fold.strayEnds.length);
    }
    for (const progress of progresses) {
      this.#meta.putSync(progressKey(progress.journalId), packProgress(progress));
    }
    this.#setNumber('positions', this.#countProgresses());
  }

  /** Read from the store once; kept in step by each commit. */
  get #openBook(): OpenBook {
    if (this.#loaded !== null) return this.#loaded;
    const book = new OpenBook(this.#openPages());
    // Nothing else in the books would tell of one that is gone.
    const count = this.#number('open') ?? book.size;
    if (book.size !== count) {
      const found = `${book.size} open reservations where ${count} must be`;
      throw new TokenPakError('ledger_damaged', `${this.#path} is damaged: ${found}`);
    }
    this.#loaded = book;
    return book;
  }

  *#openPages(): Iterable<Page> {
    for (const { key, value } of this.#open.getRange({})) {
      yield { number: new Unpacker(key).u48(), entries: unpackChunk(value) };
    }
  }

  /** How many entries are kept no more: the number of the first that is. */
  get retiredEntries(): number {
    return this.#number('retired') ?? 0;
  }

  *retiredTotals(): Iterable<Totals> {
    for (const { value } of this.#retired.getRange({})) yield unpackTotals(value);
  }

  *retiredUtcTotals(): Iterable<UtcTotals> {
    for (const { value } of this.#utcRetired.getRange({})) yield unpackUtcTotals(value);
  }

  /**
   * Lets go of the oldest entries that ended before a time, some chunks at most: only what they add
   * up to is kept. Every total stays as it is. False when there was nothing to let go of.
   */
  retire(beforeMs: number, chunksMax: number): boolean {
    const chunks: { key: Buffer; entries: Entry[] }[] = [];
    for (const { key, value } of this.#entries.getRange({ limit: chunksMax })) {
      if (chunkLastMs(key) >= beforeMs) break;
      chunks.push({ key: Buffer.from(key), entries: unpackChunk(value) });
    }
    if (chunks.length === 0) return false;
    this.#assureDisk();
    const sums = new RetiredSums(this.#retired, this.#utcRetired);
    let next = 0;
    for (const { entries } of chunks) {
      for (const entry of entries) {
        sums.add(entry);
        next = entry.sequence + 1;
      }
    }
    this.#env.transactionSync(() => {
      sums.put();
      for (const { key } of chunks) this.#entries.removeSync(key);
      this.#setNumber('retired', next);
    });
    return true;
  }

  /** Forgets finished journals of which no file is left. */
  forget(journalIds: readonly number[]): void {
    if (journalIds.length === 0) return;
    this.#env.transactionSync(() => {
      for (const journalId of journalIds) this.#meta.removeSync(progressKey(journalId));
      this.#setNumber('positions', this.#countProgresses());
    });
  }

  /** A number that no journal has had. */
  nextJournalId(): number {
    this.#assureDisk();
    const next = (this.#number('nextJournalId') ?? 0) + 1;
    this.#setNumber('nextJournalId', next);
    return next;
  }

  /** Never gives this number, or one before it, to a new journal. */
  passJournalId(journalId: number): void {
    if (journalId > (this.#number('nextJournalId') ?? 0)) {
      this.#setNumber('nextJournalId', journalId);
    }
  }

  /** Stores alerts that no record tells of, unless they were owed before. Returns how many. */
  owe(events: readonly AlertEvent[], channels: readonly ChannelPlan[]): number {
    return this.#env.transactionSync(() => {
      const fresh = events.filter(({ eventId }) => !this.isOwed(eventId));
      for (const event of fresh) this.outbox.owe(event, channels);
      return fresh.length;
    });
  }

  /** Reads on from what is committed by now. */
  refresh(): void {
    this.#env.resetReadTxn();
    this.#loaded = null;
  }

  close(): Promise<void> {
    return this.#env.close();
  }

  #assureDisk(): void {
    const freeBytes = this.#disk.freeBytes(dirname(this.#path));
    if (freeBytes >= FREE_BYTES_MIN) return;
    const free = `${Math.floor(freeBytes / 1024)} KiB are free, 16 MiB are needed`;
    throw new TokenPakError('ledger_unavailable', `the disk of ${this.#path} is full: ${free}`);
  }

  #number(name: string): number | null {
    const bytes = this.#meta.get(metaKey(name));
    return bytes === undefined ? null : new Unpacker(bytes).u48();
  }

  #setNumber(name: string, value: number): void {
    this.#meta.putSync(metaKey(name), packer.start().u48(value).done());
  }
}
