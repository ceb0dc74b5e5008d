// An HTTP worker's end of token counting. It asks the pool, in one task for all short prompts of a
// loop turn (the round trip costs more than they do), waits no longer than the deadline, and
// remembers the counts of long texts (system prompts, tools), which repeat, by a hash of them. It
// never guesses: no answer in time is `null`, and the caller falls back to the byte bound.

import { createHash } from 'node:crypto';
import type { MessagePort } from 'node:worker_threads';
import type { Encoding } from '../kernel/encoding.js';
import type { CountReply, CountRequest } from './protocol.js';

/** Only where money is tight: rather two seconds late than refused for tokens nobody sent. */
const DEADLINE_MS = 2_000;

/** UTF-16 units of a text worth hashing: what is longer than a system prompt does not repeat. */
const HASHED_UNITS = { min: 1_024, max: 1 << 18 } as const;

/** Counts kept: about 150 bytes each, as only the hash of a text is, so 1.2 MB at most. */
const REMEMBERED_MAX = 8_192;

/** Tasks unanswered, those past their deadline among them. */
const PENDING_MAX = 128;

/** UTF-16 units that share a task: some ten milliseconds of counting. Longer prompts go alone. */
const BATCH_UNITS_MAX = 16_384;

/** UTF-16 units of one request: most windows take less, and the copy between threads costs too. */
const UNITS_MAX = 4 << 20;

/** The texts of one task, and who waits for them. */
class Batch {
  readonly texts: string[] = [];
  /** What each text is remembered by; `null` for one that is not. */
  readonly keys: (string | null)[] = [];
  readonly waiting: ((counts: readonly number[] | null) => void)[] = [];
  units = 0;
}

const keyOf = (text: string, encoding: Encoding): string | null =>
  text.length < HASHED_UNITS.min || text.length > HASHED_UNITS.max
    ? null
    : `${encoding}:${createHash('sha256').update(text, 'utf16le').digest('base64')}`;

const sum = (numbers: readonly number[]): number =>
  numbers.reduce((total, number) => total + number, 0);

export class TokenClient {
  readonly #port: MessagePort;
  readonly #deadlineMs: number;
  readonly #pending = new Map<number, Batch>();
  /** What this turn of the loop gathers; it leaves when the turn ends. */
  readonly #gathering = new Map<Encoding, Batch>();
  /** In order of last use, the oldest first. */
  readonly #remembered = new Map<string, number>();
  #nextId = 0;
  #closed = false;

  constructor(port: MessagePort, options: { readonly deadlineMs?: number } = {}) {
    this.#port = port;
    this.#deadlineMs = options.deadlineMs ?? DEADLINE_MS;
    port.on('message', (reply: CountReply) => this.#receive(reply));
    port.on('close', () => this.#close());
    // A worker may end with a count outstanding; while one is, its deadline's timer holds it.
    port.unref();
  }

  /** The tokens of the texts, or `null`: deadline missed, pool full or too much text. */
  async count(texts: readonly string[], encoding: Encoding): Promise<number | null> {
    if (sum(texts.map((text) => text.length)) > UNITS_MAX) return null;
    let known = 0;
    const unknown: string[] = [];
    const keys: (string | null)[] = [];
    for (const text of texts) {
      const key = keyOf(text, encoding);
      const remembered = key === null ? undefined : this.#recall(key);
      if (remembered !== undefined) known += remembered;
      else {
        unknown.push(text);
        keys.push(key);
      }
    }
    if (unknown.length === 0) return known;
    const counts = await this.#ask(encoding, unknown, keys);
    return counts === null ? null : known + sum(counts);
  }

  #ask(
    encoding: Encoding,
    texts: readonly string[],
    keys: readonly (string | null)[],
  ): Promise<readonly number[] | null> {
    if (this.#closed || this.#pending.size >= PENDING_MAX) return Promise.resolve(null);
    const batch = this.#batchWithRoom(encoding, sum(texts.map((text) => text.length)));
    const from = batch.texts.length;
    // Not spread: a million arguments are more than the stack holds.
    for (const text of texts) batch.texts.push(text);
    for (const key of keys) batch.keys.push(key);
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(null), this.#deadlineMs);
      batch.waiting.push((counts) => {
        clearTimeout(timer);
        resolve(counts === null ? null : counts.slice(from, from + texts.length));
      });
    });
  }

  #batchWithRoom(encoding: Encoding, units: number): Batch {
    let batch = this.#gathering.get(encoding);
    if (batch !== undefined && batch.units + units > BATCH_UNITS_MAX) {
      this.#send(encoding, batch);
      batch = undefined;
    }
    if (batch === undefined) {
      const fresh = new Batch();
      this.#gathering.set(encoding, fresh);
      setImmediate(() => this.#send(encoding, fresh));
      batch = fresh;
    }
    batch.units += units;
    return batch;
  }

  #send(encoding: Encoding, batch: Batch): void {
    if (this.#gathering.get(encoding) !== batch) return;
    this.#gathering.delete(encoding);
    const id = this.#nextId++;
    this.#pending.set(id, batch);
    this.#port.postMessage({ id, encoding, texts: batch.texts } satisfies CountRequest);
  }

  /** An answer past its deadline changes no decision, but is remembered for the next request. */
  #receive({ id, counts }: CountReply): void {
    const pending = this.#pending.get(id);
    if (pending === undefined) return;
    this.#pending.delete(id);
    for (const [index, key] of pending.keys.entries()) {
      const tokens = counts?.[index];
      if (key !== null && tokens !== undefined) this.#remember(key, tokens);
    }
    for (const settle of pending.waiting) settle(counts);
  }

  #recall(key: string): number | undefined {
    const tokens = this.#remembered.get(key);
    if (tokens === undefined) return undefined;
    this.#remembered.delete(key);
    this.#remembered.set(key, tokens);
    return tokens;
  }

  #remember(key: string, tokens: number): void {
    this.#remembered.delete(key);
    this.#remembered.set(key, tokens);
    if (this.#remembered.size <= REMEMBERED_MAX) return;
    for (const oldest of this.#remembered.keys()) {
      this.#remembered.delete(oldest);
      return;
    }
  }

  #close(): void {
    this.#closed = true;
    for (const { waiting } of [...this.#pending.values(), ...this.#gathering.values()]) {
      for (const settle of waiting) settle(null);
    }
    this.#pending.clear();
    this.#gathering.clear();
  }
}
