// Records to bytes. Writes into zeroed memory only and asserts what decode asserts; a value that
// does not fit its field is a defect of the caller (RangeError), never a wrapped number.

import { APIS } from '../kernel/api.js';
import { assert } from '../kernel/assert.js';
import type {
  AdjustRecord,
  AlertRecord,
  ReserveRecord,
  SettleRecord,
  VoidRecord,
} from '../kernel/record.js';
import { NAME_BYTES_MAX } from '../kernel/record.js';
import { SERVICE_TIERS } from '../kernel/usage.js';
import { ALERT_EVENTS, KIND, NAME_TEXT_OFFSET, SOURCES, WINDOWS } from './layout.js';
import { begin, finish, i64, type Place, u16, u32, u48, u8 } from './place.js';

/** The segment-local numbers of a reserve record's names. */
export interface ReserveRefs {
  readonly user: number;
  readonly model: number;
  readonly requestedModel: number;
  readonly provider: number;
  readonly priceVersion: number;
}

export function encodeName(
  place: Place,
  sequence: number,
  name: { readonly ref: number; readonly text: string; readonly textBytes: number },
): number {
  assert(name.ref > 0, 'a name needs a number');
  assert(name.textBytes <= NAME_BYTES_MAX, 'a name is at most 1 KiB');
  const span = begin(place, sequence, KIND.name, NAME_TEXT_OFFSET + name.textBytes);
  const { bytes, offset } = place;
  u32(place, 16, name.ref);
  bytes.write(name.text, offset + NAME_TEXT_OFFSET, 'utf8');
  return finish(place, span);
}

export function encodeReserve(
  place: Place,
  sequence: number,
  record: Omit<ReserveRecord, 'kind' | 'reservationId'>,
  refs: ReserveRefs,
): number {
  assert(record.amount >= 0n, 'a reservation is not negative');
  assert(record.worst >= record.amount, 'no reservation is above the worst case');
  const span = begin(place, sequence, KIND.reserve);
  const { bytes, offset } = place;
  u48(place, 16, record.timeMs);
  u48(place, 24, record.deadlineMs);
  i64(place, 32, record.amount);
  u32(place, 40, record.date);
  u32(place, 44, refs.user);
  u32(place, 48, refs.model);
  u32(place, 52, refs.requestedModel);
  u32(place, 56, refs.provider);
  u32(place, 60, refs.priceVersion);
  u48(place, 64, record.inputBoundTokens);
  u48(place, 72, record.maxOutputTokens);
  u8(place, 78, record.retryCount);
  bytes[offset + 79] = record.api === null ? 0 : 1 + APIS.indexOf(record.api);
  i64(place, 80, record.worst - record.amount);
  if (record.trace !== null) {
    bytes[offset + 88] = 1;
    bytes[offset + 89] = record.trace.flags;
    bytes.write(record.trace.traceId, offset + 90, 16, 'hex');
    bytes.write(record.trace.spanId, offset + 106, 8, 'hex');
  }
  return finish(place, span);
}

export function encodeSettle(
  place: Place,
  sequence: number,
  record: Omit<SettleRecord, 'kind'>,
  priceVersionRef: number,
): number {
  assert(record.cost >= 0n, 'a cost is not negative');
  const span = begin(place, sequence, KIND.settle);
  const { bytes, offset } = place;
  const usage = record.usage;
  i64(place, 16, record.reservationId);
  u48(place, 24, record.timeMs);
  i64(place, 32, record.cost);
  u48(place, 40, usage.inputTokens);
  u48(place, 48, usage.cachedInputTokens);
  u48(place, 56, usage.cacheWriteTokens);
  u48(place, 64, usage.cacheWrite1hTokens);
  u48(place, 72, usage.outputTokens);
  u48(place, 80, usage.reasoningTokens);
  u16(place, 88, record.status);
  bytes[offset + 90] = SOURCES.indexOf(record.source);
  bytes[offset + 91] = record.overrun ? 1 : 0;
  u32(place, 92, priceVersionRef);
  u48(place, 96, usage.audioInputTokens);
  bytes[offset + 102] = SERVICE_TIERS.indexOf(usage.serviceTier);
  u48(place, 104, usage.audioOutputTokens);
  u32(place, 112, usage.webSearches);
  u32(place, 116, usage.fileSearches);
  return finish(place, span);
}

export function encodeVoid(
  place: Place,
  sequence: number,
  record: Omit<VoidRecord, 'kind'>,
): number {
  const span = begin(place, sequence, KIND.void);
  i64(place, 16, record.reservationId);
  u48(place, 24, record.timeMs);
  u16(place, 32, record.status);
  return finish(place, span);
}

export function encodeAdjust(
  place: Place,
  sequence: number,
  record: Omit<AdjustRecord, 'kind' | 'adjustmentId'>,
  providerRef: number,
): number {
  const span = begin(place, sequence, KIND.adjust);
  u48(place, 16, record.timeMs);
  i64(place, 24, record.amount);
  u32(place, 32, record.utcDate);
  u32(place, 36, record.date);
  u32(place, 40, providerRef);
  return finish(place, span);
}

export function encodeAlert(
  place: Place,
  sequence: number,
  record: Omit<AlertRecord, 'kind'>,
  refs: { readonly scope: number; readonly model: number },
): number {
  const span = begin(place, sequence, KIND.alert);
  const { bytes, offset } = place;
  u48(place, 16, record.timeMs);
  i64(place, 24, record.spent);
  i64(place, 32, record.limit ?? 0n);
  u32(place, 40, record.date);
  u32(place, 44, refs.scope);
  bytes[offset + 48] = ALERT_EVENTS.indexOf(record.event);
  bytes[offset + 49] = WINDOWS.indexOf(record.window);
  bytes[offset + 50] = record.limit === null ? 0 : 1;
  u32(place, 52, refs.model);
  return finish(place, span);
}

export const encodeSeal = (place: Place, sequence: number): number =>
  finish(place, begin(place, sequence, KIND.seal));
