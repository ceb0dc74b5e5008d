// Tells the ledger of the first rejection in a window, and of streams that brought no usage. The
// ledger makes each one alert across workers; here none is written again and again.

import type { Budget } from '../budget/account.js';
import type { Refusal } from '../budget/admit.js';
import { messageOf } from '../kernel/errors.js';
import type { AlertRecord } from '../kernel/record.js';
import type { LocalDate } from '../kernel/scope.js';
import type { Call } from './call.js';
import type { Proxy } from './proxy.js';

/** Windows remembered per worker; when full, a few are reported again and the ledger drops them. */
const REPORTED_MAX = 100_000;

const refusedBefore = new WeakSet<Budget>();

export function reportRejection(proxy: Proxy, refusal: Refusal, date: LocalDate): void {
  if (refusal.reason !== 'exceeded') return;
  const { budget, settled: spent, limit } = refusal;
  // Who is refused asks again: the object is found sooner than its name is put together.
  if (refusedBefore.has(budget)) return;
  refusedBefore.add(budget);
  report(proxy, budget, { event: 'budget_exceeded', date, spent, limit, model: null });
}

/** Tokens came and nobody says what they cost: once a day and user, naming the first such model. */
export function reportStreamWithoutCost(proxy: Proxy, call: Call): void {
  const { account } = call.quote;
  const [day] = account.budgets;
  report(proxy, day, {
    event: 'stream_without_cost',
    date: account.date,
    spent: proxy.counters.settled(day.bank),
    limit: day.limit,
    model: call.candidate.model.name,
  });
}

function report(
  proxy: Proxy,
  { scope, window, ordinal }: Budget,
  record: Omit<AlertRecord, 'kind' | 'scope' | 'window' | 'timeMs'>,
): void {
  const key = `${record.event}|${scope}|${window}|${ordinal}`;
  if (proxy.reported.has(key)) return;
  if (proxy.reported.size >= REPORTED_MAX) proxy.reported.clear();
  proxy.reported.add(key);
  try {
    proxy.journal.alert({ ...record, scope, window, timeMs: proxy.now() });
  } catch (error) {
    process.emitWarning(`${record.event} is not reported: ${messageOf(error)}`);
    return;
  }
  proxy.turn.after(() => {});
}
