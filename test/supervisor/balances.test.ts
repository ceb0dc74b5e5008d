import { join } from 'node:path';
import t from 'tap';
import { Accounts } from '../../src/budget/account.js';
import { admit, Reservation } from '../../src/budget/admit.js';
import { Counters } from '../../src/budget/counters.js';
import { assert } from '../../src/kernel/assert.js';
import { nano } from '../../src/kernel/money.js';
import { Journal } from '../../src/ledger/journal.js';
import { Balances } from '../../src/supervisor/balances.js';
import { budgetOf, NOON_MS, openLedger, reserveOf, settleOf } from '../ledger/samples.js';

const DATE = 20260325;

t.test(
  'drift between counters and books is 0 at rest, and what is missing otherwise',
  async (t) => {
    const storagePath = t.testdir();
    const ledger = await openLedger(t, storagePath);
    const balances = new Balances(budgetOf());
    await balances.seed(ledger, DATE);
    const journal = new Journal({
      directory: join(storagePath, 'journal'),
      journalId: await ledger.nextJournalId(),
      segmentBytes: 64 * 1024,
      durability: 'process',
    });
    const counters = new Counters(balances.buffer);
    const account = new Accounts(counters, budgetOf(), balances.salt).of('user-a', DATE);
    assert(account !== null, 'the counters have room');
    const reserve = reserveOf();
    const held = [1, 2].map(() => admit(counters, account, nano(1_000_000_000n), true));
    const ids = held.map(() => journal.reserve({ ...reserve, amount: nano(1_000_000_000n) }));
    journal.settle(settleOf(ids[0] as bigint, { cost: nano(7n) }));
    assert(held[0] instanceof Reservation, 'it fits');
    held[0].settle(nano(7n));
    journal.flush();
    t.match(await balances.status(ledger, DATE), {
      drift: 0n,
      openReservations: 1,
      reserved: 1_000_000_000n,
    });
    assert(held[1] instanceof Reservation, 'it fits');
    held[1].settle(nano(5n));
    t.match(await balances.status(ledger, DATE), { drift: 5n }, 'the counters know of 5 more');
    journal.settle(settleOf(ids[1] as bigint, { cost: nano(5n) }));
    journal.flush();
    t.match(await balances.status(ledger, DATE), { drift: 0n, openReservations: 0, reserved: 0n });
    journal.close();
    await ledger.close();
  },
);

t.test('a reservation past its deadline is told of', async (t) => {
  const storagePath = t.testdir();
  let nowMs = NOON_MS;
  const ledger = await openLedger(t, storagePath, () => nowMs);
  const journal = new Journal({
    directory: join(storagePath, 'journal'),
    journalId: await ledger.nextJournalId(),
    segmentBytes: 64 * 1024,
    durability: 'process',
  });
  const id = journal.reserve(reserveOf({ deadlineMs: NOON_MS + 1_000 }));
  journal.flush();
  t.match(await ledger.status(DATE), { openReservations: 1, overdueReservations: 0 });
  nowMs += 60_000;
  t.match(await ledger.status(DATE), { openReservations: 1, overdueReservations: 1 });
  journal.void({ reservationId: id, timeMs: nowMs, status: 504 });
  journal.flush();
  t.match(await ledger.status(DATE), { openReservations: 0, overdueReservations: 0 });
  journal.close();
  await ledger.close();
});

t.test('looking at users who never spent takes no room from those who do', (t) => {
  const balances = new Balances(budgetOf(), 64);
  const accounts = new Accounts(new Counters(balances.buffer), budgetOf(), balances.salt);
  const account = accounts.of('user-a', DATE);
  assert(account !== null, 'the counters have room');
  admit(new Counters(balances.buffer), account, nano(5n), true);
  for (let user = 0; user < 100_000; user += 1) {
    const { settled, reserved } = balances.holding(`user-${user}`, 'daily', DATE);
    if (settled !== 0n || reserved !== 0n) t.fail(`user-${user} holds something`);
  }
  t.match(balances.holding('user-a', 'daily', DATE), { settled: 0n, reserved: 5n });
  t.match(balances.holding('user-a', 'daily', DATE + 2), { reserved: 0n });
  t.ok(accounts.of('user-b', DATE));
  t.match(balances.holding('user-a', 'daily', DATE), { reserved: 5n }, 'a look turns nothing over');
  t.end();
});
