// Bytes to records. Believes nothing: version, kind, length, mark, checksum, sequence and every
// field are checked before a record is handed on.

import type { JournalRecord } from '../kernel/record.js';
import { NAME_BYTES_MAX, reservationIdOf } from '../kernel/record.js';
import { nano } from '../kernel/money.js';
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
  UNIT_BYTES,
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
  const sequence = bytes.readUIntLE(offset + 8, 6);
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
  const at = bytes.subarray(offset, offset + UNIT_BYTES);
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

function reserveOf(at: Buffer, { names, journalId }: Cursor, sequence: number) {
  const user = names.get(at.readUInt32LE(44));
  const model = names.get(at.readUInt32LE(48));
  const requestedModel = names.get(at.readUInt32LE(52));
  const provider = names.get(at.readUInt32LE(56));
  const priceVersion = names.get(at.readUInt32LE(60));
  const amount = nano(at.readBigInt64LE(32));
  const worst = nano(amount + at.readBigInt64LE(80));
  if (user === undefined || model === undefined || requestedModel === undefined) return null;
  if (provider === undefined || priceVersion === undefined) return null;
  if (amount < 0n || worst < amount) return null;
  const record: JournalRecord = {
    kind: 'reserve',
    reservationId: reservationIdOf(journalId, sequence),
    timeMs: at.readUIntLE(16, 6),
    date: at.readUInt32LE(40),
    user,
    model,
    requestedModel,
    provider,
    amount,
    worst,
    inputBoundTokens: at.readUIntLE(64, 6),
    maxOutputTokens: at.readUIntLE(72, 6),
    priceVersion,
    deadlineMs: at.readUIntLE(24, 6),
    retryCount: at[78] as number,
  };
  return record;
}

function settleOf(at: Buffer, { names }: Cursor): JournalRecord | null {
  const source = SOURCES[at[90] as number];
  const priceVersion = names.get(at.readUInt32LE(92));
  const serviceTier = SERVICE_TIERS[at[102] as number];
  const cost = nano(at.readBigInt64LE(32));
  if (source === undefined || priceVersion === undefined || cost < 0n) return null;
  if (serviceTier === undefined) return null;
  return {
    kind: 'settle',
    reservationId: at.readBigUInt64LE(16),
    timeMs: at.readUIntLE(24, 6),
    cost,
    usage: {
      inputTokens: at.readUIntLE(40, 6),
      cachedInputTokens: at.readUIntLE(48, 6),
      cacheWriteTokens: at.readUIntLE(56, 6),
      cacheWrite1hTokens: at.readUIntLE(64, 6),
      outputTokens: at.readUIntLE(72, 6),
      reasoningTokens: at.readUIntLE(80, 6),
      audioInputTokens: at.readUIntLE(96, 6),
      audioOutputTokens: at.readUIntLE(104, 6),
      webSearches: at.readUInt32LE(112),
      fileSearches: at.readUInt32LE(116),
      serviceTier,
    },
    source,
    status: at.readUInt16LE(88),
    priceVersion,
    overrun: at[91] === 1,
  };
}

const voidOf = (at: Buffer): JournalRecord => ({
  kind: 'void',
  reservationId: at.readBigUInt64LE(16),
  timeMs: at.readUIntLE(24, 6),
  status: at.readUInt16LE(32),
});

function adjustOf(at: Buffer, { names, journalId }: Cursor, sequence: number) {
  const provider = names.get(at.readUInt32LE(40));
  if (provider === undefined) return null;
  const record: JournalRecord = {
    kind: 'adjust',
    adjustmentId: reservationIdOf(journalId, sequence),
    timeMs: at.readUIntLE(16, 6),
    utcDate: at.readUInt32LE(32),
    date: at.readUInt32LE(36),
    provider,
    amount: nano(at.readBigInt64LE(24)),
  };
  return record;
}

function alertOf(at: Buffer, { names }: Cursor): JournalRecord | null {
  const event = ALERT_EVENTS[at[48] as number];
  const window = WINDOWS[at[49] as number];
  const scope = names.get(at.readUInt32LE(44));
  const modelRef = at.readUInt32LE(52);
  const model = modelRef === 0 ? null : names.get(modelRef);
  if (event === undefined || window === undefined || scope === undefined) return null;
  if (model === undefined) return null;
  return {
    kind: 'alert',
    event,
    scope,
    window,
    date: at.readUInt32LE(40),
    timeMs: at.readUIntLE(16, 6),
    spent: nano(at.readBigInt64LE(24)),
    limit: at[50] === 1 ? nano(at.readBigInt64LE(32)) : null,
    model,
  };
}
