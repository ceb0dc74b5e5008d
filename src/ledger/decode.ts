// Bytes to records. Believes nothing: version, kind, length, mark, checksum, sequence and every
// field are checked before a record is handed on.

import { APIS } from '../kernel/api.js';
import type { JournalRecord } from '../kernel/record.js';
import { NAME_BYTES_MAX, reservationIdOf } from '../kernel/record.js';
import { nano } from '../kernel/money.js';
import type { TraceParent } from '../kernel/trace.js';
import { SERVICE_TIERS } from '../kernel/usage.js';
import {
  ALERT_EVENTS,
  checksum,
  END_MARK,
  FORMAT_VERSION,
  HEADER_BYTES,
  KIND,
  LENGTH,
  NAME_TEXT_OFFSET,
  SOURCES,
  spanOf,
  WINDOWS,
} from './layout.js';

/** What reading has to know of what came before. */
export interface Cursor {
  readonly journalId: number;
  /** Of the segment at hand. */
  readonly names: Map<number, string>;
  /** The number the next record must have; `null` takes it from the record. */
  sequence: number | null;
}

export type Step =
  | { readonly found: 'record'; readonly span: number; readonly record: JournalRecord }
  | { readonly found: 'name' | 'seal'; readonly span: number }
  | { readonly found: 'end' }
  /** The record goes on beyond these bytes. */
  | { readonly found: 'part' }
  | { readonly found: 'fault'; readonly why: string };

const fault = (why: string): Step => ({ found: 'fault', why });

/** The fields of the record at an offset. One view over the bytes at hand serves them all. */
class Fields {
  #bytes: Buffer = Buffer.alloc(0);
  #view = new DataView(this.#bytes.buffer, 0, 0);
  #offset = 0;

  of(bytes: Buffer, offset: number): this {
    if (bytes !== this.#bytes) {
      this.#bytes = bytes;
      this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    }
    this.#offset = offset;
    return this;
  }

  u8(at: number): number {
    return this.#view.getUint8(this.#offset + at);
  }

  u16(at: number): number {
    return this.#view.getUint16(this.#offset + at, true);
  }

  u32(at: number): number {
    return this.#view.getUint32(this.#offset + at, true);
  }

  u48(at: number): number {
    const low = this.u32(at);
    const high = this.u16(at + 4);
    // Nearly every count: a small integer, which takes no memory of its own.
    return high === 0 ? low : high * 2 ** 32 + low;
  }

  i64(at: number): bigint {
    return this.#view.getBigInt64(this.#offset + at, true);
  }

  u64(at: number): bigint {
    return this.#view.getBigUint64(this.#offset + at, true);
  }

  /** Of the reservation whose id stands there: all above its 40 bits. */
  journalOf(at: number): number {
    return this.u32(at + 4) >>> 8;
  }

  hex(at: number, bytes: number): string {
    return this.#bytes.toString('hex', this.#offset + at, this.#offset + at + bytes);
  }
}

const fields = new Fields();

/** Whether a whole, undamaged record of any kind stands at the offset. */
export function isWhole(bytes: Buffer, offset: number): boolean {
  const framed = frame(bytes, offset);
  return typeof framed === 'number' && framed > 0;
}

/** The span of the record at the offset, 0 when it goes on beyond the bytes, else what is wrong. */
function frame(bytes: Buffer, offset: number): number | string {
  if (bytes.length - offset < HEADER_BYTES) return 0;
  const version = bytes[offset] as number;
  if (version !== FORMAT_VERSION) return `record version ${version}, this program reads 1`;
  const kind = bytes[offset + 1] as number;
  const length = bytes.readUInt16LE(offset + 2);
  const isName = kind === KIND.name;
  const fits = isName
    ? length >= NAME_TEXT_OFFSET && length <= NAME_TEXT_OFFSET + NAME_BYTES_MAX
    : LENGTH[kind] === length;
  if (!fits) return `no record has kind ${kind} and length ${length}`;
  const span = spanOf(length);
  if (offset + span > bytes.length) return 0;
  if (bytes[offset + span - 1] !== END_MARK) return 'the record has no end';
  if (bytes.readUInt32LE(offset + 4) !== checksum(bytes, offset, span)) {
    return 'the record does not match its checksum';
  }
  return span;
}

/** Reads what stands at the offset; on success the cursor has moved past it. */
export function decode(bytes: Buffer, offset: number, cursor: Cursor): Step {
  if (offset >= bytes.length) return { found: 'part' };
  if (bytes[offset] === 0) return { found: 'end' };
  const span = frame(bytes, offset);
  if (span === 0) return { found: 'part' };
  if (typeof span === 'string') return fault(span);
  const sequence = fields.of(bytes, offset).u48(8);
  if (cursor.sequence !== null && sequence !== cursor.sequence) {
    return fault(`record ${sequence} where ${cursor.sequence} must stand`);
  }
  const step = decodeFields(bytes, offset, cursor, { span, sequence });
  if (step.found !== 'fault') cursor.sequence = sequence + 1;
  return step;
}

function decodeFields(
  bytes: Buffer,
  offset: number,
  cursor: Cursor,
  { span, sequence }: { span: number; sequence: number },
): Step {
  const kind = bytes[offset + 1];
  if (kind === KIND.seal) return { found: 'seal', span };
  if (kind === KIND.name) {
    const length = bytes.readUInt16LE(offset + 2);
    const text = bytes.toString('utf8', offset + NAME_TEXT_OFFSET, offset + length);
    cursor.names.set(bytes.readUInt32LE(offset + 16), text);
    return { found: 'name', span };
  }
  const at = fields.of(bytes, offset);
  if ((kind === KIND.settle || kind === KIND.void) && at.journalOf(16) !== cursor.journalId) {
    return fault('the record ends a reservation of another journal');
  }
  const record =
    kind === KIND.reserve
      ? reserveOf(at, cursor, sequence)
      : kind === KIND.settle
        ? settleOf(at, cursor)
        : kind === KIND.void
          ? voidOf(at)
          : kind === KIND.alert
            ? alertOf(at, cursor)
            : kind === KIND.adjust
              ? adjustOf(at, cursor, sequence)
              : null;
  if (record === null) return fault('a field of the record has no meaning');
  return { found: 'record', span, record };
}

function reserveOf(at: Fields, { names, journalId }: Cursor, sequence: number) {
  const user = names.get(at.u32(44));
  const model = names.get(at.u32(48));
  const requestedModel = names.get(at.u32(52));
  const provider = names.get(at.u32(56));
  const priceVersion = names.get(at.u32(60));
  const amount = nano(at.i64(32));
  const worst = at.u32(80) === 0 && at.u32(84) === 0 ? amount : nano(amount + at.i64(80));
  if (user === undefined || model === undefined || requestedModel === undefined) return null;
  if (provider === undefined || priceVersion === undefined) return null;
  if (amount < 0n || worst < amount) return null;
  const record: JournalRecord = {
    kind: 'reserve',
    reservationId: reservationIdOf(journalId, sequence),
    timeMs: at.u48(16),
    date: at.u32(40),
    user,
    model,
    requestedModel,
    provider,
    amount,
    worst,
    inputBoundTokens: at.u48(64),
    maxOutputTokens: at.u48(72),
    priceVersion,
    deadlineMs: at.u48(24),
    retryCount: at.u8(78),
    api: APIS[at.u8(79) - 1] ?? null,
    trace: at.u8(88) === 0 ? null : traceOf(at),
  };
  return record;
}

const traceOf = (at: Fields): TraceParent => ({
  traceId: at.hex(90, 16),
  spanId: at.hex(106, 8),
  flags: at.u8(89),
});

function settleOf(at: Fields, { names }: Cursor): JournalRecord | null {
  const source = SOURCES[at.u8(90)];
  const priceVersion = names.get(at.u32(92));
  const serviceTier = SERVICE_TIERS[at.u8(102)];
  const cost = nano(at.i64(32));
  if (source === undefined || priceVersion === undefined || cost < 0n) return null;
  if (serviceTier === undefined) return null;
  return {
    kind: 'settle',
    reservationId: at.u64(16),
    timeMs: at.u48(24),
    cost,
    usage: {
      inputTokens: at.u48(40),
      cachedInputTokens: at.u48(48),
      cacheWriteTokens: at.u48(56),
      cacheWrite1hTokens: at.u48(64),
      outputTokens: at.u48(72),
      reasoningTokens: at.u48(80),
      audioInputTokens: at.u48(96),
      audioOutputTokens: at.u48(104),
      webSearches: at.u32(112),
      fileSearches: at.u32(116),
      serviceTier,
    },
    source,
    status: at.u16(88),
    priceVersion,
    overrun: at.u8(91) === 1,
  };
}

const voidOf = (at: Fields): JournalRecord => ({
  kind: 'void',
  reservationId: at.u64(16),
  timeMs: at.u48(24),
  status: at.u16(32),
});

function adjustOf(at: Fields, { names, journalId }: Cursor, sequence: number) {
  const provider = names.get(at.u32(40));
  if (provider === undefined) return null;
  const record: JournalRecord = {
    kind: 'adjust',
    adjustmentId: reservationIdOf(journalId, sequence),
    timeMs: at.u48(16),
    utcDate: at.u32(32),
    date: at.u32(36),
    provider,
    amount: nano(at.i64(24)),
  };
  return record;
}

function alertOf(at: Fields, { names }: Cursor): JournalRecord | null {
  const event = ALERT_EVENTS[at.u8(48)];
  const window = WINDOWS[at.u8(49)];
  const scope = names.get(at.u32(44));
  const modelRef = at.u32(52);
  const model = modelRef === 0 ? null : names.get(modelRef);
  if (event === undefined || window === undefined || scope === undefined) return null;
  if (model === undefined) return null;
  return {
    kind: 'alert',
    event,
    scope,
    window,
    date: at.u32(40),
    timeMs: at.u48(16),
    spent: nano(at.i64(24)),
    limit: at.u8(50) === 1 ? nano(at.i64(32)) : null,
    model,
  };
}
