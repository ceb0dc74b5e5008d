// A run of entries as one value of the store: names once, then entries of one size, under a
// checksum. Open reservations lie in the same form, as entries that have not ended. Believes
// nothing that it reads.
//
//   chunk  0 crc32c u32 · 4 format u8 · 5 (zero) · 6 bytes of an entry u16 · 8 entries u16
//          10 names u16 · 12 bytes of all names u32 · 16 names: u16 length, UTF-8 … · entries
//   entry  0 sequence u48 · 6 ended at u48 · 12 reservation u64 · 20 reserved at u48
//          26 deadline u48 · 32 date u32 · 36 reserved i64 · 44 cost i64 · 52 input bound u48
//          58 maximum output u48 · 64 input u48 · 70 cached u48 · 76 cache write u48
//          82 cache write 1h u48 · 88 output u48 · 94 reasoning u48 · 100 user name u16
//          102 model · 104 requested model · 106 provider · 108 price version reserved at
//          110 price version settled at · 112 status u16 · 114 kind u8 · 115 source u8
//          116 overrun u8 · 117 retry count u8 · 118 audio input u48 · 124 audio output u48
//          130 web searches u32 · 134 file searches u32 · 138 service tier u8
//          139 worst case over reserved i64
//
// Big endian. A later program appends fields to an entry: whoever does not know them skips them by
// the size that the chunk gives, and it must read them as zero where an entry ends before them.

import { assert } from '../kernel/assert.js';
import { crc32c } from '../kernel/crc32c.js';
import { TokenPakError } from '../kernel/errors.js';
import { nano } from '../kernel/money.js';
import { SERVICE_TIERS } from '../kernel/usage.js';
import { type Entry, ENTRY_KINDS } from './entry.js';
import { SOURCES } from './layout.js';
import { Packer } from './pack.js';
import { newerFormat } from './segment.js';

/** Just below three pages of the database with a few names, so that little of the third is lost. */
export const CHUNK_ENTRIES_MAX = 80;

const FORMAT = 1;
const HEAD_BYTES = 16;
const ENTRY_BYTES = 147;
const NO_SOURCE = SOURCES.length;

/** One for all: whoever starts it is done with it before anyone else starts. */
const packer = new Packer();
let room = Buffer.allocUnsafe(64 * 1024);
let view = viewOf(room);

/** Up to 80 entries as bytes. */
export function packChunk(entries: readonly Entry[]): Buffer {
  assert(entries.length > 0 && entries.length <= CHUNK_ENTRIES_MAX, 'a chunk has entries');
  // Entries first, since they say which names there are; in the chunk the names stand first.
  const names = new Map<string, number>();
  const entriesEnd = entries.length * ENTRY_BYTES;
  claim(entriesEnd);
  for (let index = 0; index < entries.length; index += 1) {
    packEntry(index * ENTRY_BYTES, entries[index] as Entry, names);
  }
  let end = entriesEnd;
  for (const name of names.keys()) {
    claim(end + 2 + 3 * name.length);
    const bytes = room.write(name, end + 2);
    view.setUint16(end, bytes);
    end += 2 + bytes;
  }
  const chunk = Buffer.allocUnsafe(HEAD_BYTES + end);
  const entriesAt = room.copy(chunk, HEAD_BYTES, entriesEnd, end) + HEAD_BYTES;
  room.copy(chunk, entriesAt, 0, entriesEnd);
  chunk[4] = FORMAT;
  chunk[5] = 0;
  chunk.writeUInt16BE(ENTRY_BYTES, 6);
  chunk.writeUInt16BE(entries.length, 8);
  chunk.writeUInt16BE(names.size, 10);
  chunk.writeUInt32BE(entriesAt - HEAD_BYTES, 12);
  chunk.writeUInt32BE(crc32c(chunk, 4, chunk.length), 0);
  return chunk;
}

/** Sorts as entries were booked; says which times a chunk spans without its being read. */
export function chunkKey(entries: readonly Entry[]): Buffer {
  let firstMs = Number.POSITIVE_INFINITY;
  let lastMs = 0;
  for (const { timeMs } of entries) {
    if (timeMs < firstMs) firstMs = timeMs;
    if (timeMs > lastMs) lastMs = timeMs;
  }
  const { sequence } = entries[0] as Entry;
  return packer.start().u48(sequence).u48(firstMs).u48(lastMs).done();
}

/** When the last entry of a chunk ended, by its key. */
export const chunkLastMs = (key: Buffer): number => key.readUIntBE(12, 6);

/** The entries of a chunk. Throws `ledger_damaged` when it is not what was written. */
export function unpackChunk(bytes: Buffer): Entry[] {
  const from = viewOf(bytes);
  if (bytes.length < HEAD_BYTES || from.getUint32(0) !== crc32c(bytes, 4, bytes.length)) {
    throw new TokenPakError('ledger_damaged', 'entries of the ledger do not match their checksum');
  }
  const format = from.getUint8(4);
  if (format !== FORMAT) throw newerFormat('an entry of the ledger', format);
  const names: string[] = [];
  let at = HEAD_BYTES;
  for (let left = from.getUint16(10); left > 0; left -= 1) {
    const end = at + 2 + from.getUint16(at);
    names.push(bytes.toString('utf8', at + 2, end));
    at = end;
  }
  const entryBytes = from.getUint16(6);
  const entries: Entry[] = [];
  for (let left = from.getUint16(8); left > 0; left -= 1) {
    entries.push(unpackEntry(from, at, names));
    at += entryBytes;
  }
  return entries;
}

function packEntry(at: number, entry: Entry, names: Map<string, number>): void {
  const { reserve, usage } = entry;
  setUint48(at, entry.sequence);
  setUint48(at + 6, entry.timeMs);
  view.setBigUint64(at + 12, reserve.reservationId);
  setUint48(at + 20, reserve.timeMs);
  setUint48(at + 26, reserve.deadlineMs);
  view.setUint32(at + 32, reserve.date);
  view.setBigInt64(at + 36, reserve.amount);
  view.setBigInt64(at + 44, entry.cost);
  setUint48(at + 52, reserve.inputBoundTokens);
  setUint48(at + 58, reserve.maxOutputTokens);
  setUint48(at + 64, usage.inputTokens);
  setUint48(at + 70, usage.cachedInputTokens);
  setUint48(at + 76, usage.cacheWriteTokens);
  setUint48(at + 82, usage.cacheWrite1hTokens);
  setUint48(at + 88, usage.outputTokens);
  setUint48(at + 94, usage.reasoningTokens);
  view.setUint16(at + 100, refer(names, reserve.user));
  view.setUint16(at + 102, refer(names, reserve.model));
  view.setUint16(at + 104, refer(names, reserve.requestedModel));
  view.setUint16(at + 106, refer(names, reserve.provider));
  view.setUint16(at + 108, refer(names, reserve.priceVersion));
  view.setUint16(at + 110, refer(names, entry.priceVersion));
  view.setUint16(at + 112, entry.status);
  view.setUint8(at + 114, ENTRY_KINDS.indexOf(entry.kind));
  view.setUint8(at + 115, entry.source === null ? NO_SOURCE : SOURCES.indexOf(entry.source));
  view.setUint8(at + 116, entry.overrun ? 1 : 0);
  view.setUint8(at + 117, reserve.retryCount);
  setUint48(at + 118, usage.audioInputTokens);
  setUint48(at + 124, usage.audioOutputTokens);
  view.setUint32(at + 130, usage.webSearches);
  view.setUint32(at + 134, usage.fileSearches);
  view.setUint8(at + 138, SERVICE_TIERS.indexOf(usage.serviceTier));
  view.setBigInt64(at + 139, reserve.worst - reserve.amount);
}

function unpackEntry(from: DataView, at: number, names: readonly string[]): Entry {
  const name = (offset: number): string => names[from.getUint16(at + offset)] as string;
  const kind = ENTRY_KINDS[from.getUint8(at + 114)];
  const amount = nano(from.getBigInt64(at + 36));
  assert(kind !== undefined, 'an entry is of a kind');
  return {
    sequence: getUint48(from, at),
    kind,
    timeMs: getUint48(from, at + 6),
    reserve: {
      kind: 'reserve',
      reservationId: from.getBigUint64(at + 12),
      timeMs: getUint48(from, at + 20),
      date: from.getUint32(at + 32),
      user: name(100),
      model: name(102),
      requestedModel: name(104),
      provider: name(106),
      amount,
      worst: nano(amount + from.getBigInt64(at + 139)),
      inputBoundTokens: getUint48(from, at + 52),
      maxOutputTokens: getUint48(from, at + 58),
      priceVersion: name(108),
      deadlineMs: getUint48(from, at + 26),
      retryCount: from.getUint8(at + 117),
      api: null,
      trace: null,
    },
    cost: nano(from.getBigInt64(at + 44)),
    usage: {
      inputTokens: getUint48(from, at + 64),
      cachedInputTokens: getUint48(from, at + 70),
      cacheWriteTokens: getUint48(from, at + 76),
      cacheWrite1hTokens: getUint48(from, at + 82),
      outputTokens: getUint48(from, at + 88),
      reasoningTokens: getUint48(from, at + 94),
      audioInputTokens: getUint48(from, at + 118),
      audioOutputTokens: getUint48(from, at + 124),
      webSearches: from.getUint32(at + 130),
      fileSearches: from.getUint32(at + 134),
      serviceTier: SERVICE_TIERS[from.getUint8(at + 138)] ?? 'other',
    },
    source: SOURCES[from.getUint8(at + 115)] ?? null,
    status: from.getUint16(at + 112),
    priceVersion: name(110),
    overrun: from.getUint8(at + 116) === 1,
  };
}

function refer(names: Map<string, number>, name: string): number {
  let ref = names.get(name);
  if (ref === undefined) names.set(name, (ref = names.size));
  return ref;
}

function claim(bytes: number): void {
  if (bytes <= room.length) return;
  const larger = Buffer.allocUnsafe(2 * bytes);
  room.copy(larger);
  room = larger;
  view = viewOf(room);
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
}

function setUint48(at: number, value: number): void {
  view.setUint16(at, Math.floor(value / 2 ** 32));
  view.setUint32(at + 2, value >>> 0);
}

const getUint48 = (from: DataView, at: number): number =>
  from.getUint16(at) * 2 ** 32 + from.getUint32(at + 2);
