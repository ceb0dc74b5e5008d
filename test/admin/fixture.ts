// An admin listener on a proxy that is made up: routes without a process, answers to look at.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Books, Running } from '../../src/admin/running.js';
import { type AdminListener, startAdmin } from '../../src/admin/server.js';
import type { Config } from '../../src/config/config.js';
import { loadConfig } from '../../src/config/load.js';
import { assert } from '../../src/kernel/assert.js';
import { nano, ZERO_USD } from '../../src/kernel/money.js';
import type { Ledger } from '../../src/ledger/client.js';
import { RECIPE } from '../config/recipe-file.js';
import { PriceTable } from '../../src/pricing/table.js';
import { tallyBytes, TallyReader } from '../../src/proxy/tally.js';
import type { Teardown } from '../flow/harness.js';

const NOON_MS = Date.UTC(2026, 2, 25, 12);

export const EMPTY_BOOKS: Books = {
  lagRecords: 0,
  openReservations: 0,
  overdueReservations: 0,
  overshootBound: ZERO_USD,
  reserved: ZERO_USD,
  globalWindows: [],
  lastFoldMs: NOON_MS,
  entries: 0,
  strayEnds: 0,
  alertsPending: 0,
  alertsDead: 0,
  journals: 1,
  drift: ZERO_USD,
};

function recipe(): Config {
  const folder = mkdtempSync(join(tmpdir(), 'tokenpak-'));
  const file = join(folder, 'config.yaml');
  writeFileSync(file, RECIPE);
  const loaded = loadConfig(file, { OPENAI_API_KEY: 'sk-test' });
  rmSync(folder, { recursive: true });
  assert(loaded.ok, 'the recipe loads');
  return loaded.config;
}

const RECIPE_CONFIG = recipe();

export function runningWith(
  parts: Partial<Running> & { admin?: Omit<Config['admin'], 'metricsUserLabels'> },
): Running {
  const { admin = { host: '127.0.0.1', port: 0, token: null }, ...rest } = parts;
  return {
    config: { ...RECIPE_CONFIG, admin: { metricsUserLabels: false, ...admin } },
    priceTable: () => new PriceTable(RECIPE_CONFIG),
    raises: { all: [], put: async () => {} },
    reload: async () => [],
    configState: () => ({ loadedAtMs: NOON_MS, problem: null }),
    prices: () => ({ version: 'test', asOfMs: NOON_MS }),
    address: 'http://127.0.0.1:8000',
    version: '0.0.0',
    pid: 1,
    startedAtMs: NOON_MS - 90_000,
    now: () => NOON_MS,
    ledger: {} as Ledger,
    books: async () => EMPTY_BOOKS,
    tally: new TallyReader(new SharedArrayBuffer(tallyBytes(2))),
    workers: () => 2,
    adjust: async () => [],
    state: () => 'ready',
    holding: () => ({ settled: nano(0n), reserved: nano(0n) }),
    ...rest,
  };
}

export async function startListener(t: Teardown, running: Running): Promise<AdminListener> {
  const listener = await startAdmin(running);
  t.teardown(() => listener.close());
  return listener;
}

export interface AdminAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly text: string;
}

/** Not `fetch`, which does not let a Host header be chosen. */
export function ask(
  { port }: AdminListener,
  path: string,
  options: { method?: string; headers?: Record<string, string>; body?: string } = {},
): Promise<AdminAnswer> {
  const { method = 'GET', headers = {}, body } = options;
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
      let text = '';
      response.on('data', (data: Buffer) => (text += data.toString()));
      response.on('end', () =>
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text }),
      );
    });
    asked.on('error', reject);
    asked.end(body);
  });
}
