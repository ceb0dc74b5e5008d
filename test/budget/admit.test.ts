import t from 'tap';
import type { Account } from '../../src/budget/account.js';
import { admit, headroom, isTight, refusesAnyway, Reservation } from '../../src/budget/admit.js';
import type { Counters } from '../../src/budget/counters.js';
import { nano } from '../../src/kernel/money.js';
import { budgetConfig, cents, newAccounts, newCounters } from './fixture.js';

const DAY = 20260325;

function setUp(...[global, users]: Parameters<typeof budgetConfig>) {
  const { buffer, counters } = newCounters();
  const config = budgetConfig(global, users);
  return { buffer, counters, config, accounts: newAccounts(counters, config) };
}

function admitted(outcome: ReturnType<typeof admit>): Reservation {
  if (outcome instanceof Reservation) return outcome;
  throw new Error(`refused: ${outcome.reason}`);
}

const sums = (counters: Counters, account: Account) =>
  account.budgets.map(({ bank }) => [counters.admitted(bank), counters.settled(bank)]);

t.test('reserves in every budget, or in none', (t) => {
  const { counters, accounts } = setUp({ daily: cents(100) }, { ann: { daily: cents(1000) } });
  const account = accounts.of('ann', DAY) as Account;
  const outcome = admit(counters, account, cents(101), true);
  t.match(outcome, { reason: 'exceeded', budget: { scope: 'global', window: 'daily' } });
  t.same(sums(counters, account), [
    [0n, 0n],
    [0n, 0n],
    [0n, 0n],
    [0n, 0n],
  ]);
  admitted(admit(counters, account, cents(100), true));
  t.same(sums(counters, account)[0], [cents(100), 0n], 'the last cent is admitted');
  t.end();
});

t.test('tells money that is spent from money that is held by requests in flight', (t) => {
  const { counters, accounts } = setUp({}, { ann: { daily: cents(100) } });
  const account = accounts.of('ann', DAY) as Account;
  const first = admitted(admit(counters, account, cents(60), true));
  t.match(admit(counters, account, cents(60), true), { reason: 'in_flight', settled: 0n });
  first.settle(cents(50));
  t.match(admit(counters, account, cents(60), true), { reason: 'exceeded', settled: cents(50) });
  t.end();
});

t.test('books what was billed, even past the cap, and returns the tally of the day', (t) => {
  const { counters, accounts } = setUp({}, { ann: { daily: cents(100) } });
  const account = accounts.of('ann', DAY) as Account;
  t.equal(admitted(admit(counters, account, cents(60), true)).settle(cents(180)), cents(180));
  t.same(sums(counters, account)[0], [cents(180), cents(180)]);
  t.equal(headroom(counters, account), 0n, 'headroom is never negative');
  t.match(admit(counters, account, nano(1n), true), { reason: 'exceeded' });
  t.end();
});

t.test('a limit of zero lets nothing be spent', (t) => {
  const { counters, accounts } = setUp({}, { ann: { monthly: cents(0) } });
  const account = accounts.of('ann', DAY) as Account;
  t.match(admit(counters, account, nano(1n), true), { budget: { window: 'monthly' } });
  t.end();
});

t.test('a reservation ends once', (t) => {
  const { counters, accounts } = setUp({});
  const account = accounts.of('ann', DAY) as Account;
  for (const end of ['settle', 'release'] as const) {
    const reservation = admitted(admit(counters, account, cents(1), true));
    if (end === 'settle') reservation.settle(cents(1));
    else reservation.release();
    t.throws(() => reservation.settle(cents(1)), /ends once/);
    t.throws(() => reservation.release(), /ends once/);
  }
  t.end();
});

t.test('a new day starts at nothing while yesterday still settles', (t) => {
  const { counters, accounts } = setUp({ daily: cents(100) });
  const late = admitted(admit(counters, accounts.of('ann', DAY) as Account, cents(90), true));
  const today = accounts.of('ann', DAY + 1) as Account;
  const early = admitted(admit(counters, today, cents(100), true));
  t.equal(late.settle(cents(80)), cents(80), 'the tally is that of the day it was reserved in');
  t.equal(early.settle(cents(100)), cents(100));
  t.same(sums(counters, today)[1], [cents(180), cents(180)], 'both count in the month');
  const dayAfter = accounts.of('ann', DAY + 2) as Account;
  t.equal(
    counters.admitted((dayAfter.budgets[0] as { bank: number }).bank),
    0n,
    'the bank is reused',
  );
  t.equal(accounts.of('ann', DAY), null, 'a clock two windows back is refused');
  t.end();
});

t.test('a clock that was days ahead in one thread lets no other admit on its account', (t) => {
  const { counters, accounts, config } = setUp({ daily: cents(100) });
  admitted(admit(counters, accounts.of('ann', DAY) as Account, cents(100), true)).settle(
    cents(100),
  );
  const ahead = newAccounts(counters, config).of('bob', DAY + 2) as Account;
  t.equal(accounts.of('ann', DAY), null, 'everyone’s day is another now');
  t.same(sums(counters, ahead)[2], [0n, 0n]);
  t.end();
});

t.test('a window that was spent in before its time lets nobody in until it is begun', (t) => {
  const { counters, accounts } = setUp({ daily: cents(100) });
  accounts.keepFrom('daily', DAY + 2);
  t.ok(accounts.of('ann', DAY + 1), 'till then it goes on');
  t.equal(accounts.of('ann', DAY + 2), null);
  t.equal(accounts.of('ann', DAY + 3), null, 'nor is it passed over');
  t.ok(accounts.begin('user:ann', 'daily', DAY + 2, cents(30)));
  t.equal(accounts.of('ann', DAY + 2), null, 'everyone’s is the last');
  t.ok(accounts.begin('global', 'daily', DAY + 2, cents(90)));
  const account = accounts.of('ann', DAY + 2) as Account;
  t.same(sums(counters, account)[0], [cents(30), cents(30)]);
  t.match(admit(counters, account, cents(11), true), { budget: { scope: 'global' } });
  t.end();
});

t.test('is tight near a limit, and for input that is large beside it', (t) => {
  const { counters, accounts } = setUp({ daily: cents(10_000) });
  const account = accounts.of('ann', DAY) as Account;
  const tight = (total: number, input: number): boolean =>
    isTight(counters, account, { total: cents(total), input: () => cents(input) });
  t.equal(tight(9000, 1), false);
  t.equal(tight(9001, 1), true);
  t.equal(tight(100, 2), false);
  t.equal(tight(100, 3), true);
  t.end();
});

t.test('a full table refuses, and does not hang', (t) => {
  const { counters } = newCounters(16);
  const accounts = newAccounts(counters, budgetConfig({}));
  const seen = Array.from({ length: 40 }, (_, index) => accounts.of(`user-${index}`, DAY));
  t.equal(
    seen.filter((account) => account !== null).length,
    15,
    'sixteen slots less the global one',
  );
  t.end();
});

t.test('knows when no count of the prompt could change a refusal', (t) => {
  const { counters, accounts } = setUp({ daily: cents(80) }, { ann: { daily: cents(100) } });
  const account = accounts.of('ann', DAY) as Account;
  const first = admitted(admit(counters, account, cents(60), true));
  t.notOk(refusesAnyway(counters, account, cents(10), cents(10)), 'it fits');
  t.notOk(refusesAnyway(counters, account, cents(30), cents(25)), 'held, and may be given back');
  first.settle(cents(60));
  t.notOk(refusesAnyway(counters, account, cents(30), cents(20)), 'less of it would fit');
  t.ok(refusesAnyway(counters, account, cents(30), cents(21)), 'not even the least fits');
  t.notOk(refusesAnyway(counters, account, cents(50), cents(21)), 'a count would name another');
  t.end();
});
