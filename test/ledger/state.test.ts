import { join } from 'node:path';
import t, { type Test } from 'tap';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { DISK, type Disk } from '../../src/ledger/disk.js';
import { Journal } from '../../src/ledger/journal.js';
import { budgetOf, NOON_MS, reserveOf, settleOf } from './samples.js';

/** A keeper, and the journal of a worker with one request open for a second. */
function sceneOf(t: Test, disk: Disk = DISK) {
  const storagePath = t.testdir();
  const given = { budget: budgetOf(), channels: [], onAlerts: () => undefined };
  const keeper = new Bookkeeper({ storagePath, disk, ...given });
  keeper.start(NOON_MS);
  const journal = new Journal({
    directory: join(storagePath, 'journal'),
    journalId: keeper.nextJournalId(),
    segmentBytes: 16 * 1024,
    durability: 'process',
  });
  const id = journal.reserve(reserveOf({ deadlineMs: NOON_MS + 1_000 }));
  journal.flush();
  t.teardown(async () => {
    journal.close();
    await keeper.close();
  });
  return { keeper, journal, id };
}

/** Looks twice a second from one time to another, in seconds after noon. */
function lookOn(keeper: Bookkeeper, from: number, to: number): void {
  for (let seconds = from; seconds < to; seconds += 0.5) keeper.tick(NOON_MS + seconds * 1000);
}

t.test('no reservation outlives its deadline: one that does stops the proxy', async (t) => {
  const { keeper } = sceneOf(t);
  lookOn(keeper, 0, 60);
  t.throws(() => lookOn(keeper, 60, 70), {
    code: 'ledger_unavailable',
    message: /request 0000010000000004 of user-a has not ended, 6\d s after its deadline/,
  });
});

t.test('a clock that is set forward makes no reservation hang', async (t) => {
  const { keeper, journal, id } = sceneOf(t);
  lookOn(keeper, 0, 1);
  lookOn(keeper, 3600, 3605);
  journal.settle(settleOf(id));
  journal.flush();
  lookOn(keeper, 3605, 3700);
  t.match(keeper.status(20260325, NOON_MS), { openReservations: 0, overdueReservations: 0 });
});

t.test('a question waits for what was written before it, not for all that comes', async (t) => {
  let comes = 0;
  // Each commit finds that the worker has gone on meanwhile.
  const goOn = (): void => {
    if (comes++ === 0 || comes > 20) return;
    journal.settle(settleOf(journal.reserve(reserveOf())));
    journal.flush();
  };
  const disk = { ...DISK, freeBytes: (path: string) => (goOn(), DISK.freeBytes(path)) };
  const { keeper, journal } = sceneOf(t, disk);
  t.equal(keeper.status(20260325, NOON_MS).lagRecords, 1);
  t.equal(keeper.status(20260325, NOON_MS).lagRecords, 2, 'what came meanwhile');
  t.same(keeper.spends([], 1, NOON_MS), []);
  t.equal(keeper.status(20260325, NOON_MS).entries, 3);
});

t.test('what is asked for beside the state of the books is of the same moment', async (t) => {
  const { keeper, journal, id } = sceneOf(t);
  const rows = (): number => {
    const query = { by: 'model', from: 20260325, to: 20260325 } as const;
    return keeper.bookedSpends([query], 1)[0]?.rows[0]?.requests ?? 0;
  };
  journal.settle(settleOf(id));
  journal.flush();
  t.equal(rows(), 0, 'it books nothing itself');
  keeper.status(20260325, NOON_MS);
  t.equal(rows(), 1);
});
