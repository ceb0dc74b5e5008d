// What the books must say, worked out from the bytes that were ever written and from nothing of the
// product's: the layout read once more, by hand, and sums as anybody would make them.

import { END_MARK, UNIT_BYTES } from '../../src/ledger/layout.js';

const NAME = 1;
const RESERVE = 2;
const SETTLE = 3;
const VOID = 4;
const ALERT = 6;

export interface Reserved {
  readonly id: bigint;
  readonly journalId: number;
  readonly date: number;
  readonly user: string;
  readonly amount: bigint;
  readonly worst: bigint;
}

export interface Ended {
  readonly cost: bigint;
  readonly overrun: boolean;
}

export interface Rejected {
  readonly scope: string;
  readonly window: 'daily' | 'monthly';
  readonly date: number;
}

/** Everything that stands whole in a journal. */
export interface History {
  readonly reserved: ReadonlyMap<bigint, Reserved>;
  /** A second end of a reservation is a fault of whoever wrote it. */
  readonly ended: ReadonlyMap<bigint, readonly Ended[]>;
  readonly rejected: readonly Rejected[];
}

/** A budget in one window, and what its requests add up to. */
export interface Line {
  readonly scope: string;
  readonly window: 'daily' | 'monthly';
  readonly number: number;
  sum: bigint;
}

const numberOf = (window: Line['window'], date: number): number =>
  window === 'daily' ? date : Math.floor(date / 100);

/** `scope|window|number`. */
export const budgetKey = (scope: string, window: Line['window'], date: number): string =>
  `${scope}|${window}|${numberOf(window, date)}`;

export function readHistory(files: Iterable<[path: string, bytes: Buffer]>): History {
  const reserved = new Map<bigint, Reserved>();
  const ended = new Map<bigint, Ended[]>();
  const rejected: Rejected[] = [];
  const end = (id: bigint, one: Ended): void => {
    const all = ended.get(id);
    if (all === undefined) ended.set(id, [one]);
    else all.push(one);
  };
  for (const [path, bytes] of files) {
    const match = /journal-([0-9a-f]{8})-[0-9a-f]{6}\.seg$/.exec(path);
    if (match === null) continue;
    const journalId = Number.parseInt(match[1] as string, 16);
    const names = new Map<number, string>();
    const nameAt = (at: number): string => names.get(bytes.readUInt32LE(at)) ?? '?';
    for (const at of wholeRecords(bytes)) {
      const kind = bytes[at + 1];
      if (kind === NAME) {
        const text = bytes.toString('utf8', at + 20, at + bytes.readUInt16LE(at + 2));
        names.set(bytes.readUInt32LE(at + 16), text);
      } else if (kind === RESERVE) {
        const id = (BigInt(journalId) << 40n) | BigInt(bytes.readUIntLE(at + 8, 6));
        const amount = bytes.readBigInt64LE(at + 32);
        reserved.set(id, {
          id,
          journalId,
          date: bytes.readUInt32LE(at + 40),
          user: nameAt(at + 44),
          amount,
          worst: amount + bytes.readBigInt64LE(at + 80),
        });
      } else if (kind === SETTLE) {
        const cost = bytes.readBigInt64LE(at + 32);
        end(bytes.readBigUInt64LE(at + 16), { cost, overrun: bytes[at + 91] === 1 });
      } else if (kind === VOID) {
        end(bytes.readBigUInt64LE(at + 16), { cost: 0n, overrun: false });
      } else if (kind === ALERT) {
        const window = bytes[at + 49] === 0 ? 'daily' : 'monthly';
        rejected.push({ scope: nameAt(at + 44), window, date: bytes.readUInt32LE(at + 40) });
      }
    }
  }
  return { reserved, ended, rejected };
}

/** Where records stand, up to the first that does not stand whole. */
function* wholeRecords(bytes: Buffer): Generator<number> {
  for (let at = UNIT_BYTES; at < bytes.length && bytes[at] !== 0;) {
    if (at + 4 > bytes.length) return;
    const span = Math.ceil((bytes.readUInt16LE(at + 2) + 1) / UNIT_BYTES) * UNIT_BYTES;
    if (bytes[at + span - 1] !== END_MARK) return;
    yield at;
    at += span;
  }
}

export interface Books {
  /** By id: every request that has ended, at its cost. */
  readonly costs: ReadonlyMap<bigint, bigint>;
  /** By `budgetKey`. */
  readonly settled: ReadonlyMap<string, Line>;
  readonly open: readonly Reserved[];
  /** `event|scope|window|number`, and the threshold. */
  readonly alerts: ReadonlySet<string>;
}

export interface Terms {
  /** Nobody writes this journal any more: what is open in it is charged at its worst. */
  readonly isDead: (journalId: number) => boolean;
  /** By scope and window. */
  readonly limitOf: (scope: string, window: 'daily' | 'monthly') => bigint | null;
  readonly thresholdsPct: readonly number[];
}

/** What the books hold when all of a history is booked. */
export function booksOf(history: History, { isDead, limitOf, thresholdsPct }: Terms): Books {
  const costs = new Map<bigint, bigint>();
  const settled = new Map<string, Line>();
  const known = new Map<string, readonly Line[]>();
  const open: Reserved[] = [];
  const alerts = new Set<string>();
  for (const reserve of history.reserved.values()) {
    const end = history.ended.get(reserve.id)?.[0];
    if (end === undefined && !isDead(reserve.journalId)) {
      open.push(reserve);
      continue;
    }
    const cost = end?.cost ?? reserve.worst;
    costs.set(reserve.id, cost);
    const name = `${reserve.user}|${reserve.date}`;
    let lines = known.get(name);
    if (lines === undefined) known.set(name, (lines = linesOf(settled, reserve)));
    for (const line of lines) line.sum += cost;
    if (end?.overrun === true) {
      const key = budgetKey(`user:${reserve.user}`, 'daily', reserve.date);
      alerts.add(`settlement_overrun|${key}`);
    }
  }
  for (const [key, { scope, window, sum: spent }] of settled) {
    if (spent === 0n) continue;
    const limit = limitOf(scope, window);
    if (limit === null) continue;
    for (const pct of thresholdsPct) {
      if (spent * 100n >= limit * BigInt(pct)) {
        alerts.add(`budget_threshold_exceeded|${key}|${pct}`);
      }
    }
  }
  for (const { scope, window, date } of history.rejected) {
    alerts.add(`budget_exceeded|${budgetKey(scope, window, date)}`);
  }
  return { costs, settled, open, alerts };
}

/** The four budgets that a request counts in. */
function linesOf(settled: Map<string, Line>, { user, date }: Reserved): readonly Line[] {
  return [`user:${user}`, 'global'].flatMap((scope) =>
    (['daily', 'monthly'] as const).map((window) => {
      const key = budgetKey(scope, window, date);
      let line = settled.get(key);
      if (line === undefined) {
        line = { scope, window, number: numberOf(window, date), sum: 0n };
        settled.set(key, line);
      }
      return line;
    }),
  );
}
