// Rules that other gateways broke, as far as they are the ledger's. Each title is the rule.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import type { Ledger } from '../../src/ledger/client.js';
import { Journal } from '../../src/ledger/journal.js';
import { spend } from '../../src/ledger/spend.js';
import { startMock } from '../../src/mock/provider.js';
import { post, startProxy, temporaryFolder } from '../flow/harness.js';
import { asking, CENT_A_TOKEN, config } from '../flow/setup.js';
import { budgetOf, openLedger, reserveOf, settleOf } from './samples.js';

const DATE = 20260325;
const DAY = { by: 'user', from: DATE, to: DATE } as const;

const journalOf = async (storagePath: string, ledger: Ledger): Promise<Journal> =>
  new Journal({
    directory: join(storagePath, 'journal'),
    journalId: await ledger.nextJournalId(),
    segmentBytes: 64 * 1024,
    durability: 'process',
  });

const settled = async (ledger: Ledger): Promise<bigint[]> =>
  (await ledger.balances(DATE)).map((balance) => balance.settled);

t.test('a reload never touches usage', async (t) => {
  const storagePath = t.testdir();
  const ledger = await openLedger(t, storagePath);
  const journal = await journalOf(storagePath, ledger);
  const open = journal.reserve(reserveOf());
  journal.settle(settleOf(journal.reserve(reserveOf())));
  journal.flush();
  await ledger.drained();
  const before = await settled(ledger);
  const [status] = [await ledger.status(DATE)];
  const limits = { daily: nano(1n), monthly: null };
  await ledger.reconfigure({ ...budgetOf(), global: limits, perUser: null, timezone: 'UTC' }, []);
  t.same(await settled(ledger), before);
  t.match(await ledger.status(DATE), { reserved: status.reserved, openReservations: 1 });
  journal.settle(settleOf(open, { cost: nano(7n) }));
  journal.flush();
  await ledger.drained();
  t.same(
    await settled(ledger),
    before.map((sum) => sum + 7n),
    'and it goes on from there',
  );
  journal.close();
  await ledger.close();
});

t.test('nothing is lost on an end, a restart or a kill', async (t) => {
  const storagePath = t.testdir();
  let expected = 0n;
  for (const way of ['ended', 'killed', 'killed before anything was booked', 'ended']) {
    const ledger = await openLedger(t, storagePath);
    t.same((await settled(ledger))[0] ?? 0n, expected, `the balance goes on, then it is ${way}`);
    const journal = await journalOf(storagePath, ledger);
    for (const cost of [3n, 4n]) {
      journal.settle(settleOf(journal.reserve(reserveOf()), { cost: nano(cost) }));
      expected += cost;
    }
    journal.flush();
    if (way === 'ended') journal.close();
    if (way !== 'killed before anything was booked') await ledger.drained();
    await ledger.close();
    t.equal((await spend(storagePath, DAY)).total, expected);
  }
});

t.test('no prompts in the ledger', async (t) => {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const file = config({ folder, providerUrl: mock.url, budget: 'daily_limit_cents: 100' });
  const proxy = await startProxy(t, { folder, config: file });
  const secret = 'a-canary-that-sings';
  const messages = [{ role: 'user', content: `Say ${secret}` }];
  const answer = await post(
    `${proxy.url}/v1/chat/completions`,
    'ann',
    asking(5, { messages, user: secret, metadata: { of: secret } }),
  );
  t.equal(answer.status, 200);
  t.equal(await proxy.end(), 0);
  const files = readdirSync(join(folder, 'data'), { recursive: true, withFileTypes: true });
  const read = files.filter((file) => file.isFile());
  t.ok(read.length >= 3, 'books, lock, archive');
  for (const { name, parentPath } of read) {
    const bytes = readFileSync(join(parentPath, name));
    t.equal(bytes.indexOf(secret), -1, name);
    if (name === 'ledger.lmdb') t.ok(bytes.includes('gpt-4'), 'what belongs there is found so');
  }
});

t.test('no database on the request path, no locks in it', async (t) => {
  const seen = new Set<string>();
  const visit = (url: URL): void => {
    if (seen.has(url.href)) return;
    seen.add(url.href);
    for (const [, from] of readFileSync(url, 'utf8').matchAll(/(?:from|import\() ?'([^']+)'/g)) {
      if (from?.startsWith('.') === true) visit(new URL(from, url));
      else if (from !== undefined) seen.add(from);
    }
  };
  visit(new URL('../../src/http/worker.js', import.meta.url));
  t.ok(seen.has('node:fs') && seen.size > 50, 'what a worker loads is found');
  for (const module of ['lmdb', 'fs-native-extensions']) t.notOk(seen.has(module), module);
});
