import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { Accounts } from '../../src/budget/account.js';
import { Counters, countersBytes } from '../../src/budget/counters.js';
import { loadConfig } from '../../src/config/load.js';
import { assert } from '../../src/kernel/assert.js';
import { WindowClock } from '../../src/kernel/calendar.js';
import { nano } from '../../src/kernel/money.js';
import { PriceTable } from '../../src/pricing/table.js';
import { admission, isAdmitted } from '../../src/proxy/admission.js';
import type { Exchange } from '../../src/proxy/exchange.js';
import type { Proxy } from '../../src/proxy/proxy.js';
import { quoteFor } from '../../src/proxy/quote.js';
import { RECIPE } from '../config/recipe-file.js';

t.test('a limit that is lowered while a prompt is counted holds for it', async (t) => {
  const file = join(t.testdir(), 'config.yaml');
  writeFileSync(file, RECIPE);
  const loaded = loadConfig(file, { OPENAI_API_KEY: 'sk-test' });
  assert(loaded.ok, 'the recipe loads');
  const { config } = loaded;
  const counters = new Counters(new SharedArrayBuffer(countersBytes(64)));
  const accounts = new Accounts(counters, config.budget, 'salt');
  const lowered = { ...config.budget, global: { daily: nano(1n), monthly: null } };
  const proxy = {
    config,
    counters,
    accounts,
    prices: new PriceTable(config),
    calendar: new WindowClock('UTC'),
    now: () => Date.UTC(2026, 2, 25, 12),
    tokens: {
      count: async () => {
        accounts.reconfigure(lowered);
        return 10;
      },
    },
    tally: { count: () => undefined },
    reported: new Set(),
  } as unknown as Proxy;
  const messages = [{ role: 'user', content: 'word '.repeat(3000) }];
  const body = Buffer.from(JSON.stringify({ model: 'gpt-4', max_tokens: 10, messages }));
  const exchange = { api: 'chat', body } as Exchange;
  const quote = quoteFor(proxy, exchange, { user: 'user-a', models: null });
  assert('candidates' in quote, 'it has a price');
  const outcome = await new Promise((resolve) => admission(proxy, exchange, quote, resolve));
  t.notOk(isAdmitted(outcome as never));
});
