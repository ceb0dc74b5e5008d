// What the admin API tells of spending, budgets, users, alerts and prices. Reads only.

import type { Config } from '../config/config.js';
import { nano, usdText } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import { type SpendBy, spendJson, type SpendRow } from '../ledger/spend.js';
import type { Price } from '../pricing/price.js';
import { alertView } from './overview.js';
import { badRequest, type Query, type Reply, type Route } from './route.js';
import { type Running, today } from './running.js';
import { budgetStatus } from './status.js';

const ROWS_MAX = 1_000;
const ROWS_DEFAULT = 100;
const SPEND_BY: readonly SpendBy[] = ['user', 'model', 'provider', 'day'];

const LIMIT: Query = {
  limit: { type: 'integer', description: `Rows at most: 1 to ${ROWS_MAX}, or ${ROWS_DEFAULT}.` },
};
const DAY = { type: 'string', format: 'date' };

export const REPORT_ROUTES: readonly Route[] = [
  {
    method: 'GET',
    path: '/admin/spend',
    summary: 'What was spent: the dearest first, days in order. Today when no range is given.',
    query: {
      by: { type: 'string', enum: SPEND_BY, description: 'One row for each; user when absent.' },
      since: { ...DAY, description: 'First day; that of until when absent.' },
      until: { ...DAY, description: 'Last day, included; today when absent.' },
      ...LIMIT,
    },
    answer: spendReply,
  },
  {
    method: 'GET',
    path: '/admin/budgets',
    summary: 'The budgets of everyone together and, with user, of one user: the limits in force.',
    query: { user: { type: 'string', description: "A user's name." } },
    answer: (running, { query }) => {
      const user = query.get('user');
      const scopes = user === null ? [null] : [user, null];
      return { json: { budgets: scopes.flatMap((scope) => budgetsOf(running, scope)) } };
    },
  },
  {
    method: 'GET',
    path: '/admin/users',
    summary: 'Users that have spent today, the dearest first, and users of the configuration.',
    query: LIMIT,
    answer: async (running, { query }) => {
      const max = limitOf(query);
      const day = { from: today(running), to: today(running) };
      const { rows } = await running.ledger.spend({ by: 'user', ...day }, max);
      const names = usersOf(rows, running.config).slice(0, max);
      const users = names.map((user) => ({ user, budgets: budgetsOf(running, user) }));
      return { json: { users } };
    },
  },
  {
    method: 'GET',
    path: '/admin/alerts',
    summary: 'Alerts, the newest first, and how far their delivery is.',
    query: LIMIT,
    answer: async ({ ledger }, { query }) => {
      const alerts = await ledger.recentAlerts(limitOf(query));
      return { json: { alerts: alerts.map(alertView) } };
    },
  },
  {
    method: 'GET',
    path: '/admin/prices',
    summary: 'The prices in force of every configured model, in US dollars a million tokens.',
    answer: (running) => ({ json: pricesView(running) }),
  },
];

/** Who has spent, in the order given, then the users of the configuration; each once. */
export function usersOf(spent: readonly SpendRow[], { budget }: Config): string[] {
  const spenders = spent.map(({ name }) => name).filter((name) => name !== '');
  return [...new Set([...spenders, ...Object.keys(budget.perUser?.users ?? {})])];
}

function limitOf(query: URLSearchParams): number {
  const text = query.get('limit') ?? String(ROWS_DEFAULT);
  const limit = Number(text);
  if (/^\d+$/.test(text) && limit >= 1 && limit <= ROWS_MAX) return limit;
  throw badRequest(`limit: a whole number from 1 to ${ROWS_MAX} is needed`);
}

function dayOf(query: URLSearchParams, name: string): LocalDate | null {
  const text = query.get(name);
  if (text === null) return null;
  const isDay = /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(`${text}T00:00:00Z`));
  if (isDay) return Number(text.replaceAll('-', ''));
  throw badRequest(`${name}: a day such as 2026-03-25 is needed`);
}

async function spendReply(running: Running, { query }: { query: URLSearchParams }): Promise<Reply> {
  const by = query.get('by') ?? 'user';
  const found = SPEND_BY.find((each) => each === by);
  if (found === undefined) throw badRequest(`by: one of ${SPEND_BY.join(', ')} is needed`);
  const to = dayOf(query, 'until') ?? today(running);
  const from = dayOf(query, 'since') ?? to;
  if (from > to) throw badRequest('since is later than until');
  return { json: spendJson(await running.ledger.spend({ by: found, from, to }, limitOf(query))) };
}

const budgetsOf = (running: Running, user: string | null) =>
  (['daily', 'monthly'] as const).map((window) => ({
    scope: user === null ? 'global' : `user:${user}`,
    ...budgetStatus(running, window, today(running), user),
  }));

function pricesView(running: Running) {
  const { version, asOfMs } = running.prices();
  const table = running.priceTable();
  const models = table.names().map((name) => {
    const model = table.find(name);
    if (typeof model === 'string') return { model: name, priced: false };
    const { provider, upstreamModel, price, facts } = model;
    return {
      model: name,
      priced: true,
      provider: provider.name,
      upstream_model: upstreamModel,
      version: price.version,
      usd_per_million_tokens: perMillion(price),
      max_output_tokens: facts.maxOutputTokens,
      context_tokens: facts.contextTokens,
    };
  });
  return { version, as_of: new Date(asOfMs).toISOString(), models };
}

const RATES = {
  input: 'input',
  cachedInput: 'cached_input',
  cacheWrite: 'cache_write',
  cacheWrite1h: 'cache_write_1h',
  output: 'output',
} as const;

/** A pico-dollar a token is a thousand nano-dollars a million. */
const perMillion = (price: Price) =>
  Object.fromEntries(
    Object.entries(RATES).map(([rate, name]) => [
      name,
      usdText(nano(price[rate as keyof typeof RATES] * 1_000n)),
    ]),
  );
