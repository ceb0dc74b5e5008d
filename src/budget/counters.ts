// The hot counters: one SharedArrayBuffer that every HTTP worker checks and charges without a lock.
// It holds present windows only; what was spent for good stands in the ledger, from which it is
// seeded.
//
// A slot is 128 bytes, sixteen 64-bit cells, one slot a scope:
//
//   0      1      2..4        5..7        8..10       11..13      14  15
//   key    places day, even   day, odd    month, even month, odd  ahead: day, month
//                 └ epoch · admitted · settled
//
// `places` is how many requests of the scope are in flight, whatever windows they were reserved in.
// A window lives in the bank of its ordinal's parity, so that requests in flight across midnight
// settle in the day they were reserved in while the new day fills. `admitted` is settled plus
// reserved, the one cell a cap is checked on; `settled` only grows within a window. A bank only
// goes to later windows, so one that it has left is never begun anew; from the window `ahead` on,
// which the ledger knows of from a clock that was ahead, it goes no further by itself.

import { assert } from '../kernel/assert.js';
import { nano, type NanoUsd } from '../kernel/money.js';
import type { WindowKind } from '../kernel/scope.js';

const CELLS = 16;
const PLACES = 1;
const EPOCH = 0;
const ADMITTED = 1;
const SETTLED = 2;
const AHEAD = { daily: 14, monthly: 15 } as const;

/** Cells of the four banks within a slot. */
const bankOffset = (window: WindowKind, ordinal: number): number =>
  (window === 'daily' ? 2 : 8) + (ordinal & 1) * 3;

/**
 * Longest probe sequence. At half load, sequences beyond 64 do not occur; a full table must not
 * hang.
 */
const PROBES_MAX = 512;
/**
 * Tries while another thread turns a bank over, which is three stores; the last of them sleep a
 * millisecond each, since that thread may have lost its core to this one.
 */
const TURNOVER_SPINS_MAX = 1_000;
const TURNOVER_TRIES_MAX = TURNOVER_SPINS_MAX + 1_000;

/** A million scopes at half load. Pages that no scope touched cost nothing. */
export const SLOTS_DEFAULT = 1 << 21;

export const countersBytes = (slots: number): number => slots * CELLS * 8;

export class Counters {
  readonly #cells: BigInt64Array;
  /** The same memory: an epoch's low half says it all, so does a count's; neither allocates. */
  readonly #halves: Int32Array;
  readonly #slots: number;

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new BigInt64Array(buffer);
    this.#halves = new Int32Array(buffer);
    this.#slots = this.#cells.length / CELLS;
    assert((this.#slots & (this.#slots - 1)) === 0, 'the slot count is a power of two');
  }

  /**
   * The slot of a key, entered on first sight; −1 when the table is full. Key zero marks a free
   * slot.
   */
  slotOf(key: bigint): number {
    return this.#probe(key, true);
  }

  /** The slot of a key that was entered; −1 for any other. Enters nothing. */
  slotHeld(key: bigint): number {
    return this.#probe(key, false);
  }

  #probe(key: bigint, enter: boolean): number {
    const wanted = key === 0n ? 1n : key;
    const mask = this.#slots - 1;
    let slot = Number(BigInt.asUintN(32, wanted)) & mask;
    for (let probe = 0; probe < PROBES_MAX; probe++) {
      // A key is written once and never changes. Whoever loses the CAS reads the winner's key, so
      // two threads that enter one key at once end at one slot.
      const cell = slot * CELLS;
      let found = Atomics.load(this.#cells, cell);
      if (found === 0n && !enter) return -1;
      if (found === 0n) found = Atomics.compareExchange(this.#cells, cell, 0n, wanted);
      if (found === 0n || found === wanted) return slot;
      slot = (slot + 1) & mask;
    }
    return -1;
  }

  /**
   * The bank of a window in a slot, turned over from the window before last when this is the first
   * touch; −1 when the bank already holds a later window (the clock went back two), is not to go
   * on to this one by itself, or cannot be had.
   */
  bankOf(slot: number, window: WindowKind, ordinal: number): number {
    const bank = slot * CELLS + bankOffset(window, ordinal);
    if (this.holds(bank, ordinal)) return bank;
    const ahead = Atomics.load(this.#cells, slot * CELLS + AHEAD[window]);
    if (ahead !== 0n && BigInt(ordinal) >= ahead) return -1;
    return this.#turnOver(bank, ordinal, 0n) === 'lost' ? -1 : bank;
  }

  /**
   * Books what the ledger says was settled in a window before anyone here has spent in it. False
   * when its bank holds a later one.
   */
  begin(slot: number, window: WindowKind, ordinal: number, settled: NanoUsd): boolean {
    const bank = slot * CELLS + bankOffset(window, ordinal);
    const outcome = this.#turnOver(bank, ordinal, settled);
    if (outcome === 'held') this.seed(bank, settled);
    return outcome !== 'lost';
  }

  #turnOver(bank: number, ordinal: number, settled: bigint): 'begun' | 'held' | 'lost' {
    const epoch = BigInt(ordinal);
    for (let tries = 0; tries < TURNOVER_TRIES_MAX; tries++) {
      const found = Atomics.load(this.#cells, bank + EPOCH);
      if (found === epoch) return 'held';
      if (found > epoch) return 'lost';
      if (found < 0n) {
        if (tries >= TURNOVER_SPINS_MAX) Atomics.wait(this.#cells, bank + EPOCH, found, 1);
        continue;
      }
      // The epoch is negative while the sums are set and published last: whoever reads the new
      // epoch reads the new sums. Nobody still holds a reservation of the old window: it ended at
      // least one whole window ago, and no deadline is as long as a day.
      if (Atomics.compareExchange(this.#cells, bank + EPOCH, found, -epoch) !== found) continue;
      Atomics.store(this.#cells, bank + ADMITTED, settled);
      Atomics.store(this.#cells, bank + SETTLED, settled);
      Atomics.store(this.#cells, bank + EPOCH, epoch);
      return 'begun';
    }
    return 'lost';
  }

  /** The bank of a window in a slot if it holds just that; −1 otherwise. Turns nothing over. */
  bankHeld(slot: number, window: WindowKind, ordinal: number): number {
    const bank = slot * CELLS + bankOffset(window, ordinal);
    return this.holds(bank, ordinal) ? bank : -1;
  }

  /**
   * From this window on no bank of the slot goes on by itself: what the ledger knows of it is not
   * here yet. `null`: there is nothing more to know.
   */
  keepFrom(slot: number, window: WindowKind, ordinal: number | null): void {
    Atomics.store(this.#cells, slot * CELLS + AHEAD[window], BigInt(ordinal ?? 0));
  }

  /** The half cell that a scope's requests in flight are counted in. */
  placesOf(slot: number): number {
    return (slot * CELLS + PLACES) * 2;
  }

  taken(places: number): number {
    return Atomics.load(this.#halves, places);
  }

  /** Takes a place unless so many are taken. As in `tryAdmit`, check and act are one. */
  tryTake(places: number, max: number): boolean {
    let seen = Atomics.load(this.#halves, places);
    while (seen < max) {
      const found = Atomics.compareExchange(this.#halves, places, seen, seen + 1);
      if (found === seen) return true;
      seen = found;
    }
    return false;
  }

  giveBack(places: number): void {
    Atomics.sub(this.#halves, places, 1);
  }

  /** True while the bank still holds the window it was taken for. */
  holds(bank: number, ordinal: number): boolean {
    return Atomics.load(this.#halves, 2 * (bank + EPOCH)) === ordinal;
  }

  admitted(bank: number): NanoUsd {
    return nano(Atomics.load(this.#cells, bank + ADMITTED));
  }

  settled(bank: number): NanoUsd {
    return nano(Atomics.load(this.#cells, bank + SETTLED));
  }

  /**
   * Adds to `admitted` unless that would pass the limit. Check and act are one compare-and-swap: it
   * succeeds only on the sum that was checked, so no interleaving of threads passes the limit.
   */
  tryAdmit(bank: number, amount: NanoUsd, limit: NanoUsd | null): boolean {
    const cell = bank + ADMITTED;
    if (limit === null) {
      Atomics.add(this.#cells, cell, amount);
      return true;
    }
    let seen = Atomics.load(this.#cells, cell);
    while (seen + amount <= limit) {
      const found = Atomics.compareExchange(this.#cells, cell, seen, seen + amount);
      if (found === seen) return true;
      seen = found;
    }
    return false;
  }

  /** Takes back what `tryAdmit` added. */
  release(bank: number, amount: NanoUsd): void {
    Atomics.sub(this.#cells, bank + ADMITTED, amount);
  }

  /**
   * Replaces a reservation by its cost; returns all that is settled, this cost included. `admitted`
   * moves first: a reader between the two sees the cost still held, never money that is free.
   */
  settle(bank: number, reserved: NanoUsd, cost: NanoUsd): NanoUsd {
    Atomics.add(this.#cells, bank + ADMITTED, cost - reserved);
    return nano(Atomics.add(this.#cells, bank + SETTLED, cost) + cost);
  }

  /** Books what is settled already, and was held by nobody. */
  seed(bank: number, settled: NanoUsd): void {
    Atomics.add(this.#cells, bank + ADMITTED, settled);
    Atomics.add(this.#cells, bank + SETTLED, settled);
  }
}
