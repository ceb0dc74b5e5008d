// A place in a batch where a record is written, and the stores that put its fields there. A value
// that does not fit its field throws RangeError: no number is ever wrapped.
//
// Stores go through a DataView: the compiler makes one machine instruction of each, where a
// Buffer's methods for 48 bits and for big integers split what they write in JavaScript.

import { checksum, END_MARK, FORMAT_VERSION, spanOf } from './layout.js';

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

/** Writes header, mark and checksum around fields that are already in place. Returns the span. */
export function finish(
  place: Place,
  head: { readonly kind: number; readonly length: number; readonly sequence: number },
): number {
  const { bytes, offset } = place;
  const span = spanOf(head.length);
  bytes[offset] = FORMAT_VERSION;
  bytes[offset + 1] = head.kind;
  u16(place, 2, head.length);
  u48(place, 8, head.sequence);
  bytes[offset + span - 1] = END_MARK;
  u32(place, 4, checksum(bytes, offset, span));
  return span;
}
