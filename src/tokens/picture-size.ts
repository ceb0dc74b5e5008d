// How large a picture is that a request carries as base64, from the first bytes of its file. Never
// decodes the picture, and fetches nothing. Whatever is not plainly a PNG, JPEG or WebP has no size
// here: a size that is too small would let spend past a cap.

import { PNG } from 'image-size/types/png';
import { WEBP } from 'image-size/types/webp';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** Of base64, a multiple of four: 3 KiB of file hold most headers, 96 KiB a photo's profile. */
const FIRST_UNITS = 4_096;
const MORE_UNITS = 131_072;

/** Decoders differ in what they make of anything else in between. */
const BASE64 = /^[A-Za-z0-9+/]*={0,2}$/;

function firstBytes(base64: string, units: number): Buffer | null {
  const text = base64.slice(0, units);
  return BASE64.test(text) ? Buffer.from(text, 'base64') : null;
}

/**
 * From marker to marker until the one that tells the size. image-size looks on at the next byte
 * where no marker stands, and might find a size in the middle of something else.
 */
function jpegSize(bytes: Buffer): Size | null {
  let at = 2;
  while (at + 9 <= bytes.length) {
    const marker = bytes[at + 1] as number;
    const hasLength = marker >= 0xc0 && marker < 0xff && (marker < 0xd0 || marker > 0xd9);
    if (bytes[at] !== 0xff || !hasLength) return null;
    // Of the C row, three tell of tables and the rest of the size.
    const isFrame = marker <= 0xcf && marker !== 0xc4 && marker !== 0xc8 && marker !== 0xcc;
    if (isFrame) return { height: bytes.readUInt16BE(at + 5), width: bytes.readUInt16BE(at + 7) };
    at += 2 + bytes.readUInt16BE(at + 2);
  }
  return null;
}

function sizeIn(bytes: Buffer): Size | null {
  try {
    if (bytes[0] === 0xff && bytes[1] === 0xd8) return jpegSize(bytes);
    // A frame of a GIF may be larger than the screen of its header, so it has no size here.
    const format = [PNG, WEBP].find((each) => each.validate(bytes));
    return format === undefined ? null : format.calculate(bytes);
  } catch {
    // Cut short or broken: it has no size.
    return null;
  }
}

const isSize = ({ width, height }: Size): boolean => width > 0 && height > 0;

/** The size of a picture from its base64; `null` where its first bytes do not tell. */
export function sizeOfBase64(base64: string): Size | null {
  for (const units of [FIRST_UNITS, MORE_UNITS]) {
    const bytes = firstBytes(base64, units);
    const size = bytes === null ? null : sizeIn(bytes);
    if (size !== null) return isSize(size) ? size : null;
    if (base64.length <= units) break;
  }
  return null;
}
