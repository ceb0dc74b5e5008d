// Alerts that are owed to people, in the store: a row each, with its state on every channel, and an
// index of what is due when. Rows are read in pages: however many wait, few are in memory.
//
//   outbox   event id → the alert and its channels' states, JSON
//   index    'd' channel 0 time id → due on the channel then       (pending or on standby)
//            'x' channel 0 time id → given up on the channel then  (dead)
//            't' 0 time id → told of at all, the newest first (their times count down)

import {
  type AlertEvent,
  type Attempt,
  channelsFor,
  type ChannelPlan,
  type ChannelState,
  type DuePage,
  LOG_CHANNEL,
  type OwedAlert,
} from '../kernel/alert.js';
import { nano } from '../kernel/money.js';
import type { Environment, Range, Table } from './environment.js';

/** An alert stands for its occasion until no window it may belong to is open any more. */
const KEPT_MS = 62 * 86_400_000;
/** Old rows that go for each new one: the table shrinks while it is used. */
const FORGOTTEN_PER_ALERT = 2;
const KEYS_A_PAGE = 1000;
const NOTHING = Buffer.alloc(0);
/** Behind a key: the least that sorts after it. */
const NOTHING_ABOVE = Buffer.alloc(1);
const TIME_BYTES = 6;
const TIME_ROOM = '\0'.repeat(TIME_BYTES);
const TIME_MAX_MS = 2 ** 48 - 1;

/** JSON has no bigint: amounts of money are stored as their digits. */
function packRow({ event, channels }: OwedAlert): Buffer {
  const { budget } = event;
  const digits = budget && {
    ...budget,
    spent: budget.spent.toString(),
    limit: budget.limit?.toString() ?? null,
  };
  return Buffer.from(JSON.stringify({ event: { ...event, budget: digits }, channels }));
}

function unpackRow(bytes: Buffer): OwedAlert {
  const { event, channels } = JSON.parse(bytes.toString()) as OwedAlert;
  if (event.budget === null) return { event, channels };
  const { spent, limit } = event.budget;
  const budget = {
    ...event.budget,
    spent: nano(BigInt(spent)),
    limit: limit === null ? null : nano(BigInt(limit)),
  };
  return { event: { ...event, budget }, channels };
}

type Kind = 'd' | 'x' | 't';

interface KeyRange {
  readonly start: Buffer;
  readonly end: Buffer;
}

function indexKey(kind: Kind, channel: string, timeMs: number, eventId: string): Buffer {
  const key = Buffer.from(`${kind}${channel}\0${TIME_ROOM}${eventId}`);
  key.writeUIntBE(Math.max(0, timeMs), key.indexOf(0) + 1, TIME_BYTES);
  return key;
}

/** All of a kind, or of one channel of it, from one time (included) to another (excluded). */
const rangeOf = (kind: Kind, channel: string, from = 0, to = TIME_MAX_MS): KeyRange => ({
  start: indexKey(kind, channel, from, ''),
  end: indexKey(kind, channel, to, ''),
});

const allOf = (kind: Kind): KeyRange => ({
  start: Buffer.from(kind),
  end: Buffer.from(String.fromCharCode(kind.charCodeAt(0) + 1)),
});

const channelIn = (key: Buffer): string => key.toString('utf8', 1, key.indexOf(0));
const timeIn = (key: Buffer): number => key.readUIntBE(key.indexOf(0) + 1, TIME_BYTES);
const idIn = (key: Buffer): string => key.toString('utf8', key.indexOf(0) + 1 + TIME_BYTES);

export class Outbox {
  readonly #env: Environment;
  readonly #rows: Table;
  readonly #index: Table;

  constructor(env: Environment, tables: { rows: Table; index: Table }) {
    this.#env = env;
    this.#rows = tables.rows;
    this.#index = tables.index;
  }

  isOwed(eventId: string): boolean {
    return this.#rows.doesExist(Buffer.from(eventId));
  }

  find(eventId: string): OwedAlert | null {
    const bytes = this.#rows.get(Buffer.from(eventId));
    return bytes === undefined ? null : unpackRow(bytes);
  }

  /** How many alerts wait on some channel, and how many some channel has given up. */
  depth(): { pending: number; dead: number } {
    const count = (kind: Kind): number => {
      let keys = 0;
      for (const _ of this.#keys(allOf(kind))) keys += 1;
      return keys;
    };
    return { pending: count('d'), dead: count('x') };
  }

  /** The newest first. */
  *list(): Iterable<OwedAlert> {
    for (const key of this.#keys(allOf('t'))) {
      const row = this.find(idIn(key));
      if (row !== null) yield row;
    }
  }

  due(channel: string, nowMs: number, limit: number): DuePage {
    const alerts: { event: AlertEvent; attempts: number }[] = [];
    for (const key of this.#keys({ ...rangeOf('d', channel, 0, nowMs + 1), limit })) {
      const row = this.find(idIn(key));
      const attempts = row?.channels[channel]?.attempts ?? 0;
      if (row !== null) alerts.push({ event: row.event, attempts });
    }
    if (alerts.length > 0) return { alerts, nextDueMs: null };
    const [next] = this.#keys({ ...rangeOf('d', channel), limit: 1 });
    return { alerts, nextDueMs: next === undefined ? null : timeIn(next) };
  }

  /** Stores a new alert as due at once. To be called within a transaction. */
  owe(event: AlertEvent, channels: readonly ChannelPlan[]): void {
    const { occurredAtMs } = event;
    const states: Record<string, ChannelState> = {};
    for (const { name, standbyMs } of channelsFor(event.event, channels)) {
      states[name] = {
        state: standbyMs === null ? 'pending' : 'standby',
        attempts: 0,
        nextTryMs: occurredAtMs + (standbyMs ?? 0),
        lastError: null,
      };
    }
    this.#put(null, { event, channels: states });
    this.#index.putSync(indexKey('t', '', TIME_MAX_MS - occurredAtMs, event.eventId), NOTHING);
    this.#forget(occurredAtMs - KEPT_MS);
  }

  /** Books what came of attempts on a channel, in one transaction. */
  settle(channel: string, attempts: readonly Attempt[]): void {
    this.#env.transactionSync(() => {
      for (const { eventId, error, nextTryMs } of attempts) {
        const row = this.find(eventId);
        const before = row?.channels[channel];
        if (row === null || before === undefined) continue;
        const after = changed(row, channel, {
          state: error === null ? 'delivered' : nextTryMs === null ? 'dead' : 'pending',
          attempts: before.attempts + 1,
          nextTryMs,
          lastError: error,
        });
        this.#put(row, withFallbacks(after));
      }
    });
  }

  /** The channel takes alerts again: what waits for another try is due now. */
  hurry(channel: string, nowMs: number): void {
    this.#env.transactionSync(() => {
      const waiting: OwedAlert[] = [];
      for (const key of this.#keys(rangeOf('d', channel, nowMs + 1))) {
        const row = this.find(idIn(key));
        if (row?.channels[channel]?.state === 'pending') waiting.push(row);
      }
      for (const row of waiting) this.#put(row, retried(row, channel, nowMs));
    });
  }

  /**
   * Makes an alert due again: on the channels that have given it up, else on all but the log.
   * Without an id, every alert that a channel has given up. Returns how many alerts.
   */
  replay(eventId: string | null, channels: readonly ChannelPlan[], nowMs: number): number {
    return this.#env.transactionSync(() => {
      if (eventId !== null) return this.#replay(eventId, channels, nowMs) ? 1 : 0;
      let replayed = 0;
      this.#page(allOf('x'), (key) => {
        if (this.#replay(idIn(key), channels, nowMs, true)) replayed += 1;
      });
      return replayed;
    });
  }

  /** Gives up what waits for channels that are no longer configured. */
  retire(channels: readonly ChannelPlan[]): void {
    const known = new Set(channels.map(({ name }) => name));
    this.#env.transactionSync(() => {
      const all = allOf('d');
      for (let from = all.start; ;) {
        const [first] = this.#keys({ ...all, start: from, limit: 1 });
        if (first === undefined) break;
        const channel = channelIn(first);
        const range = rangeOf('d', channel);
        if (!known.has(channel)) this.#page(range, (key) => this.#giveUp(idIn(key), channel));
        from = range.end;
      }
    });
  }

  #replay(
    eventId: string,
    channels: readonly ChannelPlan[],
    nowMs: number,
    deadOnly = false,
  ): boolean {
    const before = this.find(eventId);
    if (before === null) return false;
    const known = channels.map(({ name }) => name).filter((name) => name in before.channels);
    const dead = known.filter((name) => before.channels[name]?.state === 'dead');
    const others = deadOnly ? [] : known.filter((name) => name !== LOG_CHANNEL);
    const again = dead.length > 0 ? dead : others;
    if (again.length === 0) return false;
    this.#put(
      before,
      again.reduce((row, name) => retried(row, name, nowMs), before),
    );
    return true;
  }

  #giveUp(eventId: string, channel: string): void {
    const row = this.find(eventId);
    if (row === null) return;
    const lastError = 'the channel is no longer configured';
    this.#put(row, changed(row, channel, { state: 'dead', nextTryMs: null, lastError }));
  }

  /** Calls for each key of a range, which it may remove, without holding all of them. */
  #page({ start, end }: KeyRange, each: (key: Buffer) => void): void {
    for (let from = start; ;) {
      const keys = [...this.#keys({ start: from, end, limit: KEYS_A_PAGE })];
      for (const key of keys) each(key);
      if (keys.length < KEYS_A_PAGE) return;
      from = Buffer.concat([keys.at(-1) as Buffer, NOTHING_ABOVE]);
    }
  }

  *#keys(range: Range): Iterable<Buffer> {
    for (const { key } of this.#index.getRange(range)) yield Buffer.from(key);
  }

  /** Writes a row and moves what the index says of it. */
  #put(before: OwedAlert | null, row: OwedAlert): void {
    for (const key of before === null ? [] : indexKeys(before)) this.#index.removeSync(key);
    for (const key of indexKeys(row)) this.#index.putSync(key, NOTHING);
    this.#rows.putSync(Buffer.from(row.event.eventId), packRow(row));
  }

  /** Forgets some of the alerts from before a time, whatever became of them. */
  #forget(beforeMs: number): void {
    const older = rangeOf('t', '', TIME_MAX_MS - beforeMs);
    const old = [...this.#keys({ ...older, limit: FORGOTTEN_PER_ALERT })];
    for (const key of old) {
      const row = this.find(idIn(key));
      for (const indexed of row === null ? [] : indexKeys(row)) this.#index.removeSync(indexed);
      this.#rows.removeSync(Buffer.from(idIn(key)));
      this.#index.removeSync(key);
    }
  }
}

/** Where the index names a row: due, or given up, on its channels. */
function indexKeys({ event, channels }: OwedAlert): Buffer[] {
  return Object.entries(channels).flatMap(([channel, { state, nextTryMs }]) => {
    if (nextTryMs !== null) return [indexKey('d', channel, nextTryMs, event.eventId)];
    return state === 'dead' ? [indexKey('x', channel, event.occurredAtMs, event.eventId)] : [];
  });
}

const changed = (row: OwedAlert, channel: string, change: Partial<ChannelState>): OwedAlert => {
  const before = row.channels[channel] as ChannelState;
  return { ...row, channels: { ...row.channels, [channel]: { ...before, ...change } } };
};

/** Due again; one that was over begins its attempts anew. */
function retried(row: OwedAlert, channel: string, nowMs: number): OwedAlert {
  const over = row.channels[channel]?.state !== 'pending';
  const change = { state: 'pending', nextTryMs: nowMs, ...(over ? { attempts: 0 } : {}) } as const;
  return changed(row, channel, change);
}

/**
 * A fallback is needed no more once every webhook has the alert, and at once when one has given
 * it up.
 */
function withFallbacks(row: OwedAlert): OwedAlert {
  const states = Object.entries(row.channels);
  const webhooks = states.filter(
    ([name, { state }]) => name !== LOG_CHANNEL && state !== 'standby',
  );
  const standby = states.filter(([, { state }]) => state === 'standby').map(([name]) => name);
  if (webhooks.some(([, { state }]) => state === 'dead')) {
    const at = row.event.occurredAtMs;
    return standby.reduce((after, name) => changed(after, name, { nextTryMs: at }), row);
  }
  if (webhooks.some(([, { state }]) => state !== 'delivered')) return row;
  const needed = states.filter(([name]) => !standby.includes(name));
  return { ...row, channels: Object.fromEntries(needed) };
}
