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
import {
  ALERT_EVENTS,
  finish,
  KIND,
  LENGTH,
  NAME_TEXT_OFFSET,
  type Place,
  SOURCES,
  WINDOWS,
} from './layout.js';

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
  const { bytes, offset } = place;
  bytes.writeUInt32LE(name.ref, offset + 16);
  bytes.write(name.text, offset + NAME_TEXT_OFFSET, 'utf8');
  return finish(place, { kind: KIND.name, length: NAME_TEXT_OFFSET + name.textBytes, sequence });
}

export function encodeReserve(
  place: Place,
  sequence: number,
  record: Omit<ReserveRecord, 'kind' | 'reservationId'>,
  refs: ReserveRefs,
): number {
  assert(record.amount >= 0n, 'a reservation is not negative');
  assert(record.worst >= record.amount, 'no reservation is above the worst case');
  const { bytes, offset } = place;
  bytes.writeUIntLE(record.timeMs, offset + 16, 6);
  bytes.writeUIntLE(record.deadlineMs, offset + 24, 6);
  bytes.writeBigInt64LE(record.amount, offset + 32);
  bytes.writeUInt32LE(record.date, offset + 40);
  bytes.writeUInt32LE(refs.user, offset + 44);
  bytes.writeUInt32LE(refs.model, offset + 48);
  bytes.writeUInt32LE(refs.requestedModel, offset + 52);
  bytes.writeUInt32LE(refs.provider, offset + 56);
  bytes.writeUInt32LE(refs.priceVersion, offset + 60);
  bytes.writeUIntLE(record.inputBoundTokens, offset + 64, 6);
  bytes.writeUIntLE(record.maxOutputTokens, offset + 72, 6);
  bytes.writeUInt8(record.retryCount, offset + 78);
  bytes[offset + 79] = record.api === null ? 0 : 1 + APIS.indexOf(record.api);
  bytes.writeBigInt64LE(record.worst - record.amount, offset + 80);
  if (record.trace !== null) {
    bytes[offset + 88] = 1;
    bytes[offset + 89] = record.trace.flags;
    bytes.write(record.trace.traceId, offset + 90, 16, 'hex');
    bytes.write(record.trace.spanId, offset + 106, 8, 'hex');
  }
  return finish(place, { kind: KIND.reserve, length: LENGTH[KIND.reserve] as number, sequence });
}

export function encodeSettle(
  place: Place,
  sequence: number,
  record: Omit<SettleRecord, 'kind'>,
  priceVersionRef: number,
): number {
  assert(record.cost >= 0n, 'a cost is not negative');
  const { bytes, offset } = place;
  const usage = record.usage;
  bytes.writeBigUInt64LE(record.reservationId, offset + 16);
  bytes.writeUIntLE(record.timeMs, offset + 24, 6);
  bytes.writeBigInt64LE(record.cost, offset + 32);
  bytes.writeUIntLE(usage.inputTokens, offset + 40, 6);
  bytes.writeUIntLE(usage.cachedInputTokens, offset + 48, 6);
  bytes.writeUIntLE(usage.cacheWriteTokens, offset + 56, 6);
  bytes.writeUIntLE(usage.cacheWrite1hTokens, offset + 64, 6);
  bytes.writeUIntLE(usage.outputTokens, offset + 72, 6);
  bytes.writeUIntLE(usage.reasoningTokens, offset + 80, 6);
  bytes.writeUInt16LE(record.status, offset + 88);
  bytes[offset + 90] = SOURCES.indexOf(record.source);
  bytes[offset + 91] = record.overrun ? 1 : 0;
  bytes.writeUInt32LE(priceVersionRef, offset + 92);
  bytes.writeUIntLE(usage.audioInputTokens, offset + 96, 6);
  bytes[offset + 102] = SERVICE_TIERS.indexOf(usage.serviceTier);
  bytes.writeUIntLE(usage.audioOutputTokens, offset + 104, 6);
  bytes.writeUInt32LE(usage.webSearches, offset + 112);
  bytes.writeUInt32LE(usage.fileSearches, offset + 116);
  return finish(place, { kind: KIND.settle, length: LENGTH[KIND.settle] as number, sequence });
}

export function encodeVoid(
  place: Place,
  sequence: number,
  record: Omit<VoidRecord, 'kind'>,
): number {
  const { bytes, offset } = place;
  bytes.writeBigUInt64LE(record.reservationId, offset + 16);
  bytes.writeUIntLE(record.timeMs, offset + 24, 6);
  bytes.writeUInt16LE(record.status, offset + 32);
  return finish(place, { kind: KIND.void, length: LENGTH[KIND.void] as number, sequence });
}

export function encodeAdjust(
  place: Place,
  sequence: number,
  record: Omit<AdjustRecord, 'kind' | 'adjustmentId'>,
  providerRef: number,
): number {
  const { bytes, offset } = place;
  bytes.writeUIntLE(record.timeMs, offset + 16, 6);
  bytes.writeBigInt64LE(record.amount, offset + 24);
  bytes.writeUInt32LE(record.utcDate, offset + 32);
  bytes.writeUInt32LE(record.date, offset + 36);
  bytes.writeUInt32LE(providerRef, offset + 40);
  return finish(place, { kind: KIND.adjust, length: LENGTH[KIND.adjust] as number, sequence });
}

export function encodeAlert(
  place: Place,
  sequence: number,
  record: Omit<AlertRecord, 'kind'>,
  refs: { readonly scope: number; readonly model: number },
): number {
  const { bytes, offset } = place;
  bytes.writeUIntLE(record.timeMs, offset + 16, 6);
  bytes.writeBigInt64LE(record.spent, offset + 24);
  bytes.writeBigInt64LE(record.limit ?? 0n, offset + 32);
  bytes.writeUInt32LE(record.date, offset + 40);
  bytes.writeUInt32LE(refs.scope, offset + 44);
  bytes[offset + 48] = ALERT_EVENTS.indexOf(record.event);
  bytes[offset + 49] = WINDOWS.indexOf(record.window);
  bytes[offset + 50] = record.limit === null ? 0 : 1;
  bytes.writeUInt32LE(refs.model, offset + 52);
  return finish(place, { kind: KIND.alert, length: LENGTH[KIND.alert] as number, sequence });
}

export const encodeSeal = (place: Place, sequence: number): number =>
  finish(place, { kind: KIND.seal, length: LENGTH[KIND.seal] as number, sequence });
