// CRC-32C (Castagnoli), table-driven: the checksum of everything the ledger writes.

const POLYNOMIAL = 0x82f63b78; // 0x1EDC6F41 with its bits reversed

function tableOf(): Int32Array {
  const table = new Int32Array(256);
  for (let byte = 0; byte < 256; byte += 1) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit += 1)
      crc = (crc & 1) === 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    table[byte] = crc;
  }
  return table;
}

const TABLE = tableOf();

/**
 * The checksum of `bytes[start, end)`, an unsigned 32-bit integer. Given the checksum of what
 * stands before as `previous`, it goes on from there: a record is summed around its own field.
 */
export function crc32c(bytes: Uint8Array, start: number, end: number, previous = 0): number {
  let crc = ~previous;
  for (let index = start; index < end; index += 1) {
    crc = (TABLE[(crc ^ (bytes[index] as number)) & 0xff] as number) ^ (crc >>> 8);
  }
  return ~crc >>> 0;
}
