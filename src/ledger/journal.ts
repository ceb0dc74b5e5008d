// The append side of a journal: one per HTTP worker, written on the request path at a preallocated
// place. What has to outlive the process alone is stored in the segment's own pages; what has to
// outlive power is gathered in memory, and written and synced in batches. Never rewrites a record,
// never reads, and always has room left to end every reservation that is open.

import { assert } from '../kernel/assert.js';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import {
  type AdjustRecord,
  type AlertRecord,
  JOURNAL_ID_MAX,
  reservationIdOf,
  type ReserveRecord,
  SEQUENCE_MAX,
  type SettleRecord,
  type VoidRecord,
} from '../kernel/record.js';
import { DISK, type Disk } from './disk.js';
import {
  encodeAdjust,
  encodeAlert,
  encodeName,
  encodeReserve,
  encodeSeal,
  encodeSettle,
  encodeVoid,
} from './encode.js';
import { NAME_TEXT_OFFSET, nameSpan, UNIT_BYTES } from './layout.js';
import type { Mapping } from './mapping.js';
import type { Place } from './place.js';
import {
  createSegment,
  listSegments,
  type Making,
  prepareSegment,
  SEGMENT_BYTES,
  segmentPath,
} from './segment.js';

export interface JournalOptions {
  readonly directory: string;
  readonly journalId: number;
  /** 8 MiB when not given: some 60,000 records. */
  readonly segmentBytes?: number;
  /** Of this journal on disk. A next one is made only when enough of them are booked and gone. */
  readonly segmentsMax?: number;
  /** `process`: survives kill -9. `power`: `sync()` makes it survive power loss too. */
  readonly durability: 'process' | 'power';
  readonly disk?: Disk;
}

/** Kept back for every open reservation: its settle, and the name of a new price version. */
const END_BYTES = 2 * UNIT_BYTES;
const PRICE_VERSION_BYTES_MAX = UNIT_BYTES - NAME_TEXT_OFFSET - 1;
const BATCH_BYTES = 256 * 1024;

const DONE = Promise.resolve();

export class Journal {
  readonly #options: Required<JournalOptions>;
  readonly #disk: Disk;
  /** The segment at hand: a record that is encoded there is written. `null`: `flush` writes. */
  readonly #mapping: Mapping | null;
  /** Where records are encoded: the mapping's, or a batch's. */
  readonly #bytes: Buffer;
  readonly #view: DataView;
  readonly #open = new Set<bigint>();
  #batchBytes = 0;
  #sequence = 0;
  #fd: number;
  #segment = 0;
  /** Where in the segment the next record or batch goes. */
  #position = UNIT_BYTES;
  #names = new Map<string, number>();
  #next: number | null = null;
  #preparing = false;
  /** Why the next segment could not be made, when it could not. */
  #nextFailure: unknown;
  #failure: TokenPakError | null = null;
  #closed = false;
  #syncRunning: Promise<void> | null = null;
  #syncNext: Promise<void> | null = null;
  #retired: number[] = [];

  constructor(options: JournalOptions) {
    this.#options = {
      segmentBytes: SEGMENT_BYTES,
      segmentsMax: Number.POSITIVE_INFINITY,
      disk: DISK,
      ...options,
    };
    const { segmentBytes, journalId, directory } = this.#options;
    this.#disk = this.#options.disk;
    assert(segmentBytes % UNIT_BYTES === 0 && segmentBytes >= 32 * UNIT_BYTES, 'segment size');
    assert(journalId >= 0 && journalId <= JOURNAL_ID_MAX, 'journal number');
    try {
      this.#disk.makeDirectory(directory);
      this.#fd = createSegment({ directory, journalId, number: 0 }, this.#making);
    } catch (error) {
      throw unavailable(`no journal can be created in ${directory}`, error);
    }
    this.#mapping = this.#durable ? null : this.#disk.map(this.#fd, segmentBytes);
    this.#bytes = this.#mapping?.bytes ?? Buffer.alloc(Math.min(BATCH_BYTES, segmentBytes));
    this.#view = new DataView(this.#bytes.buffer, this.#bytes.byteOffset, this.#bytes.length);
  }

  /** Once true it stays true: what a failed write has left behind is for a restart to sort out. */
  get failed(): boolean {
    return this.#failure !== null;
  }

  /** Something was appended that only the next `flush()` writes. */
  get hasUnwritten(): boolean {
    return this.#batchBytes > 0;
  }

  get openReservations(): number {
    return this.#open.size;
  }

  /**
   * Appends a reservation and returns its id. Throws `ledger_unavailable` when the
   * journal is closed, has failed or has no room; nothing may go upstream before `flush()`.
   */
  reserve(record: Omit<ReserveRecord, 'kind' | 'reservationId'>): bigint {
    this.#assureUsable();
    const { user, model, requestedModel, provider } = record;
    const priceVersion = cutText(record.priceVersion, PRICE_VERSION_BYTES_MAX);
    this.#assureRoom([user, model, requestedModel, provider, priceVersion], END_BYTES);
    const refs = {
      user: this.#refOf(user),
      model: this.#refOf(model),
      requestedModel: this.#refOf(requestedModel),
      provider: this.#refOf(provider),
      priceVersion: this.#refOf(priceVersion),
    };
    const sequence = this.#append(UNIT_BYTES, (place, own) =>
      encodeReserve(place, own, record, refs),
    );
    const reservationId = reservationIdOf(this.#options.journalId, sequence);
    this.#open.add(reservationId);
    return reservationId;
  }

  /** Appends a reservation's end. Its room was kept back; only a failed journal refuses it. */
  settle(record: Omit<SettleRecord, 'kind'>): void {
    this.#assureUsable();
    assert(this.#open.has(record.reservationId), 'a reservation ends once, in its own journal');
    const ref = this.#refOf(cutText(record.priceVersion, PRICE_VERSION_BYTES_MAX));
    this.#append(UNIT_BYTES, (place, own) => encodeSettle(place, own, record, ref));
    this.#open.delete(record.reservationId);
  }

  /** Appends the end of a reservation that cost nothing. */
  void(record: Omit<VoidRecord, 'kind'>): void {
    this.#assureUsable();
    assert(this.#open.has(record.reservationId), 'a reservation ends once, in its own journal');
    this.#append(UNIT_BYTES, (place, own) => encodeVoid(place, own, record));
    this.#open.delete(record.reservationId);
  }

  /** Appends an alert. Throws as `reserve` does. */
  alert(record: Omit<AlertRecord, 'kind'>): void {
    this.#assureUsable();
    const { scope, model } = record;
    this.#assureRoom(model === null ? [scope] : [scope, model], 0);
    const refs = { scope: this.#refOf(scope), model: model === null ? 0 : this.#refOf(model) };
    this.#append(UNIT_BYTES, (place, own) => encodeAlert(place, own, record, refs));
  }

  /** Appends a correction by an invoice. Throws as `reserve` does. */
  adjust(record: Omit<AdjustRecord, 'kind' | 'adjustmentId'>): void {
    this.#assureUsable();
    this.#assureRoom([record.provider], 0);
    const ref = this.#refOf(record.provider);
    this.#append(UNIT_BYTES, (place, own) => encodeAdjust(place, own, record, ref));
  }

  /** Writes what is not yet written, in one call. A failure is for good. */
  flush(): void {
    this.#assureUsable();
    if (this.#batchBytes === 0) return;
    const records = this.#bytes.subarray(0, this.#batchBytes);
    let written: number;
    try {
      written = this.#disk.write(this.#fd, records, this.#position);
    } catch (error) {
      throw this.#fail('the journal cannot be written', error);
    }
    if (written !== this.#batchBytes) {
      throw this.#fail(`the journal took ${written} of ${this.#batchBytes} bytes`);
    }
    this.#position += this.#batchBytes;
    this.#bytes.fill(0, 0, this.#batchBytes);
    this.#batchBytes = 0;
  }

  /**
   * Resolves when what was flushed before the call survives power loss; at once with durability
   * `process`. A failed fdatasync is never tried again: the page cache may have dropped the data.
   */
  sync(): Promise<void> {
    if (!this.#durable) return DONE;
    if (this.#failure !== null) return Promise.reject(this.#failure);
    // A sync that runs already may have begun before our write: share the one after it.
    if (this.#syncNext !== null) return this.#syncNext;
    if (this.#syncRunning === null) return this.#startSync();
    this.#syncNext = this.#syncRunning.catch(() => undefined).then(() => this.#startSync());
    return this.#syncNext;
  }

  /** Flushes and gives the files back. What is still open is charged by whoever recovers it. */
  close(): void {
    if (this.#closed) return;
    try {
      if (this.#failure === null) {
        this.flush();
        if (this.#durable) this.#syncInLine();
      }
    } finally {
      this.#closed = true;
      this.#mapping?.close();
      this.#retire(this.#fd);
      if (this.#next !== null) this.#discard(this.#next);
      this.#next = null;
    }
  }

  get #durable(): boolean {
    return this.#options.durability === 'power';
  }

  get #making(): Making {
    const { segmentBytes, disk } = this.#options;
    return { segmentBytes, durable: this.#durable, disk };
  }

  #assureUsable(): void {
    if (this.#failure !== null) throw this.#failure;
    if (this.#closed) throw unavailable('the journal is closed');
    if (this.#sequence > SEQUENCE_MAX - 8) throw unavailable('the journal has used up its numbers');
  }

  /** Makes sure that a record with these names fits and the room kept back stays untouched. */
  #assureRoom(names: readonly string[], endBytes: number): void {
    const kept = this.#open.size * END_BYTES + endBytes + UNIT_BYTES; // the last for the seal
    let fresh = kept + UNIT_BYTES;
    let here = kept + UNIT_BYTES;
    for (const name of names) {
      const known = this.#names.has(name);
      if (known && this.#next === null) continue;
      const span = nameSpan(Buffer.byteLength(name));
      fresh += span;
      if (!known) here += span;
    }
    const { segmentBytes } = this.#options;
    const used = this.#position + this.#batchBytes;
    if (used + kept > segmentBytes / 2) this.#prepareNext();
    if (used + here <= segmentBytes) return;
    if (this.#next === null) {
      throw unavailable('the next journal segment is not there yet', this.#nextFailure);
    }
    if (UNIT_BYTES + fresh > segmentBytes) throw unavailable('too many reservations are open');
    this.#rotate(this.#next);
  }

  #rotate(next: number): void {
    this.#append(UNIT_BYTES, encodeSeal);
    this.flush();
    // Once per segment, in line: later syncs only look at the new file.
    if (this.#durable) this.#syncInLine();
    try {
      this.#mapping?.moveTo(next);
    } catch (error) {
      throw this.#fail('the next journal segment cannot be mapped', error);
    }
    this.#retire(this.#fd);
    this.#fd = next;
    this.#next = null;
    this.#segment += 1;
    this.#position = UNIT_BYTES;
    this.#names = new Map();
  }

  #prepareNext(): void {
    if (this.#next !== null || this.#preparing || this.#isFull()) return;
    this.#preparing = true;
    const { directory, journalId } = this.#options;
    prepareSegment({ directory, journalId, number: this.#segment + 1 }, this.#making)
      .then((fd) => {
        if (this.#closed) this.#discard(fd);
        else this.#next = fd;
        this.#nextFailure = undefined;
      })
      // A full disk shows when the room is needed: reserve() refuses then, and asks here again.
      .catch((error: unknown) => {
        this.#nextFailure = error;
      })
      .finally(() => {
        this.#preparing = false;
      });
  }

  /** Whether as much as may lie on disk waits there to be booked. */
  #isFull(): boolean {
    const { directory, journalId, segmentsMax } = this.#options;
    if (this.#segment + 1 < segmentsMax) return false;
    const segments = listSegments(directory, this.#disk);
    const own = segments.filter((segment) => segment.journalId === journalId).length;
    if (own < segmentsMax) return false;
    this.#nextFailure = new Error(`${own} segments of the journal are not booked yet`);
    return true;
  }

  #discard(next: number): void {
    this.#disk.close(next);
    const { directory, journalId } = this.#options;
    this.#disk.remove(segmentPath({ directory, journalId, number: this.#segment + 1 }));
  }

  #refOf(text: string): number {
    const known = this.#names.get(text);
    if (known !== undefined) return known;
    const ref = this.#names.size + 1;
    const textBytes = Buffer.byteLength(text);
    this.#append(nameSpan(textBytes), (place, own) =>
      encodeName(place, own, { ref, text, textBytes }),
    );
    this.#names.set(text, ref);
    return ref;
  }

  #append(span: number, encode: (place: Place, sequence: number) => number): number {
    const isMapped = this.#mapping !== null;
    if (!isMapped && this.#batchBytes + span > this.#bytes.length) this.flush();
    const end = this.#position + this.#batchBytes + span;
    assert(end <= this.#options.segmentBytes, 'room was kept back');
    const offset = isMapped ? this.#position : this.#batchBytes;
    const sequence = this.#sequence;
    try {
      const bytes = encode({ bytes: this.#bytes, view: this.#view, offset }, sequence);
      assert(bytes === span, 'a record takes the room that was claimed');
    } catch (error) {
      this.#bytes.fill(0, offset, offset + span);
      throw error;
    }
    if (isMapped) this.#position = end;
    else this.#batchBytes += span;
    this.#sequence += 1;
    return sequence;
  }

  #syncInLine(): void {
    try {
      this.#disk.datasync(this.#fd);
    } catch (error) {
      throw this.#fail('the journal cannot be synced', error);
    }
  }

  #startSync(): Promise<void> {
    this.#syncNext = null;
    if (this.#failure !== null) return Promise.reject(this.#failure);
    this.#syncRunning = this.#disk
      .datasyncLater(this.#fd)
      .catch((error: unknown) => {
        throw this.#fail('the journal cannot be synced', error);
      })
      .finally(() => {
        this.#syncRunning = null;
        for (const fd of this.#retired.splice(0)) this.#disk.close(fd);
      });
    return this.#syncRunning;
  }

  /** Closes a descriptor, after the fdatasync that may be running on it. */
  #retire(fd: number): void {
    if (this.#syncRunning === null) this.#disk.close(fd);
    else this.#retired.push(fd);
  }

  #fail(message: string, cause?: unknown): TokenPakError {
    this.#failure = unavailable(message, cause);
    return this.#failure;
  }
}

function unavailable(message: string, cause?: unknown): TokenPakError {
  const why = cause === undefined ? '' : `: ${messageOf(cause)}`;
  return new TokenPakError('ledger_unavailable', `${message}${why}`, { cause });
}

/** The longest beginning of a text that takes at most so many UTF-8 bytes. */
function cutText(text: string, bytesMax: number): string {
  // A unit of text is at most three bytes: most need not be counted.
  if (3 * text.length <= bytesMax || Buffer.byteLength(text) <= bytesMax) return text;
  const cut = new Uint8Array(bytesMax);
  return text.slice(0, new TextEncoder().encodeInto(text, cut).read);
}
