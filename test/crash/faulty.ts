// What the tests of failing disks share: a proxy whose provider keeps its own bill, callers that
// ask until it is gone, and a look at the books after the next start.

import { execFileSync } from 'node:child_process';
import type { Test } from 'tap';
import { messageOf } from '../../src/kernel/errors.js';
import { parseDecimal } from '../../src/kernel/money.js';
import { verify } from '../../src/ledger/verify.js';
import { startMock } from '../../src/mock/provider.js';
import { post, type RunningProxy, startProxy } from '../flow/harness.js';
import { asking, atRest, CENT_A_TOKEN, config } from '../flow/setup.js';

export interface Scene {
  readonly options: { folder: string; config: string };
  /** What the provider has billed, in cents. */
  readonly billed: () => number;
}

export async function sceneOf(t: Test, folder: string, durability = 'process'): Promise<Scene> {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const file = config({
    folder,
    providerUrl: mock.url,
    budget: 'daily_limit_cents: 100000',
    storage: `path: ${folder}/disk/data, max_journal_bytes: 16777216, durability: ${durability}`,
  });
  return { options: { folder, config: file }, billed: () => mock.bill().requests * 5 };
}

export const ask = (proxy: RunningProxy) =>
  post(`${proxy.url}/v1/chat/completions`, 'ann', asking(5)).catch(() => null);

/** Asks until the proxy is gone; returns how many answers came, and the refusals. */
export async function askToTheEnd(
  proxy: RunningProxy,
): Promise<{ answers: number; codes: unknown[] }> {
  let answers = 0;
  const codes: unknown[] = [];
  for (let answer = await ask(proxy); answer !== null; answer = await ask(proxy)) {
    if (answer.status === 200) answers += 1;
    else codes.push((answer.json['error'] as { code?: string } | undefined)?.code);
  }
  return { answers, codes };
}

const cents = (count: number): bigint => BigInt(count) * 10_000_000n;

/** After a fault: books that hold every answer, and nothing that the provider did not bill. */
export async function goesOn(t: Test, { options, billed }: Scene, answers: number): Promise<void> {
  const proxy = await startProxy(t, options);
  const { spent_usd: spent } = await atRest(proxy, 'ann');
  // A float has no place here: 2.30 * 100 is less than 230.
  const booked = parseDecimal(spent, 9) ?? -1n;
  t.ok(booked >= cents(billed()), `$${spent} booked of ${billed()} cents billed`);
  t.ok(booked >= cents(answers * 5), `$${spent} booked for ${answers} answers`);
  const next = await ask(proxy);
  t.equal(next?.status, 200, 'and it serves again');
  t.equal(await proxy.end(), 0);
  t.match(await verify(`${options.folder}/disk/data`), { drift: 0n, problems: { length: 0 } });
}

/** Why a tool that a fault needs cannot be used here; false when it can. */
export function why(tool: string, args: readonly string[]): string | false {
  try {
    execFileSync(tool, args, { stdio: 'pipe' });
    return false;
  } catch (error) {
    return `${tool} cannot be used here: ${messageOf(error)}`;
  }
}
