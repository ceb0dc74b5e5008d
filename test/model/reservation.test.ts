import t from 'tap';
import type { Account } from '../../src/budget/account.js';
import { admit, type Reservation } from '../../src/budget/admit.js';
import { nano } from '../../src/kernel/money.js';
import { type JournalRecord, reservationIdOf } from '../../src/kernel/record.js';
import {
  eventOf,
  isConsistent,
  type ReservationEnd,
  type ReservationEvent,
  type ReservationState,
  TRANSITIONS,
} from '../../src/kernel/reservation.js';
import type { Entry } from '../../src/ledger/entry.js';
import { type Booked, Fold } from '../../src/ledger/fold.js';
import { Journal } from '../../src/ledger/journal.js';
import { encodeVoid } from '../../src/ledger/encode.js';
import { UNIT_BYTES } from '../../src/ledger/layout.js';
import { budgetConfig, cents, newAccounts, newCounters } from '../budget/fixture.js';
import {
  budgetOf,
  editSegment,
  NOON_MS,
  NOTHING,
  readJournal,
  reserveOf,
  settleOf,
} from '../ledger/samples.js';

const DAY = 20260325;
const EVENTS: readonly ReservationEvent[] = ['settle', 'settle_over', 'void', 'expire', 'recover'];
const ENDS: readonly ReservationEnd[] = EVENTS.map(
  (event) => TRANSITIONS.reserved[event] as ReservationEnd,
);

t.test('a reservation has one beginning and five ends, and nothing follows an end', async (t) => {
  t.same(ENDS, ['settled', 'settled_over', 'voided', 'expired', 'recovered']);
  t.same(Object.keys(TRANSITIONS), ['reserved', ...ENDS]);
  for (const end of ENDS) {
    for (const event of EVENTS) t.equal(TRANSITIONS[end][event], null, `${event} after ${end}`);
  }
});

t.test('in memory: every event in every state', async (t) => {
  const { counters } = newCounters();
  const account = newAccounts(counters, budgetConfig({ daily: cents(100_000) })).of('ann', DAY);
  const take = (reservation: Reservation, event: ReservationEvent): void => {
    if (event === 'void') reservation.release();
    // Nobody recovers what a living thread holds: the books do it for a dead one.
    else if (event !== 'recover') reservation.settle(cents(event === 'settle_over' ? 9 : 2), event);
  };
  const sums = () => account?.budgets.map(({ bank }) => counters.admitted(bank)) ?? [];
  for (const first of EVENTS.filter((event) => event !== 'recover')) {
    const before = sums()[0] as bigint;
    const reservation = admit(counters, account as Account, cents(5), true) as Reservation;
    t.equal(reservation.state, 'reserved' satisfies ReservationState);
    take(reservation, first);
    t.equal(reservation.state, TRANSITIONS.reserved[first]);
    const cost = first === 'void' ? 0 : first === 'settle_over' ? 9 : 2;
    t.same(sums(), Array<bigint>(4).fill(before + cents(cost)), `${first} is booked in all four`);
    const ended = sums();
    for (const second of EVENTS.filter((event) => event !== 'recover')) {
      t.throws(() => take(reservation, second), /defect: a reservation ends once/);
      t.same(sums(), ended, `${second} after ${first} moves nothing`);
    }
  }
});

const ID = reservationIdOf(1, 7);
const RESERVE: JournalRecord & { kind: 'reserve' } = {
  kind: 'reserve',
  ...reserveOf({ amount: nano(50n), worst: nano(80n) }),
  reservationId: ID,
};

/** The record that tells of an event; a recovery has none. */
function recordOf(event: ReservationEvent): JournalRecord | null {
  const settle = { kind: 'settle', ...settleOf(ID, { cost: nano(70n) }) } as const;
  if (event === 'settle') return settle;
  if (event === 'settle_over') return { ...settle, cost: nano(81n), overrun: true };
  if (event === 'expire') return { ...settle, source: 'estimated', status: 504 };
  if (event === 'void') return { kind: 'void', reservationId: ID, timeMs: NOON_MS, status: 429 };
  return null;
}

function book(fold: Fold, event: ReservationEvent): void {
  const record = recordOf(event);
  if (record === null) fold.charge(RESERVE, NOON_MS);
  else fold.apply(record);
}

const COSTS = { settle: 70n, settle_over: 81n, void: 0n, expire: 70n, recover: 80n } as const;

t.test('in the books: every event in every state, at once and a transaction later', async (t) => {
  for (const first of EVENTS) {
    for (const later of [false, true]) {
      const earlier: Booked = {
        entrySequence: 0,
        openOf: (id) => (later && id === ID ? RESERVE : undefined),
        totalsOf: () => undefined,
        utcTotalsOf: () => undefined,
        settledOf: () => undefined,
        isOwed: () => false,
      };
      for (const second of EVENTS) {
        const fold = new Fold(earlier, budgetOf());
        if (!later) fold.apply(RESERVE);
        book(fold, first);
        book(fold, second);
        const note = `${second} after ${first}, ${later ? 'opened before' : 'opened now'}`;
        t.equal(fold.entries.length, 1, `${note}: one entry`);
        const [entry] = fold.entries as [Entry & { kind: 'settle' | 'void' }];
        t.equal(eventOf(entry), first, `${note}: of the first event`);
        t.ok(isConsistent(entry), note);
        t.equal(entry.cost, COSTS[first], `${note}: at its cost`);
        t.same(fold.strayEnds, second === 'recover' ? [] : [ID], `${note}: the second is counted`);
        const settled = [...fold.settled.values()].map((balance) => balance.settled);
        t.same(settled, first === 'void' ? [] : Array(4).fill(COSTS[first]), note);
      }
    }
  }
});

t.test('what no reservation opened ends nothing', async (t) => {
  for (const event of EVENTS) {
    const fold = new Fold(NOTHING, budgetOf());
    book(fold, event);
    t.equal(fold.entries.length, 0, event);
    t.same(fold.strayEnds, event === 'recover' ? [] : [ID], event);
  }
});

t.test('an end two windows late is booked in its own day, and moves no later one', async (t) => {
  const { counters } = newCounters();
  const accounts = newAccounts(counters, budgetConfig({ daily: cents(100) }));
  const late = admit(counters, accounts.of('ann', DAY) as Account, cents(9), true) as Reservation;
  const account = accounts.of('ann', DAY + 2) as Account;
  admit(counters, account, cents(5), true);
  late.settle(cents(8));
  const [day] = account.budgets;
  t.equal(counters.admitted(day.bank), cents(5));
  t.equal(counters.settled(day.bank), 0n);
  t.equal(counters.settled(account.budgets[1].bank), cents(8), 'the month is still the same');
  const fold = new Fold(NOTHING, budgetOf());
  fold.apply(RESERVE);
  fold.apply({ ...(recordOf('settle') as JournalRecord), timeMs: NOON_MS + 2 * 86_400_000 });
  t.match([...fold.totals], [{ date: DAY, cost: 70n }]);
});

t.test('no journal ends the reservation of another', async (t) => {
  const directory = t.testdir();
  const open = (journalId: number): Journal =>
    new Journal({ directory, journalId, segmentBytes: 8192, durability: 'process' });
  const [mine, other] = [open(1), open(2)];
  const id = mine.reserve(reserveOf());
  t.throws(() => other.settle(settleOf(id)), /ends once, in its own journal/);
  t.throws(() => other.void({ reservationId: id, timeMs: NOON_MS, status: 1 }), /its own journal/);
  other.close();
  editSegment(directory, { journalId: 2, number: 0 }, (bytes) => {
    const record = { reservationId: id, timeMs: NOON_MS, status: 500 };
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
    encodeVoid({ bytes, view, offset: UNIT_BYTES }, 0, record);
  });
  t.match(readJournal(directory, 2), { records: [], fault: { why: /of another journal/ } });
  mine.close();
});
