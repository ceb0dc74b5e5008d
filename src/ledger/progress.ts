// Rows of the store that tell how far each journal is booked: their keys and bytes. One that is
// damaged is told of, and not gone by.

import { crc32c } from '../kernel/crc32c.js';
import { TokenPakError } from '../kernel/errors.js';
import { Packer, Unpacker } from './pack.js';
import type { Position } from './tail.js';

/** How far a journal is booked; `finished` ones are read no more, whatever still lies on disk. */
export interface Progress {
  readonly journalId: number;
  readonly position: Position;
  readonly finished: boolean;
}

const PREFIX = 'journal';
/** Of a row, but for its checksum. */
const PROGRESS_BYTES = 15;

export function progressKey(journalId: number): Buffer {
  const key = Buffer.from(`${PREFIX}\0\0\0\0`);
  key.writeUInt32BE(journalId, PREFIX.length);
  return key;
}

export const journalIdIn = (key: Buffer): number => key.readUInt32BE(PREFIX.length);

export const PROGRESS_RANGE = { start: progressKey(0), end: Buffer.from('journam') };

const packer = new Packer();

export function packProgress({ journalId, position, finished }: Progress): Buffer {
  const row = packer
    .start()
    .u32(position.segment)
    .u32(position.offset)
    .u48(position.sequence)
    .u8(finished ? 1 : 0);
  const sum = progressSum(journalId, row.done());
  return row.u32(sum).done();
}

/** Of the row and of whose it is: at another journal's key it would be as wrong. */
const progressSum = (journalId: number, row: Buffer): number =>
  crc32c(row, 0, PROGRESS_BYTES, journalId);

export function unpackProgress(journalId: number, bytes: Buffer): Progress {
  const from = new Unpacker(bytes);
  const position = { segment: from.u32(), offset: from.u32(), sequence: from.u48() };
  const progress = { journalId, position, finished: from.u8() === 1 };
  // The first books had no sum here.
  if (from.isAtEnd || from.u32() === progressSum(journalId, bytes)) return progress;
  const found = `how far journal ${journalId} is booked does not match its checksum`;
  throw new TokenPakError('ledger_damaged', found);
}
