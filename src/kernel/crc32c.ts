// CRC-32C (Castagnoli), table-driven: the checksum of everything the ledger writes.

const POLYNOMIAL = 0x82f63b78; // 0x1EDC6F41 with its bits reversed

/** `TABLES[k][b]`: what byte `b` contributes when `k` more bytes follow it. */
function tablesOf(): Int32Array[] {
  const first = new Int32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    first[byte] = crc;
  }
  const tables = [first];
  for (let more = 1; more < 4; more += 1) {
    const before = tables[more - 1] as Int32Array;
    tables.push(before.map((crc) => (first[crc & 0xff] as number) ^ (crc >>> 8)));
  }
  return tables;
}

const [T0, T1, T2, T3] = tablesOf() as [Int32Array, Int32Array, Int32Array, Int32Array];

/**
 * The checksum of `bytes[start, end)`, an unsigned 32-bit integer. Given the checksum of what
 * stands before as `previous`, it goes on from there: a record is summed around its own field.
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, previous = 0): number {
  let crc = ~previous;
  let index = start;
  // Four bytes a step: their contributions are independent once the sum is mixed in.
  for (; index + 4 <= end; index += 4) {
    const word =
      crc ^
      ((bytes[index] as number) |
        ((bytes[index + 1] as number) << 8) |
        ((bytes[index + 2] as number) << 16) |
        ((bytes[index + 3] as number) << 24));
    crc =
      (T3[word & 0xff] as number) ^
      (T2[(word >>> 8) & 0xff] as number) ^
      (T1[(word >>> 16) & 0xff] as number) ^
      (T0[word >>> 24] as number);
  }
  for (; index < end; index += 1) {
    crc = (T0[(crc ^ (bytes[index] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
