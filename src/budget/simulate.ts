// What other caps would have done: requests of the past are admitted once more, in their order, and
// whoever no longer fits is noted. As admission does, it holds what a request may cost until it
// ends. Of each request only what is known now counts: a fallback or a shorter answer is not tried.

import type { BudgetConfig } from '../config/config.js';
import { limitsOf } from '../config/limits.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import {
  GLOBAL_SCOPE,
  type LocalDate,
  type Scope,
  scopeUser,
  userScope,
  type WindowKind,
  windowNumber,
} from '../kernel/scope.js';

export interface PastRequest {
  /** Empty for a correction by an invoice, which is booked whatever the caps. */
  readonly user: string;
  readonly date: LocalDate;
  readonly startMs: number;
  readonly endMs: number;
  /** What was reserved, and what it cost. */
  readonly amount: NanoUsd;
  readonly cost: NanoUsd;
}

/** A user's day on which something would have been rejected. */
export interface RejectedDay {
  readonly date: LocalDate;
  readonly user: string;
  readonly firstMs: number;
  /** The budget that the first of them did not fit in. */
  readonly scope: Scope;
  readonly window: WindowKind;
  rejected: number;
  /** What the rejected requests had cost. */
  notSpent: NanoUsd;
}

export interface Simulated {
  readonly requests: number;
  readonly rejected: number;
  readonly notSpent: NanoUsd;
  /** By day, then by the time of the first rejection. */
  readonly days: readonly RejectedDay[];
}

interface Window {
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly limit: NanoUsd | null;
  admitted: bigint;
}

const WINDOWS: readonly WindowKind[] = ['daily', 'monthly'];

/** Requests before `from` fill the windows and are not reported. */
export function simulate(
  past: readonly PastRequest[],
  budget: BudgetConfig,
  from: LocalDate,
): Simulated {
  const windows = new Map<string, Window>();
  const days = new Map<string, RejectedDay>();
  const sums = { requests: 0, rejected: 0, notSpent: ZERO_USD };
  const windowsOf = (scopes: readonly Scope[], date: LocalDate): Window[] =>
    scopes.flatMap((scope) =>
      WINDOWS.map((window) => windowOf(windows, budget, { scope, window, date })),
    );
  for (const { request, ends } of eventsOf(past)) {
    const { user, date, amount, cost } = request;
    const scopes = user === '' ? [GLOBAL_SCOPE] : [userScope(user), GLOBAL_SCOPE];
    const budgets = windowsOf(scopes, date);
    if (ends || user === '') {
      for (const one of budgets) one.admitted += cost - amount;
      continue;
    }
    const full = budgets.find(({ limit, admitted }) => limit !== null && admitted + amount > limit);
    if (date >= from) sums.requests += 1;
    if (full === undefined) {
      for (const one of budgets) one.admitted += amount;
      request.admitted = true;
    } else if (date >= from) {
      sums.rejected += 1;
      sums.notSpent = nano(sums.notSpent + cost);
      note(days, request, full);
    }
  }
  const order = (a: RejectedDay, b: RejectedDay): number =>
    a.date - b.date || a.firstMs - b.firstMs;
  return { ...sums, days: [...days.values()].toSorted(order) };
}

type Replayed = PastRequest & { admitted: boolean };

/** Beginnings and ends in their order; of what was not admitted there is no end. */
function* eventsOf(past: readonly PastRequest[]): Iterable<{ request: Replayed; ends: boolean }> {
  const requests = past
    .map((request): Replayed => ({ ...request, admitted: false }))
    .toSorted((a, b) => a.startMs - b.startMs);
  const ending = requests.toSorted((a, b) => a.endMs - b.endMs);
  let next = 0;
  for (const request of requests) {
    // What ends before another begins has itself begun before.
    for (; (ending[next]?.endMs ?? Infinity) < request.startMs; next += 1) {
      const ended = ending[next] as Replayed;
      if (ended.admitted) yield { request: ended, ends: true };
    }
    yield { request, ends: false };
  }
}

function windowOf(
  windows: Map<string, Window>,
  budget: BudgetConfig,
  { scope, window, date }: { scope: Scope; window: WindowKind; date: LocalDate },
): Window {
  const key = `${window} ${windowNumber(window, date)} ${scope}`;
  let found = windows.get(key);
  if (found === undefined) {
    found = { scope, window, limit: limitsOf(budget, scopeUser(scope))[window], admitted: 0n };
    windows.set(key, found);
  }
  return found;
}

function note(
  days: Map<string, RejectedDay>,
  request: PastRequest,
  { scope, window }: Window,
): void {
  const { date, user, startMs, cost } = request;
  const key = `${date} ${user}`;
  const day = days.get(key) ?? {
    date,
    user,
    firstMs: startMs,
    scope,
    window,
    rejected: 0,
    notSpent: ZERO_USD,
  };
  day.rejected += 1;
  day.notSpent = nano(day.notSpent + cost);
  days.set(key, day);
}
