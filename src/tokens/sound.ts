// The most input tokens that sound can be billed as, from the length of its file and, for a WAV,
// from its header. OpenAI counts ten tokens a second; four times that is held.

import { type Json, isJson } from './media.js';

const TOKENS_PER_SECOND = 40;

/** An MP3 has at least 8,000 bits a second. */
const MP3_BYTES_PER_SECOND = 1_000;

/** Telephone quality; a header that claims less is not believed. */
const WAV_BYTES_PER_SECOND_MIN = 8_000;

const HEADER_BYTES = 36;

/** Bytes of file that four characters of base64 stand for. */
const bytesOf = (base64: string): number => Math.ceil(base64.length / 4) * 3;

const secondsToTokens = (bytes: number, bytesPerSecond: number): number =>
  Math.ceil(bytes / bytesPerSecond + 1) * TOKENS_PER_SECOND;

/** Of plain samples, as the header's own rate, channels and width multiply. */
function wavBytesPerSecond(header: Buffer): number | null {
  const isWav =
    header.length >= HEADER_BYTES &&
    header.toString('latin1', 0, 4) === 'RIFF' &&
    header.toString('latin1', 8, 16) === 'WAVEfmt ' &&
    header.readUInt16LE(20) === 1;
  if (!isWav) return null;
  const samples = header.readUInt32LE(24) * header.readUInt16LE(22);
  const rate = (samples * header.readUInt16LE(34)) / 8;
  return rate >= WAV_BYTES_PER_SECOND_MIN ? rate : null;
}

/** The base64 of a part that is heard. */
export function soundOf(part: Json): string {
  const audio = part['input_audio'];
  return isJson(audio) && typeof audio['data'] === 'string' ? audio['data'] : '';
}

/** Of a format that we do not know the rate of, each byte of the body. */
export function soundTokensMax(part: Json): number {
  const base64 = soundOf(part);
  const format = isJson(part['input_audio']) ? part['input_audio']['format'] : null;
  if (format === 'mp3') return secondsToTokens(bytesOf(base64), MP3_BYTES_PER_SECOND);
  const header = Buffer.from(base64.slice(0, 64), 'base64');
  const rate = format === 'wav' ? wavBytesPerSecond(header) : null;
  return rate === null ? base64.length : secondsToTokens(bytesOf(base64), rate);
}
