// The bytes of a journal, format version 1: where the fields of every record stand and how a record
// is sealed with its checksum. Little endian; records are never rewritten.
//
//   segment   ┌ unit 0 ┬ unit 1 ┬ unit 2 ┬ … ┬ zeros ┐      unit = 128 bytes
//             │ header │ record │ record │   │       │     a zero version byte ends what is written
//
//   header    0 "TPKJRNL1" · 8 format u32 · 12 crc32c u32 · 16 journal u32 · 20 segment u32
//             24 segment bytes u32
//   record    0 version u8 · 1 kind u8 · 2 length u16 · 4 crc32c u32 · 8 sequence u48 (+ 2 zero)
//             16 … its fields … length · zeros … · last byte of its last unit: END_MARK
//   name      16 ref u32 · 20 UTF-8 text              (the only kind that may span several units)
//   reserve   16 time u48 · 24 deadline u48 · 32 amount i64 · 40 date u32 · 44 user ref u32
//             48 model ref · 52 requested model ref · 56 provider ref · 60 price version ref
//             64 input bound u48 · 72 maximum output u48 · 78 retry count u8        length 80
//             and in the zeros around it: 79 API u8 (1: the first; 0: not told)
//             80 worst case over amount i64 · 88 has a trace u8 · 89 its flags u8
//             90 trace id, 16 bytes · 106 the client's span id, 8 bytes
//   settle    16 reservation u64 · 24 time u48 · 32 cost i64 · 40 input u48 · 48 cached u48
//             56 cache write u48 · 64 cache write 1h u48 · 72 output u48 · 80 reasoning u48
//             88 status u16 · 90 source u8 · 91 overrun u8 · 92 price version ref   length 96
//             and in the zeros behind its length, where earlier programs left them:
//             96 audio input u48 · 102 service tier u8 · 104 audio output u48
//             112 web searches u32 · 116 file searches u32
//   void      16 reservation u64 · 24 time u48 · 32 status u16                      length 40
//   adjust    16 time u48 · 24 amount i64 · 32 UTC date u32 · 36 date u32
//             40 provider ref u32                                                   length 44
//   alert     16 time u48 · 24 spent i64 · 32 limit i64 · 40 date u32 · 44 scope ref u32
//             48 event u8 · 49 window u8 · 50 has a limit u8 · 52 model ref (0: none)   length 56
//   seal      nothing: the journal goes on in its next segment                      length 16
//
// The mark in the last byte tells a record that was cut short (zeros there: the write never got so
// far) from one that was damaged later, and so loses nothing that was ever acknowledged.

import { crc32c } from '../kernel/crc32c.js';

export const UNIT_BYTES = 128;
export const FORMAT_VERSION = 1;
export const HEADER_BYTES = 16;
export const END_MARK = 0xa5;
export const NAME_TEXT_OFFSET = 20;

export const KIND = {
  name: 1,
  reserve: 2,
  settle: 3,
  void: 4,
  adjust: 5,
  alert: 6,
  seal: 7,
} as const;

/** Lengths of the kinds that have one; a name's is its own. */
export const LENGTH: Readonly<Record<number, number>> = {
  [KIND.reserve]: 80,
  [KIND.settle]: 96,
  [KIND.void]: 40,
  [KIND.adjust]: 44,
  [KIND.alert]: 56,
  [KIND.seal]: 16,
};

export const SOURCES = ['provider', 'estimated', 'unsettled'] as const;
export const WINDOWS = ['daily', 'monthly'] as const;
export const ALERT_EVENTS = [
  'budget_exceeded',
  'settlement_overrun',
  'stream_without_cost',
] as const;

/** Bytes that a record of this length takes, its mark included. */
export const spanOf = (length: number): number => Math.ceil((length + 1) / UNIT_BYTES) * UNIT_BYTES;

/** A name record's share of a segment. */
export const nameSpan = (textBytes: number): number => spanOf(NAME_TEXT_OFFSET + textBytes);

const MARK = Uint8Array.of(END_MARK);

/** The checksum of a record, marked or not yet: everything but the field that holds it. */
export function checksum(bytes: Uint8Array, offset: number, span: number): number {
  const beginning = crc32c(bytes, offset, offset + 4);
  return crc32c(MARK, 0, 1, crc32c(bytes, offset + 8, offset + span - 1, beginning));
}
