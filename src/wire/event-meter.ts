// What every meter does alike: cut the stream into events, hold the one with the usage, tell of
// what a reader has read, and end a stream that was cut. A wire adds what becomes of each event.

import type { ErrorCode } from '../kernel/errors.js';
import type { Usage } from '../kernel/usage.js';
import { Output } from './output.js';
import { SseScanner, type SseEvent } from './sse.js';
import { HeldUsage, salvaged, type MeterOptions, type StreamMeter } from './stream.js';

const NOTHING = new Uint8Array(0);

/** What is remembered of a stream's events; `StreamMeter` tells what each is. */
export interface StreamReader {
  readonly usage: Usage | null;
  readonly begun?: Usage | null;
  readonly outputBytes: number;
  readonly model: string | null;
}

export abstract class EventMeter<R extends StreamReader> implements StreamMeter {
  complete = false;
  protected readonly reader: R;
  protected readonly held: HeldUsage;
  readonly #out = new Output();
  readonly #scanner = new SseScanner((event) => this.take(event, this.#out));

  constructor(options: MeterOptions, reader: R) {
    this.reader = reader;
    this.held = new HeldUsage(options.settle);
  }

  get settled(): boolean {
    return this.held.settled;
  }

  get usage(): Usage | null {
    return this.reader.usage;
  }

  get begun(): Usage | null {
    return this.reader.begun ?? null;
  }

  get outputBytes(): number {
    return this.reader.outputBytes;
  }

  get model(): string | null {
    return this.reader.model;
  }

  push(chunk: Uint8Array): Uint8Array | null {
    this.#scanner.push(chunk);
    return this.#out.take();
  }

  end(cut: ErrorCode = 'upstream_unreachable'): Uint8Array {
    const out = this.#out;
    const last = salvaged(this.#scanner.end());
    if (last !== null) this.take(last, out);
    if (!this.complete) this.conclude(out);
    this.held.settle(this.usage, out);
    if (!this.complete) out.push(this.cutEvent(cut));
    return out.take() ?? NOTHING;
  }

  /** One event: what the client gets for it goes to `out`. */
  protected abstract take(event: SseEvent, out: Output): void;

  /** The upstream is done without a terminal event: sets `complete` where that is well. */
  protected abstract conclude(out: Output): void;

  /** What a client of this wire understands as the end of a stream that failed. */
  protected abstract cutEvent(code: ErrorCode): Uint8Array;
}
