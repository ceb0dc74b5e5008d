// What happens in a worker, counted: a cell of shared memory for each thing worth counting, written
// by one worker alone and read by the supervisor. On the request path it is an increment, no more.
//
// Cells are unsigned 32-bit, which neither tear nor need a lock, and wrap: the reader adds up what
// they gain between two looks, which comes every second while anyone is interested, and is right
// as long as none gains 2³² in between.

import { type ErrorCode, ERRORS } from '../kernel/errors.js';

const REJECTIONS = Object.keys(ERRORS) as ErrorCode[];

/** Upper edges of the overhead's buckets; beyond the last one there is one more. */
export const OVERHEAD_EDGES_US = [
  50, 100, 200, 300, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 250_000,
] as const;

const COUNTS = [
  'requests',
  'admitted',
  'fallbacks',
  'clamps',
  'settled_provider',
  'settled_estimated',
  'voided',
  'overruns',
] as const;
export type Counted = (typeof COUNTS)[number];

/**
 * `request`: from a body that is whole to a request that the system has taken. `answer`: from the
 * provider's last byte to an answer that is not streamed.
 */
export type Stage = 'request' | 'answer';

/** These hold a state, not a count. */
const GAUGES = ['active', 'held_bytes', 'lag_p50_us', 'lag_p99_us', 'lag_max_us'] as const;
export type Gauge = (typeof GAUGES)[number];

const OVERHEAD_CELLS = OVERHEAD_EDGES_US.length + 2;
const REJECTED_AT = COUNTS.length;
const REQUEST_AT = REJECTED_AT + REJECTIONS.length;
const ANSWER_AT = REQUEST_AT + OVERHEAD_CELLS;
const GAUGES_AT = ANSWER_AT + OVERHEAD_CELLS;
/** Whole cache lines, so that workers do not share one. */
const CELLS = Math.ceil((GAUGES_AT + GAUGES.length) / 16) * 16;

const cellsFrom = <K extends string>(first: number, names: readonly K[]) =>
  Object.fromEntries(names.map((name, index) => [name, first + index])) as Record<K, number>;

const countAt = cellsFrom(0, COUNTS);
const rejectionAt = cellsFrom(REJECTED_AT, REJECTIONS);
const gaugeAt = cellsFrom(GAUGES_AT, GAUGES);

export const tallyBytes = (workers: number): number => workers * CELLS * 4;

export class Tally {
  readonly #cells: Uint32Array;

  /** Several workers may share the buffer; each has its own cells in it. */
  constructor(buffer: SharedArrayBuffer, worker: number) {
    this.#cells = new Uint32Array(buffer, worker * CELLS * 4, CELLS);
  }

  count(what: Counted): void {
    this.#add(countAt[what], 1);
  }

  rejected(code: ErrorCode): void {
    this.#add(rejectionAt[code], 1);
  }

  /** Microseconds; fractions are dropped. */
  overhead(stage: Stage, us: number): void {
    let bucket = 0;
    while (bucket < OVERHEAD_EDGES_US.length && us > (OVERHEAD_EDGES_US[bucket] as number))
      bucket++;
    const first = stage === 'request' ? REQUEST_AT : ANSWER_AT;
    this.#add(first + bucket, 1);
    this.#add(first + OVERHEAD_CELLS - 1, us);
  }

  gauge(what: Gauge, value: number): void {
    this.#cells[gaugeAt[what]] = value;
  }

  #add(cell: number, amount: number): void {
    this.#cells[cell] = (this.#cells[cell] as number) + amount;
  }
}

export interface Overhead {
  /** One for each edge, and one beyond; not cumulative. */
  readonly buckets: readonly number[];
  readonly sumUs: number;
}

export interface Readings {
  readonly counts: Readonly<Record<Counted, number>>;
  readonly rejected: Readonly<Record<ErrorCode, number>>;
  readonly overhead: Readonly<Record<Stage, Overhead>>;
  /** By worker. */
  readonly gauges: readonly Readonly<Record<Gauge, number>>[];
}

/** The sums over all workers since the reader was made. */
export class TallyReader {
  readonly #cells: Uint32Array;
  readonly #seen: Uint32Array;
  /** Per cell of one worker. Numbers hold 2⁵³ of anything. */
  readonly #sums = new Float64Array(CELLS);

  constructor(buffer: SharedArrayBuffer) {
    this.#cells = new Uint32Array(buffer);
    this.#seen = new Uint32Array(this.#cells.length);
  }

  read(): Readings {
    for (const [index, now] of this.#cells.entries()) {
      const gained = (now - (this.#seen[index] as number)) >>> 0;
      this.#sums[index % CELLS] = (this.#sums[index % CELLS] as number) + gained;
      this.#seen[index] = now;
    }
    const workers = Array.from({ length: this.#cells.length / CELLS }, (_, worker) => worker);
    return {
      counts: this.#named(COUNTS, countAt),
      rejected: this.#named(REJECTIONS, rejectionAt),
      overhead: { request: this.#overhead(REQUEST_AT), answer: this.#overhead(ANSWER_AT) },
      gauges: workers.map((worker) =>
        named(GAUGES, (name) => this.#seen[worker * CELLS + gaugeAt[name]] as number),
      ),
    };
  }

  #named<K extends string>(
    names: readonly K[],
    cells: Readonly<Record<K, number>>,
  ): Record<K, number> {
    return named(names, (name) => this.#sums[cells[name]] as number);
  }

  #overhead(first: number): Overhead {
    const cells = [...this.#sums.subarray(first, first + OVERHEAD_CELLS)];
    return { sumUs: cells.pop() as number, buckets: cells };
  }
}

const named = <K extends string>(
  names: readonly K[],
  valueOf: (name: K) => number,
): Record<K, number> =>
  Object.fromEntries(names.map((name) => [name, valueOf(name)])) as Record<K, number>;
