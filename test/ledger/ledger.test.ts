import { cpSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { alertId } from '../../src/kernel/alert.js';
import { nano } from '../../src/kernel/money.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { END_MARK } from '../../src/ledger/layout.js';
import { Ledger } from '../../src/ledger/client.js';
import { exportedEntry, exportEntries } from '../../src/ledger/export.js';
import { verify } from '../../src/ledger/verify.js';
import { Journal } from '../../src/ledger/journal.js';
import { segmentPath } from '../../src/ledger/segment.js';
import { spend, spendJson } from '../../src/ledger/spend.js';
import {
  budgetOf,
  delivered,
  FAR_MS,
  HOOK,
  LOG,
  editSegment,
  NOON_MS,
  reserveOf,
  settleOf,
} from './samples.js';

/** The alerts that user-a's first request owes: at 50 % and, of two, at 80 %. */
const AT_50 = alertId('user:user-a|daily|20260325|50');
const AT_80 = alertId('user:user-a|daily|20260325|80');

const DAY = { by: 'user', from: 20260325, to: 20260325 } as const;

interface Opened {
  readonly ledger: Ledger;
  /** Ids of what is due on a channel. */
  readonly due: (channel: string) => Promise<string[]>;
  readonly failures: Error[];
}

async function openLedger(storagePath: string): Promise<Opened> {
  const failures: Error[] = [];
  const ledger = await Ledger.open({
    storagePath,
    budget: budgetOf(),
    channels: [LOG, HOOK],
    onAlerts: () => undefined,
    onFailure: (error) => failures.push(error),
    now: () => NOON_MS + 60_000,
  });
  t.teardown(() => ledger.close());
  const due = async (channel: string): Promise<string[]> =>
    (await ledger.dueAlerts(channel, FAR_MS, 100)).alerts.map(({ event }) => event.eventId);
  return { ledger, due, failures };
}

const journalOf = (storagePath: string, journalId: number): Journal =>
  new Journal({
    directory: join(storagePath, 'journal'),
    journalId,
    segmentBytes: 64 * 1024,
    durability: 'process',
  });

/** A journal whose process was killed after one settled and one open request. */
function deadJournal(storagePath: string, journalId: number): Journal {
  const journal = journalOf(storagePath, journalId);
  const id = journal.reserve(reserveOf());
  journal.reserve(reserveOf({ user: 'user-b' }));
  journal.settle(settleOf(id));
  journal.flush();
  return journal;
}

const filesOf = (storagePath: string): string[] => readdirSync(join(storagePath, 'journal'));

async function spentBy(storagePath: string): Promise<Record<string, bigint>> {
  const { rows } = await spend(storagePath, DAY);
  return Object.fromEntries(rows.map(({ name, cost }) => [name, cost]));
}

/** Books what a dead journal holds, in this thread. */
async function book(storagePath: string): Promise<void> {
  const options = { budget: budgetOf(), channels: [LOG], onAlerts: () => undefined };
  const keeper = new Bookkeeper({ storagePath, ...options });
  keeper.start(NOON_MS);
  await keeper.close();
}

t.test('books what workers write, tells once of each threshold, and frees the files', async (t) => {
  const storagePath = t.testdir();
  const { ledger, due, failures } = await openLedger(storagePath);
  const first = await ledger.nextJournalId();
  const second = await ledger.nextJournalId();
  t.not(first, second);
  const journals = [journalOf(storagePath, first), journalOf(storagePath, second)];
  for (const journal of journals) {
    journal.settle(settleOf(journal.reserve(reserveOf())));
    journal.flush();
  }
  await ledger.drained();
  for (const channel of ['log', 'hook']) {
    t.same((await due(channel)).toSorted(), [AT_50, AT_80].toSorted(), channel);
  }
  t.same(
    (await ledger.balances(20260325)).map((b) => [b.scope, b.window, b.windowNumber, b.settled]),
    [
      ['global', 'daily', 20260325, 3_600_000_000n],
      ['user:user-a', 'daily', 20260325, 3_600_000_000n],
      ['global', 'monthly', 202603, 3_600_000_000n],
      ['user:user-a', 'monthly', 202603, 3_600_000_000n],
    ],
  );
  t.same(await ledger.balances(20260401), []);
  journals[0]?.reserve(reserveOf());
  journals[0]?.flush();
  await ledger.drained();
  t.match(await ledger.status(20260325), {
    lagRecords: 0,
    openReservations: 1,
    overdueReservations: 0,
    reserved: 2_000_000_000n,
    globalWindows: [
      { window: 'daily', settled: 3_600_000_000n, reserved: 2_000_000_000n },
      { window: 'monthly', settled: 3_600_000_000n, reserved: 2_000_000_000n },
    ],
    lastFoldMs: NOON_MS + 60_000,
    entries: 2,
    strayEnds: 0,
  });
  journals[0]?.close();
  t.match(await ledger.recover(first), [{ user: 'user-a', amount: 2_000_000_000n }]);
  t.same(await ledger.recover(first), [], 'once');
  t.ok(filesOf(storagePath).every((file) => !file.includes(`-0000000${first}-`)));
  t.equal((await ledger.status(20260325)).openReservations, 0);
  journals[1]?.close();
  await ledger.close();
  t.same(failures, []);
});

t.test('follows a journal through its segments', async (t) => {
  const storagePath = t.testdir();
  const { ledger, failures } = await openLedger(storagePath);
  const journal = journalOf(storagePath, await ledger.nextJournalId());
  let requests = 0;
  while (requests < 1_500) {
    try {
      journal.settle(settleOf(journal.reserve(reserveOf({ user: 'user-c' })), { cost: nano(1n) }));
      requests += 1;
    } catch {
      await ledger.drained(); // a turn for the next segment to appear in
    }
    journal.flush();
  }
  await ledger.drained();
  t.ok(filesOf(storagePath).length <= 2, 'booked segments are gone');
  t.match(await ledger.status(20260325), { entries: 1_500, openReservations: 0, strayEnds: 0 });
  t.same(await spentBy(storagePath), { 'user-c': 1_500n });
  journal.close();
  await ledger.close();
  t.same(failures, []);
  t.match(await verify(storagePath), { entries: 1_500, problems: { length: 0 } });
});

t.test(
  'a killed process: reports are exact at once, and the next start books the same',
  async (t) => {
    const storagePath = t.testdir();
    await book(storagePath);
    deadJournal(storagePath, 1);
    const expected = { 'user-a': 1_800_000_000n, 'user-b': 2_000_000_000n };
    t.same(await spentBy(storagePath), expected, 'before any restart');
    t.match(await verify(storagePath), { entries: 2, journalRecords: 3, problems: { length: 0 } });
    const { ledger, due } = await openLedger(storagePath);
    t.same(await spentBy(storagePath), expected, 'after it');
    t.same(filesOf(storagePath), []);
    t.same(await due('log'), [AT_50]);
    await ledger.close();
    const lines: string[] = [];
    t.equal(
      await exportEntries(storagePath, (entry) => lines.push(JSON.stringify(exportedEntry(entry)))),
      2,
    );
    t.match(JSON.parse(lines[1] as string), {
      sequence: 1,
      time: '2026-03-25T12:01:00.000Z',
      kind: 'settle',
      request_id: '0000010000000006',
      user: 'user-b',
      model: 'gpt-4',
      provider: 'openai',
      cost_usd: '2.00',
      source: 'unsettled',
      input_tokens: 0,
      price_version: 'bundled@2026-09-01',
    });
  },
);

t.test('of a running proxy open reservations are not spent', async (t) => {
  const storagePath = t.testdir();
  const { ledger } = await openLedger(storagePath);
  const journal = deadJournal(storagePath, await ledger.nextJournalId());
  t.same(await spentBy(storagePath), { 'user-a': 1_800_000_000n }, 'booked or not');
  await ledger.drained();
  t.same(await spentBy(storagePath), { 'user-a': 1_800_000_000n });
  journal.close();
  await ledger.close();
});

t.test('booking the same journal again changes nothing', async (t) => {
  const storagePath = t.testdir();
  mkdirSync(join(storagePath, 'journal'));
  deadJournal(storagePath, 1).close();
  cpSync(join(storagePath, 'journal'), join(storagePath, 'copy'), { recursive: true });
  await book(storagePath);
  const before = await spend(storagePath, DAY);
  // As after a kill between the commit and the deletion of the files.
  cpSync(join(storagePath, 'copy'), join(storagePath, 'journal'), { recursive: true });
  t.same(await spend(storagePath, DAY), before);
  await book(storagePath);
  t.same(await spend(storagePath, DAY), before);
  t.same(filesOf(storagePath), []);
  t.match(await verify(storagePath), { entries: 2, problems: { length: 0 } });
});

t.test('refuses a damaged journal and names file and byte', async (t) => {
  const storagePath = t.testdir();
  await book(storagePath);
  deadJournal(storagePath, 1).close();
  const directory = join(storagePath, 'journal');
  const path = segmentPath({ directory, journalId: 1, number: 0 });
  editSegment(directory, { journalId: 1, number: 0 }, (bytes) => {
    bytes[3 * 128 + 40] = (bytes[3 * 128 + 40] as number) ^ 1;
  });
  await t.rejects(openLedger(storagePath), {
    code: 'ledger_damaged',
    message: `${path} is damaged at byte 384: the record does not match its checksum`,
  });
  t.match((await verify(storagePath)).problems, [/damaged at byte 384/]);
  rmSync(path);
  const { ledger } = await openLedger(storagePath);
  await ledger.close();
});

t.test('one damaged live journal keeps nothing of the others from being booked', async (t) => {
  const storagePath = t.testdir();
  const options = { budget: budgetOf(), channels: [LOG], onAlerts: () => undefined };
  const keeper = new Bookkeeper({ storagePath, ...options });
  keeper.start(NOON_MS);
  const bad = deadJournal(storagePath, keeper.nextJournalId());
  const good = journalOf(storagePath, keeper.nextJournalId());
  const directory = join(storagePath, 'journal');
  editSegment(directory, { journalId: 1, number: 0 }, (bytes) => {
    bytes[128 + 30] = 1;
  });
  let failures = 0;
  for (let look = 0; look < 100; look += 1) {
    good.settle(settleOf(good.reserve(reserveOf()), { cost: nano(1n) }));
    good.flush();
    try {
      keeper.tick(NOON_MS);
    } catch (error) {
      failures += 1;
      t.match(error, { code: 'ledger_damaged', message: /damaged at byte 128/ });
    }
  }
  t.equal(failures, 1, 'told once');
  t.match(keeper.status(20260325, NOON_MS), { entries: 100, strayEnds: 0, lagRecords: 0 });
  for (const journal of [bad, good]) journal.close();
  await keeper.close();
});

t.test('damage that a report meets first is told to the proxy too', async (t) => {
  const storagePath = t.testdir();
  const { ledger, failures } = await openLedger(storagePath);
  const journal = deadJournal(storagePath, await ledger.nextJournalId());
  editSegment(join(storagePath, 'journal'), { journalId: 1, number: 0 }, (bytes) => {
    bytes[128 + 30] = 1;
  });
  const refusals: unknown[] = [];
  // Faster than the ledger looks by itself.
  for (let look = 0; look < 60; look += 1) {
    await ledger.status(20260325).catch((error: unknown) => refusals.push(error));
  }
  const damage = { code: 'ledger_damaged', message: /damaged at byte 128/ };
  t.match(refusals, [damage]);
  t.match(failures, [damage]);
  journal.close();
  await ledger.close();
});

t.test('a record that is being stored is waited for, however often it is looked at', async (t) => {
  const storagePath = t.testdir();
  const options = { budget: budgetOf(), channels: [LOG], onAlerts: () => undefined };
  const keeper = new Bookkeeper({ storagePath, ...options });
  keeper.start(NOON_MS);
  const journal = deadJournal(storagePath, keeper.nextJournalId());
  const directory = join(storagePath, 'journal');
  let mark = 0;
  editSegment(directory, { journalId: 1, number: 0 }, (bytes) => {
    mark = bytes.lastIndexOf(END_MARK);
    bytes[mark] = 0;
  });
  for (let look = 0; look < 100; look += 1) keeper.tick(NOON_MS);
  t.match(keeper.status(20260325, NOON_MS), { entries: 0, openReservations: 2 });
  editSegment(directory, { journalId: 1, number: 0 }, (bytes) => {
    bytes[mark] = END_MARK;
  });
  keeper.tick(NOON_MS);
  t.match(keeper.status(20260325, NOON_MS), { entries: 1, openReservations: 1, lagRecords: 0 });
  journal.close();
  await keeper.close();
});

t.test('refuses a second holder of the data directory', async (t) => {
  const storagePath = t.testdir();
  const { ledger } = await openLedger(storagePath);
  await t.rejects(openLedger(storagePath), {
    code: 'data_directory_locked',
    message: new RegExp(`${storagePath} is in use by process ${process.pid}.*storage.path`),
  });
  await ledger.close();
  const { ledger: next } = await openLedger(storagePath);
  await next.close();
});

t.test('owes an alert until every channel has had it', async (t) => {
  const storagePath = t.testdir();
  const { ledger } = await openLedger(storagePath);
  const journal = deadJournal(storagePath, await ledger.nextJournalId());
  await ledger.drained();
  journal.close();
  await ledger.attempted('log', [delivered(AT_50)]);
  await ledger.close();
  const { ledger: second, due } = await openLedger(storagePath);
  t.same([await due('log'), await due('hook')], [[], [AT_50]]);
  await second.attempted('hook', [delivered(AT_50)]);
  t.same(await due('hook'), []);
  t.match(await second.status(20260325), { alertsPending: 0, alertsDead: 0 });
  await second.close();
});

t.test('what is no budget to tell of is owed once per key', async (t) => {
  const storagePath = t.testdir();
  const { ledger } = await openLedger(storagePath);
  const notice = {
    event: 'pricing_stale',
    key: 'models.dev|2026-03-25',
    occurredAtMs: NOON_MS,
    details: { source: 'models.dev', since: 'never', reason: 'HTTP 500' },
  } as const;
  await ledger.raise(notice);
  await ledger.raise({ ...notice, occurredAtMs: NOON_MS + 1 });
  await ledger.close();
  const { ledger: next } = await openLedger(storagePath);
  await next.raise(notice);
  t.match(await next.dueAlerts('hook', FAR_MS, 100), {
    alerts: [{ event: { event: 'pricing_stale', occurredAtMs: NOON_MS }, attempts: 0 }],
  });
  await next.close();
});

t.test('answers the shape that `spend --json` promises', async (t) => {
  const storagePath = t.testdir();
  t.same(spendJson(await spend(storagePath, DAY)), { rows: [], total_usd: '0.00' });
  const { ledger } = await openLedger(storagePath);
  const journal = journalOf(storagePath, await ledger.nextJournalId());
  for (const _ of [1, 2]) journal.settle(settleOf(journal.reserve(reserveOf())));
  journal.void({ reservationId: journal.reserve(reserveOf()), timeMs: NOON_MS, status: 500 });
  journal.flush();
  t.match(spendJson(await spend(storagePath, DAY)), {
    rows: [
      {
        user: 'user-a',
        requests: 2,
        input_tokens: 40_000,
        output_tokens: 40_000,
        cost_usd: '3.60',
      },
    ],
    total_usd: '3.60',
  });
  t.match(spendJson(await spend(storagePath, { ...DAY, by: 'day' })), {
    rows: [{ day: '2026-03-25' }],
  });
  journal.close();
  await ledger.close();
});
