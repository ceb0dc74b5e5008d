// A worker in memory that has the recipe's limits, and a request so large against them that its
// prompt is counted before it is decided: whatever happens meanwhile is up to the test.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Accounts } from '../../src/budget/account.js';
import { Counters, countersBytes } from '../../src/budget/counters.js';
import { loadConfig } from '../../src/config/load.js';
import { assert } from '../../src/kernel/assert.js';
import { WindowClock } from '../../src/kernel/calendar.js';
import { nano } from '../../src/kernel/money.js';
import type { AlertRecord } from '../../src/kernel/record.js';
import { PriceTable } from '../../src/pricing/table.js';
import { AskedAgain } from '../../src/proxy/asked-again.js';
import type { Proxy } from '../../src/proxy/proxy.js';
import { RECIPE } from '../config/recipe-file.js';

export function countingProxy(t: Test, nowMs: number) {
  const file = join(t.testdir(), 'config.yaml');
  writeFileSync(file, RECIPE);
  const loaded = loadConfig(file, { OPENAI_API_KEY: 'sk-test' });
  assert(loaded.ok, 'the recipe loads');
  const { config } = loaded;
  const counters = new Counters(new SharedArrayBuffer(countersBytes(64)));
  const accounts = new Accounts(counters, config.budget, 'salt');
  const scene = { nowMs, whileCounting: () => {}, alerts: [] as AlertRecord[] };
  const proxy = {
    config,
    counters,
    accounts,
    prices: new PriceTable(config),
    calendar: new WindowClock('UTC'),
    now: () => scene.nowMs,
    tokens: { count: async () => (scene.whileCounting(), 10) },
    tally: { count: () => undefined },
    journal: { alert: (record: AlertRecord) => scene.alerts.push(record) },
    turn: { after: () => undefined },
    askedAgain: new AskedAgain(),
    reported: new Set(),
  } as unknown as Proxy;
  /** Lower than any request costs, for everyone together. */
  const lower = (): void =>
    accounts.reconfigure({ ...config.budget, global: { daily: nano(1n), monthly: null } });
  return Object.assign(scene, { proxy, lower });
}

const messages = [{ role: 'user', content: 'word '.repeat(3000) }];

export const LARGE = Buffer.from(JSON.stringify({ model: 'gpt-4', max_tokens: 10, messages }));
