// The process dies at a step with a name, over real files and a real LMDB: whatever the step, all
// that was written is booked, once, and the books agree with themselves.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { rebuild } from '../../src/ledger/rebuild.js';
import { spend } from '../../src/ledger/spend.js';
import { verify } from '../../src/ledger/verify.js';
import { asUsersDo } from '../flow/harness.js';
import { budgetOf, NOON_MS, unmappable } from '../ledger/samples.js';
import { COST_NANO, type Fate, HELD_NANO } from './fated.js';

const POINTS: Readonly<Record<string, Fate>> = {
  'within the write of a record': 'writing/write/8/half way',
  'between journal write and fold': 'writing/write/8/after',
  'within a commit': 'booking/put/17/after',
  'before a commit is durable': 'booking/commit/3/before',
  'between a commit and what it makes superfluous': 'booking/commit/4/after',
  'within the last record of a segment': 'writing/seal/1/half way',
  'between two segments': 'writing/seal/1/after',
  'before the next segment’s pages are mapped': 'writing/move/1/before',
  'after they are': 'writing/move/1/after',
  'before the next segment has its name': 'booking/make/1/after',
  'after a segment is archived': 'booking/rename/2/after',
  'within the copy of a journal’s end': 'ending/make/1/half way',
  'before the copy has its name': 'ending/rename/1/before',
  'with the copy beside what it was made of': 'ending/rename/1/after',
  'between raise and its record': 'raising/commit/1/before',
  'right after the record of a raise': 'raising/commit/1/after',
  'within retention': 'retiring/put/2/after',
  'between retention and the archive’s': 'retiring/commit/1/after',
  'within the archive’s retention': 'retiring/remove/1/after',
};

const CHILD = fileURLToPath(new URL('./fated.js', import.meta.url));
const YEAR = { by: 'user', from: 20260101, to: 20261231 } as const;

/** Runs into its fate; returns how many requests it has told of by then. */
async function run(t: Test, storagePath: string, fate: Fate): Promise<number> {
  const args = asUsersDo([CHILD, storagePath, fate]);
  const child = spawn(...args, { stdio: ['ignore', 'pipe', 'inherit'] });
  let told = '';
  child.stdout.on('data', (data: Buffer) => (told += data.toString()));
  const [, signal] = (await once(child, 'close')) as [number | null, string | null];
  t.equal(signal, 'SIGKILL', 'it gets there');
  return told.split('settled').length - 1;
}

const GIVEN = { budget: budgetOf(), archiveBytesMax: 1e6 };

for (const [title, fate] of Object.entries(POINTS)) {
  const skip = fate.startsWith('writing/move') && unmappable;
  t.test(`killed ${title}: all is booked, once`, { skip }, async (t) => {
    const storagePath = t.testdir();
    const settled = await run(t, storagePath, fate);
    const keeper = new Bookkeeper({
      ...GIVEN,
      storagePath,
      channels: [],
      onAlerts: () => undefined,
    });
    keeper.start(NOON_MS);
    const isRaised = fate.startsWith('retiring') || fate === 'raising/commit/1/after';
    t.equal(keeper.raises().length, isRaised ? 1 : 0, 'what is recorded is in force');
    await keeper.close();
    const { total } = await spend(storagePath, YEAR);
    const beyond = total - BigInt(settled) * COST_NANO;
    t.ok([0n, COST_NANO, HELD_NANO].includes(beyond), `${beyond} beyond what it had told of`);
    t.match(await verify(storagePath), { drift: 0n, problems: { length: 0 } });
    if (!/seal|\/move|make|rename/.test(fate)) return;
    const { isComplete } = await rebuild({ ...GIVEN, storagePath, force: true, nowMs: NOON_MS });
    t.ok(isComplete, 'the journals still have all of it');
    t.equal((await spend(storagePath, YEAR)).total, total);
  });
}
