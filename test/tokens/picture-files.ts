// The first bytes of picture files of any size, as base64: enough for a header, and no picture.

const chunk = (bytes: number[]): Buffer => Buffer.from(bytes);

const u16 = (value: number): number[] => [value >> 8, value & 255];

export function png(width: number, height: number): string {
  const bytes = Buffer.alloc(33);
  bytes.write('\x89PNG\r\n\x1a\n', 0, 'latin1');
  bytes.writeUInt32BE(13, 8);
  bytes.write('IHDR', 12);
  bytes.writeUInt32BE(width, 16);
  bytes.writeUInt32BE(height, 20);
  return bytes.toString('base64');
}

/** A progressive one, with so many bytes of other segments before its frame. */
export function jpeg(width: number, height: number, profileBytes = 0): string {
  const segments: Buffer[] = [chunk([0xff, 0xd8])];
  for (let left = profileBytes; left > 0; left -= 60_000) {
    const length = Math.min(left, 60_000);
    // Full of what looks like the frame of a tiny picture.
    const fill = Buffer.alloc(length, chunk([0xff, 0xc0, 0, 11, 8, 0, 1, 0, 1]));
    segments.push(chunk([0xff, 0xe2, ...u16(length + 2)]), fill);
  }
  segments.push(chunk([0xff, 0xc2, 0, 11, 8, ...u16(height), ...u16(width), 1, 1, 0x11, 0]));
  return Buffer.concat(segments).toString('base64');
}

/** Of the extended kind. */
export function webp(width: number, height: number): string {
  const bytes = Buffer.alloc(30);
  bytes.write('RIFF', 0);
  bytes.write('WEBPVP8X', 8);
  bytes.writeUInt32LE(10, 16);
  bytes.writeUIntLE(width - 1, 24, 3);
  bytes.writeUIntLE(height - 1, 27, 3);
  return bytes.toString('base64');
}

export function gif(width: number, height: number): string {
  const bytes = Buffer.alloc(13);
  bytes.write('GIF89a', 0);
  bytes.writeUInt16LE(width, 6);
  bytes.writeUInt16LE(height, 8);
  return bytes.toString('base64');
}

/** The header of a WAV of 16-bit samples, and silence. */
export function wav(seconds: number, sampleRate: number, channels = 1): Buffer {
  const rate = sampleRate * channels * 2;
  const bytes = Buffer.alloc(44 + seconds * rate);
  bytes.write('RIFF', 0);
  bytes.writeUInt32LE(bytes.length - 8, 4);
  bytes.write('WAVEfmt ', 8);
  bytes.writeUInt32LE(16, 16);
  bytes.writeUInt16LE(1, 20);
  bytes.writeUInt16LE(channels, 22);
  bytes.writeUInt32LE(sampleRate, 24);
  bytes.writeUInt32LE(rate, 28);
  bytes.writeUInt16LE(channels * 2, 32);
  bytes.writeUInt16LE(16, 34);
  return bytes;
}
