// Flips a bit of a database, again and again, and tells its parent what the checks made of it. In a
// process of its own: a page tree that points anywhere may take its reader down with it.

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/kernel/errors.js';
import { spend } from '../../src/ledger/spend.js';
import { verify } from '../../src/ledger/verify.js';

const [source, folder, seed, rounds] = process.argv.slice(2) as [string, string, string, string];
const whole = readFileSync(join(source, 'ledger.lmdb'));
const YEAR = { by: 'user', from: 20260101, to: 20261231 } as const;

/** `told`, or what was spent according to books in which no check found anything. */
async function look(storagePath: string): Promise<string> {
  try {
    const { problems } = await verify(storagePath);
    if (problems.length > 0) return 'told';
    const { total, rows } = await spend(storagePath, YEAR);
    return `${total} of ${rows.map(({ name, cost }) => `${name} ${cost}`).join(', ')}`;
  } catch (error) {
    return messageOf(error) === '' ? 'nothing' : 'told';
  }
}

let random = Number(seed);
for (let round = 0; round < Number(rounds); round += 1) {
  random = (Math.imul(random, 1_664_525) + 1_013_904_223) >>> 0;
  const storagePath = join(folder, String(round));
  cpSync(source, storagePath, { recursive: true });
  const bent = Buffer.from(whole);
  const at = (random >>> 8) % bent.length;
  bent[at] = (bent[at] as number) ^ (1 << (random >>> 29));
  writeFileSync(join(storagePath, 'ledger.lmdb'), bent);
  process.send?.({ at, found: await look(storagePath) });
}
process.disconnect();
