// The checksum of one journal record.

import { crc32c } from '../../src/kernel/crc32c.js';
import type { MicroCase } from './case.js';

const RECORD_BYTES = 128;

export function crc(): readonly MicroCase[] {
  const record = Uint8Array.from({ length: RECORD_BYTES }, (_, index) => index * 7);
  return [
    {
      name: `crc32c: ${RECORD_BYTES} bytes`,
      run(iterations) {
        let sum = 0;
        for (let i = 0; i < iterations; i++) sum ^= crc32c(record, 0, RECORD_BYTES);
        return sum;
      },
    },
  ];
}
