// How long a start takes after a crash that left a million records to book: written by two
// journals, read back, folded and stored by the ledger's thread, as at any start.

import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nano } from '../src/kernel/money.js';
import { NO_USAGE } from '../src/kernel/usage.js';
import { Ledger, type LedgerOptions } from '../src/ledger/client.js';
import { Journal } from '../src/ledger/journal.js';
import { budgetConfig } from '../test/budget/fixture.js';

const USERS = 20;
const IN_FLIGHT = 200;
const START_MS = Date.UTC(2026, 2, 25, 12);
/** What the project promises. */
const SECONDS_MAX = 5;

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** A journal of so many requests, each of them two records. */
export async function writeJournal(
  directory: string,
  journalId: number,
  requests: number,
): Promise<void> {
  const journal = new Journal({ directory, journalId, durability: 'process' });
  const open: bigint[] = [];
  for (let index = 0; index < requests;) {
    const timeMs = START_MS + index;
    try {
      open.push(
        journal.reserve({
          timeMs,
          date: 20260325,
          user: `user-${(index * 7919) % USERS}`,
          model: index % 3 === 0 ? 'gpt-4' : 'gpt-4o',
          requestedModel: 'gpt-4o',
          provider: 'openai',
          amount: nano(24_360_000n),
          worst: nano(24_360_000n),
          inputBoundTokens: 300,
          priceVersion: 'bundled@2026-09-01',
          maxOutputTokens: 256,
          deadlineMs: timeMs + 600_000,
          retryCount: 0,
          api: 'chat',
          trace: null,
        }),
      );
      index += 1;
    } catch {
      await turn(); // in which the next segment appears
    }
    while (open.length > (index < requests ? IN_FLIGHT : 0)) settle(journal, open.shift(), timeMs);
    if (index % 16 === 0) journal.flush();
  }
  journal.close();
}

function settle(journal: Journal, reservationId: bigint | undefined, timeMs: number): void {
  if (reservationId === undefined) return;
  journal.settle({
    reservationId,
    timeMs,
    cost: nano(4_710_000n),
    usage: { ...NO_USAGE, inputTokens: 61, outputTokens: 48 },
    source: 'provider',
    status: 200,
    priceVersion: 'config',
    overrun: false,
  });
}

export const ledgerOptions = (storagePath: string): LedgerOptions => ({
  storagePath,
  budget: budgetConfig({ daily: nano(10n ** 15n), monthly: nano(10n ** 16n) }),
  channels: [],
  onAlerts: () => undefined,
  onFailure: (error) => {
    throw error;
  },
  now: () => START_MS,
});

/** Resolves to whether the start was as fast as promised. */
export async function replayBench(records: number): Promise<boolean> {
  const storagePath = mkdtempSync(join(tmpdir(), 'tokenpak-bench-'));
  const requests = Math.floor(records / 2);
  try {
    const directory = join(storagePath, 'journal');
    const open = () => Ledger.open(ledgerOptions(storagePath));
    await (await open()).close();
    for (const journalId of [1, 2]) await writeJournal(directory, journalId, requests / 2);
    const cpu = process.cpuUsage();
    const startedAt = performance.now();
    const ledger = await open();
    const seconds = (performance.now() - startedAt) / 1000;
    const { user, system } = process.cpuUsage(cpu);
    const { entries, openReservations } = await ledger.status(20260325);
    await ledger.close();
    const bytes = statSync(join(storagePath, 'ledger.lmdb')).size / requests;
    const rows = {
      'records replayed': (entries * 2).toLocaleString('en-US'),
      'open afterwards': openReservations,
      seconds: seconds.toFixed(2),
      'CPU, µs a request': ((user + system) / requests).toFixed(1),
      'database, bytes a request': bytes.toFixed(0),
      'memory at most, MiB': (process.resourceUsage().maxRSS / 1024).toFixed(0),
    };
    for (const [name, value] of Object.entries(rows)) {
      process.stdout.write(`${name.padEnd(28)}${value}\n`);
    }
    return seconds <= SECONDS_MAX && entries === requests;
  } finally {
    rmSync(storagePath, { recursive: true, force: true });
  }
}
