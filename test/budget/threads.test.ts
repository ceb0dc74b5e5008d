import t from 'tap';
import type { Config } from '../../src/config/config.js';
import { WindowClock } from '../../src/kernel/calendar.js';
import { PriceTable } from '../../src/pricing/table.js';
import { AskedAgain } from '../../src/proxy/asked-again.js';
import type { Exchange } from '../../src/proxy/exchange.js';
import type { Proxy } from '../../src/proxy/proxy.js';
import { quoteFor } from '../../src/proxy/quote.js';
import { configOf, model, perMillion, provider } from '../pricing/prices.js';
import { budgetConfig, cents, newAccounts, newCounters } from './fixture.js';
import { HAMMER_DATE, userOf } from './hammer.js';
import { hammered } from './hammered.js';

t.test('sixteen threads on one hot scope stop at the last cent that fits', async (t) => {
  const limit = cents(2_000);
  const budget = { ...budgetConfig({ daily: limit }), alertThresholdsPct: [80] };
  const found = await hammered({ threads: 16, users: 1, rounds: 1_000, budget });
  t.match(found, { overshoots: 0, drift: 0n, slots: 2 });
  t.ok(found.settled <= limit && found.settled > limit - cents(1), 'used to the last request');
  t.ok(found.refused > 0);
});

t.test('sixteen threads on thousands of scopes keep each to its limit, in one slot', async (t) => {
  const budget = budgetConfig({});
  const perUser = { ...budget.perUser!, defaults: { daily: cents(1), monthly: null } };
  const start = { threads: 16, users: 5_000, rounds: 1_000, budget: { ...budget, perUser } };
  const found = await hammered(start);
  t.match(found, { overshoots: 0, drift: 0n, over: 0, slots: 5_001 });
  t.ok(found.refused > 0, 'a second cent is refused');
});

t.test('a counter table that is full refuses in words, and hangs nobody', async (t) => {
  const { counters } = newCounters(16);
  const budget = budgetConfig({});
  const accounts = newAccounts(counters, budget);
  const mine = accounts.of('mine', HAMMER_DATE);
  for (let index = 0; index < 40; index++) accounts.of(userOf(index), HAMMER_DATE);
  const priced = model('gpt-4', { inputPrice: perMillion('3'), outputPrice: perMillion('6') });
  const config = { ...configOf([provider('openai')], [priced]), budget } as Config;
  const proxy = {
    config,
    prices: new PriceTable(config),
    accounts,
    calendar: new WindowClock('UTC'),
    askedAgain: new AskedAgain(),
    now: () => Date.UTC(2026, 2, 25),
  } as unknown as Proxy;
  const body = Buffer.from('{"model":"gpt-4","max_tokens":5,"messages":[]}');
  const exchange = { api: 'chat', body } as unknown as Exchange;
  const caller = (user: string) => ({ user, models: null });
  t.match(quoteFor(proxy, exchange, caller('one-too-many')), {
    rejected: 'ledger_unavailable',
    message: /cannot hold this caller now\. Nothing was sent/,
  });
  t.match(quoteFor(proxy, exchange, caller('mine')), { account: mine }, 'who is in stays in');
});
