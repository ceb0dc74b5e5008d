// An alert in words, for people who read mail: one sentence and the facts behind it. Pure.

import { timeText } from '../kernel/calendar.js';
import type { AlertEvent, BudgetState } from '../kernel/alert.js';
import { dollars } from '../kernel/money.js';
import { scopeUser } from '../kernel/scope.js';
import { percentOf } from './line.js';

/** Names come from callers: nothing in them may break a header or hide itself. */
const plain = (text: string): string => text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\uFFFD');

export const whose = ({ scope }: BudgetState): string => {
  const user = scopeUser(scope);
  return user === null ? 'All users together' : plain(user);
};

const spentOf = ({ spent, limit }: BudgetState): string =>
  limit === null ? dollars(spent) : `${dollars(spent)} of ${dollars(limit)}`;

function budgetSentence(event: AlertEvent, budget: BudgetState): string {
  const limit = `the ${budget.window} limit`;
  const who = whose(budget);
  switch (event.event) {
    case 'budget_threshold_exceeded':
      return `${who}: ${budget.thresholdPct}% of ${limit} reached, ${spentOf(budget)}`;
    case 'budget_exceeded':
      return `${who}: ${limit} leaves no room for more, ${spentOf(budget)} spent`;
    case 'budget_forecast':
      return event.details['state'] === 'cleared'
        ? `${who}: ${limit} will hold after all, ${spentOf(budget)} spent`
        : `${who}: ${limit} will be reached before it is renewed, ${spentOf(budget)} spent`;
    case 'stream_without_cost':
      return `${who}: a stream brought no usage and is booked at an estimate`;
    default:
      return `${who}: a request was billed above its own maximum`;
  }
}

/** `user-a: 80% of the daily limit reached, $3.60 of $3.00` */
export function sentence(event: AlertEvent): string {
  const { budget, details } = event;
  if (budget !== null) return budgetSentence(event, budget);
  switch (event.event) {
    case 'ledger_unavailable':
      return 'The ledger cannot be written: no request is admitted any more';
    case 'pricing_stale':
      return `Prices cannot be fetched from ${plain(String(details['source']))}: old ones stay`;
    case 'spend_drift':
      return `The books differ from the invoice of ${plain(String(details['provider']))}`;
    default:
      return 'A test: alerts of TokenPak arrive here';
  }
}

const label = (name: string): string => {
  const words = name.replaceAll('_', ' ');
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** Names and values, in the order in which a reader asks for them. */
export function facts(event: AlertEvent): [string, string][] {
  const { budget, details, occurredAtMs, eventId } = event;
  const rows: [string, string][] = [];
  if (budget !== null) {
    rows.push(['Budget', `${whose(budget)}, ${budget.window}`], ['Spent', dollars(budget.spent)]);
    const pct = percentOf(budget);
    const share = pct === null ? '' : ` (${pct}% spent)`;
    if (budget.limit !== null) rows.push(['Limit', `${dollars(budget.limit)}${share}`]);
    rows.push(['Renewed', timeText(budget.windowEndMs)]);
  }
  for (const [name, value] of Object.entries(details)) rows.push([label(name), plain(`${value}`)]);
  rows.push(['Time', timeText(occurredAtMs)], ['Event', event.event], ['Event id', eventId]);
  return rows;
}
