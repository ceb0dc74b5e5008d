// Tells the ledger of the first rejection in a window. The ledger makes it one alert across
// workers; here it is only kept from being written with every rejection.

import type { Refusal } from '../budget/admit.js';
import { messageOf } from '../kernel/errors.js';
import type { LocalDate } from '../kernel/scope.js';
import type { Proxy } from './proxy.js';

/** Windows remembered per worker; when full, a few are reported again and the ledger drops them. */
const REPORTED_MAX = 100_000;

export function reportRejection(proxy: Proxy, refusal: Refusal, date: LocalDate): void {
  if (refusal.reason !== 'exceeded') return;
  const { scope, window, ordinal } = refusal.budget;
  const key = `${scope}|${window}|${ordinal}`;
  if (proxy.reported.has(key)) return;
  if (proxy.reported.size >= REPORTED_MAX) proxy.reported.clear();
  proxy.reported.add(key);
  try {
    proxy.journal.alert({
      event: 'budget_exceeded',
      scope,
      window,
      date,
      timeMs: proxy.now(),
      spent: refusal.settled,
      limit: refusal.limit,
      model: null,
    });
  } catch (error) {
    process.emitWarning(`a rejection is not reported: ${messageOf(error)}`);
    return;
  }
  proxy.turn.after(() => {});
}
