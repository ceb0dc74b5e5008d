import t, { type Test } from 'tap';
import type { Config } from '../../src/config/config.js';
import type { Notice } from '../../src/kernel/alert.js';
import { TokenPakError } from '../../src/kernel/errors.js';
import { type StoredPrices, writePrices } from '../../src/pricing/prices-file.js';
import type { SyncResult } from '../../src/pricing/sync.js';
import { Prices } from '../../src/supervisor/prices.js';

const HOUR_MS = 3_600_000;

const stored = (version: string, checkedAtMs = 0): StoredPrices => ({
  source: 'litellm',
  version,
  fetchedAtMs: 0,
  checkedAtMs,
  etag: null,
  providers: { openai: { hosts: [], models: { m: { input: version, output: '2' } } } },
});

interface Setting {
  readonly prices: Prices;
  readonly path: string;
  readonly clock: { nowMs: number };
  readonly seen: (string | undefined)[];
  readonly notices: Notice[];
  readonly lines: string[];
  syncs: number;
  sync: () => Promise<Partial<SyncResult>>;
}

function setting(t: Test, pricing: Config['pricing'], before?: StoredPrices): Setting {
  const path = t.testdir();
  if (before !== undefined) writePrices(path, before);
  const clock = { nowMs: 10 * HOUR_MS };
  const set = { path, clock, seen: [], notices: [], lines: [], syncs: 0 } as unknown as Setting;
  set.sync = async () => ({ problems: [] });
  const prices = new Prices({
    config: { pricing, storage: { path } } as unknown as Config,
    onPrices: (found) => set.seen.push(found?.version),
    raise: (notice) => set.notices.push(notice),
    log: (line) => set.lines.push(line),
    now: () => clock.nowMs,
    sync: () => {
      set.syncs += 1;
      return set.sync() as Promise<SyncResult>;
    },
  });
  t.teardown(() => prices.close());
  return Object.assign(set, { prices });
}

const BY_HAND = { source: 'bundled', syncIntervalMinutes: 60 };
const HOURLY = { source: 'litellm', syncIntervalMinutes: 60 };

t.test('takes up what is stored while it runs, once', async (t) => {
  const set = setting(t, BY_HAND);
  t.equal(set.prices.look(), null);
  writePrices(set.path, stored('1'));
  void set.prices.look();
  void set.prices.look();
  writePrices(set.path, { ...stored('1'), checkedAtMs: 7 });
  void set.prices.look();
  writePrices(set.path, stored('2'));
  void set.prices.look();
  t.same(set.seen, ['1', '2']);
  t.equal(set.syncs, 0, 'the bundled ones are not fetched');
});

t.test('fetches when there is nothing, and then by the hour', async (t) => {
  const set = setting(t, HOURLY);
  set.sync = async () => {
    writePrices(set.path, stored(String(set.syncs), set.clock.nowMs));
    return { problems: [] };
  };
  await set.prices.look();
  t.same(set.seen, ['1'], 'taken up at once');
  set.clock.nowMs += HOUR_MS - 1;
  t.equal(set.prices.look(), null);
  set.clock.nowMs += 1;
  await set.prices.look();
  t.same(set.seen, ['1', '2']);
});

t.test('does not fetch what was fetched less than an hour ago, nor ever with 0', async (t) => {
  const fresh = setting(t, HOURLY, stored('1', 10 * HOUR_MS - 1));
  t.equal(fresh.prices.look(), null);
  const never = setting(t, { ...HOURLY, syncIntervalMinutes: 0 });
  t.equal(never.prices.look(), null);
});

t.test('tells pricing_stale after three failures in a row, and keeps the old prices', async (t) => {
  const set = setting(t, HOURLY, stored('1', HOUR_MS));
  const fail = async (): Promise<Partial<SyncResult>> => {
    throw new TokenPakError('unreachable', 'Prices cannot be had');
  };
  const results = [
    fail,
    async () => ({ problems: ['gpt-4 has no price'] }),
    async () => ({ problems: [] }),
    fail,
    fail,
    fail,
    fail,
  ];
  for (const result of results) {
    set.sync = result;
    await set.prices.look();
    set.clock.nowMs += HOUR_MS;
  }
  t.equal(set.syncs, 7);
  t.match(set.notices[0], {
    event: 'pricing_stale',
    details: {
      source: 'litellm',
      since: '1970-01-01T01:00:00.000Z',
      reason: 'Prices cannot be had',
    },
  });
  t.equal(set.notices.length, 2);
  t.equal(set.notices[1]?.key, set.notices[0]?.key, 'one alert');
  t.match(set.lines[1], /refused: gpt-4 has no price/);
  t.same(set.seen, []);
});
