import { existsSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { nano } from '../../src/kernel/money.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { Journal } from '../../src/ledger/journal.js';
import { rebuild, type Rebuilt } from '../../src/ledger/rebuild.js';
import { spend, type SpendResult } from '../../src/ledger/spend.js';
import { verify } from '../../src/ledger/verify.js';
import { budgetOf, LOG, NOON_MS, openLedger, reserveOf, settleOf } from './samples.js';

const DAY = { by: 'user', from: 20260325, to: 20260325 } as const;
const GIVEN = { budget: budgetOf(), archiveBytesMax: 1e9 };

/** Two journals: one long finished, one killed with a request open, not all of it booked. */
async function used(storagePath: string): Promise<SpendResult> {
  const given = { storagePath, ...GIVEN, channels: [LOG], onAlerts: () => undefined };
  const keeper = new Bookkeeper(given);
  keeper.start(NOON_MS);
  const directory = join(storagePath, 'journal');
  const journalOf = (): Journal =>
    new Journal({
      directory,
      journalId: keeper.nextJournalId(),
      segmentBytes: 16 * 1024,
      durability: 'process',
    });
  const [first, second] = [journalOf(), journalOf()];
  for (let index = 0; index < 200;) {
    try {
      const id = first.reserve(reserveOf({ user: `user-${index % 3}` }));
      first.settle(settleOf(id, { cost: nano(BigInt(index)) }));
      index += 1;
    } catch {
      await new Promise((resolve) => setImmediate(resolve));
    }
    first.flush();
    keeper.drained(NOON_MS);
  }
  first.close();
  keeper.recover(1, NOON_MS);
  second.settle(settleOf(second.reserve(reserveOf())));
  second.flush();
  keeper.drained(NOON_MS);
  second.reserve(reserveOf({ user: 'user-b' }));
  second.close();
  await keeper.close();
  return spend(storagePath, DAY);
}

const loseBooks = (storagePath: string): void => {
  for (const file of ['ledger.lmdb', 'ledger.lmdb-lock']) rmSync(join(storagePath, file));
};

const build = (storagePath: string, force = false): Promise<Rebuilt> =>
  rebuild({ storagePath, ...GIVEN, force, nowMs: NOON_MS });

t.test('books that are lost stop the start, and are built again from the journals', async (t) => {
  const storagePath = t.testdir();
  const before = await used(storagePath);
  loseBooks(storagePath);
  await t.rejects(openLedger(t, storagePath), {
    code: 'ledger_missing',
    message: /ledger rebuild/,
  });
  t.match(await build(storagePath), { entries: 202, isComplete: true, sinceMs: NOON_MS });
  t.same(await spend(storagePath, DAY), before);
  t.match(await verify(storagePath), { entries: 202, drift: 0n, problems: { length: 0 } });
  const ledger = await openLedger(t, storagePath);
  t.equal(await ledger.nextJournalId(), 3, 'no number is given twice');
  t.match(await ledger.status(20260325), { alertsPending: 0 }, 'nobody is told of it again');
  await ledger.close();
  loseBooks(storagePath);
  t.match(await build(storagePath), { entries: 202, isComplete: true }, 'as often as it takes');
});

t.test('of journals that are kept no more the books say so, and agree all the same', async (t) => {
  const storagePath = t.testdir();
  const before = await used(storagePath);
  loseBooks(storagePath);
  const archive = join(storagePath, 'archive');
  const [oldest, next] = readdirSync(archive).sort() as [string, string];
  for (const name of [oldest, next]) rmSync(join(archive, name));
  const { isComplete, entries } = await build(storagePath);
  t.equal(isComplete, false);
  t.ok(entries < 202 && entries > 50, `${entries} of 202`);
  t.ok((await spend(storagePath, DAY)).total < before.total);
  t.match(await verify(storagePath), { problems: { length: 0 }, drift: 0n });
});

t.test('books that are there are set aside only when asked to', async (t) => {
  const storagePath = t.testdir();
  const before = await used(storagePath);
  await t.rejects(build(storagePath), { code: 'ledger_exists', message: /--force/ });
  const { asideAt } = await build(storagePath, true);
  t.same(await spend(storagePath, DAY), before);
  t.ok(existsSync(asideAt as string));
});
