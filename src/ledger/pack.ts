// Values and keys of the store as bytes. Numbers are big endian, so that keys sort as their
// numbers.

const SHORT_TEXT = 64;

/** Writes fields one after the other into memory that it keeps, and gives copies away. */
export class Packer {
  #bytes = Buffer.allocUnsafe(4096);
  #end = 0;

  /** Begins anew. */
  start(): this {
    this.#end = 0;
    return this;
  }

  u8(value: number): this {
    const at = this.#claim(1);
    this.#bytes.writeUInt8(value, at);
    return this;
  }

  u32(value: number): this {
    const at = this.#claim(4);
    this.#bytes.writeUInt32BE(value, at);
    return this;
  }

  /** Up to 2⁴⁸ − 1. */
  u48(value: number): this {
    const at = this.#claim(6);
    this.#bytes.writeUIntBE(value, at, 6);
    return this;
  }

  u64(value: bigint): this {
    const at = this.#claim(8);
    this.#bytes.writeBigUInt64BE(value, at);
    return this;
  }

  i64(value: bigint): this {
    const at = this.#claim(8);
    this.#bytes.writeBigInt64BE(value, at);
    return this;
  }

  /** Its length, then its UTF-8 bytes. */
  text(value: string): this {
    if (value.length <= SHORT_TEXT && this.#ascii(value)) return this;
    const bytes = Buffer.byteLength(value);
    const at = this.#claim(2 + bytes);
    this.#bytes.writeUInt16BE(bytes, at);
    this.#bytes.write(value, at + 2, 'utf8');
    return this;
  }

  /** A copy of what was packed. */
  done(): Buffer {
    return Buffer.from(this.#bytes.subarray(0, this.#end));
  }

  /** Short names are nearly always ASCII, and copied faster here than by two native calls. */
  #ascii(value: string): boolean {
    const start = this.#end;
    const at = this.#claim(2 + value.length);
    for (let index = 0; index < value.length; index += 1) {
      const code = value.charCodeAt(index);
      if (code > 127) {
        this.#end = start;
        return false;
      }
      this.#bytes[at + 2 + index] = code;
    }
    this.#bytes.writeUInt16BE(value.length, at);
    return true;
  }

  #claim(bytes: number): number {
    const at = this.#end;
    this.#end += bytes;
    if (this.#end > this.#bytes.length) {
      const larger = Buffer.allocUnsafe(2 * this.#end);
      this.#bytes.copy(larger);
      this.#bytes = larger;
    }
    return at;
  }
}

/** Reads what a Packer wrote, in the same order. RangeError beyond its end. */
export class Unpacker {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#skip(1));
  }

  u32(): number {
    return this.#bytes.readUInt32BE(this.#skip(4));
  }

  u48(): number {
    return this.#bytes.readUIntBE(this.#skip(6), 6);
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64BE(this.#skip(8));
  }

  i64(): bigint {
    return this.#bytes.readBigInt64BE(this.#skip(8));
  }

  text(): string {
    const bytes = this.#bytes.readUInt16BE(this.#skip(2));
    const at = this.#skip(bytes);
    return this.#bytes.toString('utf8', at, at + bytes);
  }

  /** Fields that later programs have added stand behind all others, and may be missing. */
  get isAtEnd(): boolean {
    return this.#at === this.#bytes.length;
  }

  #skip(bytes: number): number {
    const at = this.#at;
    this.#at += bytes;
    return at;
  }
}
