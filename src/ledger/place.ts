// A place where a record is written, and the stores that put its fields there: a kill may come
// between any two of them. A value that does not fit its field throws RangeError: no number is ever
// wrapped.
//
// Stores go through a DataView: the compiler makes one machine instruction of each, where a
// Buffer's methods for 48 bits and for big integers split what they write in JavaScript.

import { checksum, END_MARK, FORMAT_VERSION, LENGTH, spanOf } from './layout.js';

export interface Place {
  readonly bytes: Buffer;
  /** Of the same memory. */
  readonly view: DataView;
  readonly offset: number;
}

const TWO_32 = 2 ** 32;
const TWO_48 = 2 ** 48;
const I64_MIN = -(2n ** 63n);
const I64_MAX = 2n ** 63n - 1n;

function fits(value: number, below: number): void {
  if (value >= 0 && value < below && Number.isInteger(value)) return;
  throw new RangeError(`${value} is no whole number below ${below}`);
}

export function u8({ bytes, offset }: Place, at: number, value: number): void {
  fits(value, 0x100);
  bytes[offset + at] = value;
}

export function u16({ view, offset }: Place, at: number, value: number): void {
  fits(value, 0x10000);
  view.setUint16(offset + at, value, true);
}

export function u32({ view, offset }: Place, at: number, value: number): void {
  fits(value, TWO_32);
  view.setUint32(offset + at, value, true);
}

export function u48({ view, offset }: Place, at: number, value: number): void {
  fits(value, TWO_48);
  // Each store takes the lowest bits of what it is given.
  view.setUint32(offset + at, value, true);
  view.setUint16(offset + at + 4, value / TWO_32, true);
}

/** Reservation ids too, of which the highest bit is never set. */
export function i64({ view, offset }: Place, at: number, value: bigint): void {
  if (value > I64_MAX || value < I64_MIN) throw new RangeError(`${value} has more than 64 bits`);
  view.setBigInt64(offset + at, value, true);
}

/**
 * Writes the header of a record: before any field, so that a record which a kill has cut short says
 * how long it would have been. Returns the span.
 */
export function begin(
  place: Place,
  sequence: number,
  kind: number,
  length = LENGTH[kind] as number,
): number {
  const { bytes, offset } = place;
  bytes[offset] = FORMAT_VERSION;
  bytes[offset + 1] = kind;
  u16(place, 2, length);
  u48(place, 8, sequence);
  return spanOf(length);
}

/** Writes the checksum, and last of all the mark: until it stands there, there is no record. */
export function finish(place: Place, span: number): number {
  const { bytes, offset } = place;
  u32(place, 4, checksum(bytes, offset, span));
  bytes[offset + span - 1] = END_MARK;
  return span;
}
