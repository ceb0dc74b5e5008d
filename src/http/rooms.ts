// Memory for large bodies, which is used again: the collector would have to be run in full for
// every hundred of them, at more than everything else that is done with such a body. It must never
// give memory to two at once.

/** Smaller ones come out of Node's pool, many from one piece. */
export const ROOM_BYTES_MIN = 4 * 1024;
const ROOM_BYTES_MAX = 1024 * 1024;
/** What a worker keeps of them that nobody uses. */
const SPARE_BYTES_MAX = 4 * 1024 * 1024;
const SPARE_MAX = 128;

export class Rooms {
  readonly #spare: Buffer[] = [];
  #spareBytes = 0;

  /**
   * At least so many bytes, with whatever stood in them before; never many more, since what is held
   * is reckoned by what it holds.
   */
  take(bytes: number): Buffer {
    const size = roundedUp(bytes);
    const at = this.#spare.findLastIndex((room) => room.length === size);
    const [room] = at < 0 ? [] : this.#spare.splice(at, 1);
    if (room === undefined) return Buffer.allocUnsafeSlow(size);
    this.#spareBytes -= room.length;
    return room;
  }

  /** Nobody reads or writes it any more. What does not come back here is the collector's. */
  giveBack(room: Buffer): void {
    if (room.length > ROOM_BYTES_MAX || this.#spare.length >= SPARE_MAX) return;
    if (this.#spareBytes + room.length > SPARE_BYTES_MAX) return;
    this.#spare.push(room);
    this.#spareBytes += room.length;
  }
}

/** To a power of two, so that it fits others. */
const roundedUp = (bytes: number): number => 2 ** Math.ceil(Math.log2(bytes));
