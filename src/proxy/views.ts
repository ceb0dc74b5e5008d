// What a caller may see without spending: the models it can ask for, and its own budgets.

import type { Budget } from '../budget/account.js';
import { timeText, windowBounds } from '../kernel/calendar.js';
import { nano, usdText } from '../kernel/money.js';
import { GLOBAL_SCOPE } from '../kernel/scope.js';
import { identify, mayUse } from './caller.js';
import type { Proxy } from './proxy.js';
import type { Rejection } from './rejection.js';

export type View = { readonly status: number; readonly json: string } | Rejection;

export function modelsView(proxy: Proxy, credential: string | null, anthropic: boolean): View {
  const caller = identify(proxy, credential);
  if ('rejected' in caller) return caller;
  const names = proxy.prices.names().filter((name) => mayUse(caller, name));
  const data = names.map((id) => {
    const model = proxy.prices.find(id);
    const provider = typeof model === 'object' ? model.provider.name : 'tokenpak';
    return anthropic
      ? { type: 'model', id, display_name: id, created_at: '1970-01-01T00:00:00Z' }
      : { id, object: 'model', created: 0, owned_by: provider };
  });
  const list = anthropic
    ? { data, has_more: false, first_id: names[0] ?? null, last_id: names.at(-1) ?? null }
    : { object: 'list', data };
  return { status: 200, json: JSON.stringify(list) };
}

/**
 * The caller's budgets. Without a limit, the day stands there all the same, so that a caller always
 * sees what it has spent.
 */
export function budgetView(proxy: Proxy, credential: string | null): View {
  const caller = identify(proxy, credential);
  if ('rejected' in caller) return caller;
  const { user } = caller;
  const date = proxy.calendar.dateAt(proxy.now());
  const account = proxy.accounts.of(user, date);
  if (account === null) {
    return {
      rejected: 'ledger_unavailable',
      message: 'The budget counters cannot hold this caller.',
    };
  }
  const shown = account.budgets.filter(
    ({ limit, scope }) => limit !== null || scope !== GLOBAL_SCOPE,
  );
  const budgets = shown.map((budget) => budgetRow(proxy, budget, date));
  return { status: 200, json: JSON.stringify({ user, budgets }) };
}

function budgetRow(proxy: Proxy, budget: Budget, date: number) {
  const settled = proxy.counters.settled(budget.bank);
  const admitted = proxy.counters.admitted(budget.bank);
  const reserved = admitted > settled ? admitted - settled : 0n;
  const left = budget.limit === null ? null : budget.limit - admitted;
  const { endMs } = windowBounds(budget.window, date, proxy.calendar.timezone);
  return {
    scope: budget.scope,
    window: budget.window,
    limit_usd: budget.limit === null ? null : usdText(budget.limit),
    spent_usd: usdText(settled),
    reserved_usd: usdText(nano(reserved)),
    remaining_usd: left === null ? null : usdText(nano(left < 0n ? 0n : left)),
    resets_at: timeText(endMs),
  };
}
