// A long body without what its long texts say: of a prompt of 400 KB admission reads the frame, and
// to make a string of the rest would cost more than everything else that is done with it.

import { skipString } from './json.js';

const QUOTE = 0x22;
const COLON = 0x3a;
const SPACE_MAX = 0x20;

/** Below this, one pass of JSON.parse costs less than looking for what could be left out. */
const BODY_BYTES_MIN = 4 * 1024;
const TEXT_BYTES_MIN = 1024;

/** Members that hold nothing but text wherever they stand, when they hold a string. */
const TEXTS = [Buffer.from('"content"'), Buffer.from('"text"')];

/**
 * The same JSON with every long text under `content` or `text` replaced by a letter; the bytes
 * given when there is none. Such a text goes unchecked: the provider has it to judge.
 */
export function shortened(bytes: Buffer): Buffer {
  if (bytes.length < BODY_BYTES_MIN) return bytes;
  const pieces: Uint8Array[] = [];
  let copied = 0;
  let keyStart = 0;
  let keyEnd = 0;
  for (let start = bytes.indexOf(QUOTE); start >= 0;) {
    const end = skipString(bytes, start);
    if (end - start >= TEXT_BYTES_MIN && isTextOf(bytes, keyStart, keyEnd, start)) {
      pieces.push(bytes.subarray(copied, start + 1), LETTER);
      copied = end - 1;
    }
    keyStart = start;
    keyEnd = end;
    start = bytes.indexOf(QUOTE, end);
  }
  if (copied === 0) return bytes;
  pieces.push(bytes.subarray(copied));
  return Buffer.concat(pieces);
}

const LETTER = Buffer.from('x');

/** Whether the string before is one of the names, with nothing between but a colon. */
function isTextOf(bytes: Buffer, keyStart: number, keyEnd: number, start: number): boolean {
  const key = bytes.subarray(keyStart, keyEnd);
  if (!TEXTS.some((name) => name.equals(key))) return false;
  let colons = 0;
  for (let at = keyEnd; at < start; at++) {
    const byte = bytes[at] ?? 0;
    if (byte === COLON) colons++;
    else if (byte > SPACE_MAX) return false;
  }
  return colons === 1;
}
