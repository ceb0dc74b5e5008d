import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { verify } from '../../src/ledger/verify.js';
import { spend } from '../../src/ledger/spend.js';
import { openLedger } from './samples.js';

const DAY = { by: 'user', from: 20260325, to: 20260325 } as const;
const OPEN_NANO = 3_000n;

/** Kills a writing process after so many acknowledged settles; returns how many it had told of. */
async function killAfter(storagePath: string, settles: number): Promise<number> {
  const writer = fileURLToPath(new URL('./ledger-writer.js', import.meta.url));
  const child = fork(writer, [storagePath], { stdio: ['ignore', 'ignore', 'inherit', 'ipc'] });
  let acknowledged = 0;
  child.on('message', (count) => {
    acknowledged = Number(count);
    if (acknowledged >= settles) child.kill('SIGKILL');
  });
  await once(child, 'exit');
  return acknowledged;
}

t.test(
  'kill -9 again and again: what was flushed is spent, once, to the nano-dollar',
  async (t) => {
    const storagePath = t.testdir();
    let before = 0n;
    for (const settles of [1, 40, 400, 1_500]) {
      const acknowledged = await killAfter(storagePath, settles);
      const { total, faults } = await spend(storagePath, DAY);
      t.same(faults, []);
      const gained = total - before - OPEN_NANO;
      t.ok(gained >= BigInt(acknowledged), `${gained} booked of ${acknowledged} acknowledged`);
      before = total;
    }
    const ledger = await openLedger(t, storagePath);
    t.equal(
      (await spend(storagePath, DAY)).total,
      before,
      'the restart books what the report said',
    );
    const [global] = await ledger.balances(20260325);
    t.equal(global?.settled, before);
    await ledger.close();
    t.match(await verify(storagePath), { journalRecords: 0, problems: { length: 0 } });
  },
);
