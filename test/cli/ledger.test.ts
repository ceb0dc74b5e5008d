import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import t, { type Test } from 'tap';
import { entryText } from '../../src/cli/entry-text.js';
import { nano } from '../../src/kernel/money.js';
import type { Entry } from '../../src/ledger/entry.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { Journal } from '../../src/ledger/journal.js';
import { asUsersDo, MAIN, run } from '../flow/harness.js';
import { budgetOf, editSegment, NOON_MS, reserveOf, settleOf } from '../ledger/samples.js';

const USERS = ['user-a', '=1+1', '@sum', '-2', 'Ann, "B"'];

interface Books {
  readonly config: string;
  /** Ends one more request. */
  readonly add: (user: string) => void;
}

/** Books of one settled request a user, a correction of −2 cents, and a keeper that goes on. */
function booksOf(t: Test): Books {
  const folder = t.testdir();
  const storagePath = join(folder, 'data');
  const config = join(folder, 'config.yaml');
  writeFileSync(config, `storage: { path: ${storagePath} }\nproviders: { mock: { type: mock } }\n`);
  const given = { budget: budgetOf(), channels: [], onAlerts: () => undefined };
  const keeper = new Bookkeeper({ storagePath, ...given });
  keeper.start(NOON_MS);
  const directory = join(storagePath, 'journal');
  const journalId = keeper.nextJournalId();
  const journal = new Journal({ directory, journalId, durability: 'process' });
  const add = (user: string): void => {
    journal.settle(settleOf(journal.reserve(reserveOf({ user }))));
    journal.flush();
    keeper.drained(NOON_MS);
  };
  for (const user of USERS) add(user);
  const correction = { provider: 'openai', utcDate: 20260325, date: 20260325 };
  keeper.adjust([{ ...correction, amount: nano(-20_000_000n) }], NOON_MS);
  t.teardown(async () => {
    journal.close();
    await keeper.close();
  });
  return { config, add };
}

t.test('ledger export --csv opens in a spreadsheet, and nothing in it is a formula', async (t) => {
  const { config } = booksOf(t);
  const { code, stdout } = await run(['ledger', 'export', '--csv', '--config', config]);
  t.equal(code, 0);
  const lines = stdout.split('\r\n');
  t.match(lines[0], /^sequence,time,kind,request_id,date,user,model,/);
  t.match(
    lines.slice(1).map((line) => line.split(',2026-03-25,')[1]?.split(',gpt-4,')[0]),
    ['user-a', "'=1+1", "'@sum", "'-2", '"Ann, ""B"""', ',,,openai,-0.02,0.00'],
  );
  const none = await run(['ledger', 'export', '--csv', '--since', 'today', '--config', config]);
  t.equal(none.stdout, `${lines[0]}\r\n`, 'a header even of nothing');
});

t.test('ledger export takes a range of days', async (t) => {
  const { config } = booksOf(t);
  const of = async (...args: string[]): Promise<number> =>
    (await run(['ledger', 'export', ...args, '--config', config])).stdout.split('\n').length - 1;
  t.equal(await of('--since', '2026-03-25', '--until', '2026-03-25'), 6);
  const turned = ['--since', '2026-03-02', '--until', '2026-03-01', '--config', config];
  t.match(await run(['ledger', 'export', ...turned]), { code: 2, stderr: /--since is later/ });
});

t.test('ledger tail follows requests as they end, until it is interrupted', async (t) => {
  const { config, add } = booksOf(t);
  const args = [MAIN, 'ledger', 'tail', '--json', '--lines', '2', '--config', config];
  const child = spawn(...asUsersDo(args), { stdio: ['ignore', 'pipe', 'inherit'] });
  const exit = once(child, 'exit');
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<string | null> => {
    const line = (await lines.next()) as { value: string };
    return (JSON.parse(line.value) as { user: string | null }).user;
  };
  t.same([await next(), await next()], ['Ann, "B"', null], 'the last two to begin with');
  add('late');
  t.equal(await next(), 'late', 'and what comes');
  child.kill('SIGINT');
  t.same(await exit, [0, null]);
});

t.test('ledger verify exits 1 on damage, and names file and byte', async (t) => {
  const { config } = booksOf(t);
  const { code, stdout } = await run(['ledger', 'verify', '--json', '--config', config]);
  t.equal(code, 0);
  const counts = { entries: 6, journal_records: 10, drift_usd: '0.00' };
  t.same(JSON.parse(stdout), { ...counts, problems: [] });
  const directory = join(dirname(config), 'data', 'journal');
  editSegment(directory, { journalId: 1, number: 0 }, (bytes) => {
    bytes.fill(7, 200, 210);
  });
  const damaged = await run(['ledger', 'verify', '--config', config]);
  t.match(damaged, { code: 1, stdout: /^✗ .*-00000001-000000\.seg is damaged at byte 128: / });
});

t.test('ledger rebuild makes books of journals alone, and says how far they reach', async (t) => {
  const storagePath = join(t.testdir(), 'data');
  const config = join(dirname(storagePath), 'config.yaml');
  writeFileSync(config, `storage: { path: ${storagePath} }\nproviders: { mock: { type: mock } }\n`);
  const directory = join(storagePath, 'journal');
  const journal = new Journal({ directory, journalId: 1, durability: 'process' });
  journal.settle(settleOf(journal.reserve(reserveOf())));
  journal.flush();
  journal.close();
  const { code, stdout } = await run(['ledger', 'rebuild', '--json', '--config', config]);
  t.equal(code, 0);
  t.match(JSON.parse(stdout), { entries: 1, complete: true, set_aside: null });
});

t.test(
  'a line of tail tells what is special about a request, and steers no terminal',
  async (t) => {
    const { reservationId: _, ...ending } = settleOf(1n, { source: 'estimated', overrun: true });
    const reserve = reserveOf({ user: 'a\u001b[31m', requestedModel: 'gpt-4o', retryCount: 1 });
    const entry: Entry = {
      kind: 'settle',
      sequence: 0,
      ...ending,
      reserve: { kind: 'reserve', reservationId: 1n, ...reserve },
    };
    t.equal(
      entryText(entry, { timezone: 'Asia/Kolkata', color: false }),
      '17:30:01  a�[31m            gpt-4                      $1.80  20,017 in · 20,012 out · 1.5 s' +
        '  estimated, over its maximum, for gpt-4o, retry 1',
    );
    const look = { timezone: 'UTC', color: false };
    t.match(entryText({ ...entry, kind: 'void', status: 429 }, look), /refused with 429/);
    t.match(entryText({ ...entry, source: 'unsettled' }, look), /charged in full/);
  },
);
