// The books against the oracle: every request once and at its cost, every sum the sum of its
// requests, every alert once, and nothing that a provider billed missing.

import type { AlertEvent } from '../../src/kernel/alert.js';
import { localDate } from '../../src/kernel/calendar.js';
import { isConsistent } from '../../src/kernel/reservation.js';
import { settledKey } from '../../src/ledger/entry.js';
import type { Store } from '../../src/ledger/store.js';
import { type Books, budgetKey, type History } from './oracle.js';

/** Something that must never be. */
export class Violation extends Error {}

export const must = (holds: boolean, what: () => string): void => {
  if (!holds) throw new Violation(what());
};

export interface Evidence {
  readonly history: History;
  /** What the books must hold. */
  readonly expected: Books;
  /** What the provider has billed, by request. */
  readonly bill: ReadonlyMap<bigint, bigint>;
  readonly timezone: string;
}

export function audit(store: Store, evidence: Evidence): void {
  const { history, expected, timezone } = evidence;
  const found = new Map<bigint, bigint>();
  for (const entry of store.entries()) {
    const { reserve, cost, kind } = entry;
    must(!found.has(reserve.reservationId), () => `${reserve.reservationId} is booked twice`);
    must(kind !== 'adjust' && isConsistent({ ...entry, kind }), () => `${kind} at ${cost}`);
    found.set(reserve.reservationId, cost);
  }
  must(store.strayEnds === 0, () => `${store.strayEnds} ends without a reservation`);
  const { costs, open } = expected;
  must(found.size === costs.size, () => `${found.size} of ${costs.size} requests are booked`);
  for (const [id, cost] of costs) {
    must(found.get(id) === cost, () => `request ${id} is booked at ${found.get(id)}, not ${cost}`);
  }
  for (const ends of history.ended.values()) {
    must(ends.length === 1, () => 'a reservation has two ends in its journal');
  }
  const left = [...store.openReservations()].length;
  must(left === open.length, () => `${left} are open, not ${open.length}`);
  compareSums(store, expected);
  compareAlerts(store, expected, timezone);
  compareWithBill(evidence, found);
}

function compareSums(store: Store, { settled, costs }: Books): void {
  for (const [key, { scope, window, number, sum }] of settled) {
    const booked = store.settledOf(settledKey(window, number, scope)) ?? 0n;
    must(booked === sum, () => `${key} has settled ${booked}, its requests ${sum}`);
  }
  let all = 0n;
  for (const { cost } of store.totalsBetween(0, 99_999_999)) all += cost;
  let utc = 0n;
  for (const { cost } of store.utcTotalsBetween(0, 99_999_999)) utc += cost;
  let total = 0n;
  for (const cost of costs.values()) total += cost;
  must(all === total, () => `totals are ${all}, entries ${total}`);
  must(utc === total, () => `totals by UTC days are ${utc}, entries ${total}`);
}

/** Each that is due exists once, and no other. */
function compareAlerts(store: Store, { alerts }: Books, timezone: string): void {
  const found = [...store.outbox.list()].map(({ event }) => alertKey(event, timezone));
  must(new Set(found).size === found.length, () => `an alert exists twice: ${found.join(' ')}`);
  const missing = [...alerts].filter((key) => !found.includes(key));
  must(missing.length === 0, () => `never raised: ${missing.join(' ')}`);
  const needless = found.filter((key) => !alerts.has(key));
  must(needless.length === 0, () => `raised for nothing: ${needless.join(' ')}`);
}

const dates = new Map<string, Map<number, number>>();

/** Few windows are asked for, again and again. */
function dateOf(startMs: number, timezone: string): number {
  let known = dates.get(timezone);
  if (known === undefined) dates.set(timezone, (known = new Map()));
  let date = known.get(startMs);
  if (date === undefined) known.set(startMs, (date = localDate(startMs, timezone)));
  return date;
}

function alertKey({ event, budget }: AlertEvent, timezone: string): string {
  if (budget === null) return event;
  const date = dateOf(budget.windowStartMs, timezone);
  const key = `${event}|${budgetKey(budget.scope, budget.window, date)}`;
  return budget.thresholdPct === null ? key : `${key}|${budget.thresholdPct}`;
}

/** No request that reached the provider is missing, or booked below its bill. */
function compareWithBill({ history, bill }: Evidence, found: ReadonlyMap<bigint, bigint>): void {
  for (const [id, billed] of bill) {
    const reserved = history.reserved.get(id);
    must(reserved !== undefined, () => `request ${id} was sent and never written`);
    const cost = found.get(id) ?? billed;
    // A provider that bills more than a request allowed may die with its bill unseen.
    const fair = cost >= billed || billed > (reserved?.worst ?? 0n);
    must(fair, () => `request ${id} is booked at ${cost}, billed at ${billed}`);
  }
}
