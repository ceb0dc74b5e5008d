// Records to test with, and a journal's file seen as bytes.

import { readFileSync, writeFileSync } from 'node:fs';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Test } from 'tap';
import type { BudgetConfig } from '../../src/config/config.js';
import type { Attempt, ChannelPlan } from '../../src/kernel/alert.js';
import { nano } from '../../src/kernel/money.js';
import type { JournalRecord, ReserveRecord, SettleRecord } from '../../src/kernel/record.js';
import { Ledger } from '../../src/ledger/client.js';
import type { Booked } from '../../src/ledger/fold.js';
import type { Journal } from '../../src/ledger/journal.js';
import { canMapIn } from '../../src/ledger/mapping.js';
import { JOURNAL_START, Tail } from '../../src/ledger/tail.js';
import { budgetConfig, cents } from '../budget/fixture.js';
import { segmentPath } from '../../src/ledger/segment.js';

export const NOON_MS = Date.UTC(2026, 2, 25, 12);

export const reserveOf = (
  changes: Partial<ReserveRecord> = {},
): Omit<ReserveRecord, 'kind' | 'reservationId'> => ({
  timeMs: NOON_MS,
  date: 20260325,
  user: 'user-a',
  model: 'gpt-4',
  requestedModel: 'gpt-4',
  provider: 'openai',
  amount: nano(2_000_000_000n),
  inputBoundTokens: 20_400,
  priceVersion: 'bundled@2026-09-01',
  maxOutputTokens: 20_000,
  deadlineMs: NOON_MS + 600_000,
  worst: changes.amount ?? nano(2_000_000_000n),
  retryCount: 0,
  api: null,
  trace: null,
  ...changes,
});

export const settleOf = (
  reservationId: bigint,
  changes: Partial<SettleRecord> = {},
): Omit<SettleRecord, 'kind'> => ({
  reservationId,
  timeMs: NOON_MS + 1_500,
  cost: nano(1_800_000_000n),
  usage: {
    inputTokens: 20_000,
    cachedInputTokens: 3,
    cacheWriteTokens: 2,
    cacheWrite1hTokens: 1,
    outputTokens: 20_000,
    reasoningTokens: 7,
    audioInputTokens: 11,
    audioOutputTokens: 12,
    webSearches: 13,
    fileSearches: 14,
    serviceTier: 'flex',
  },
  source: 'provider',
  status: 200,
  priceVersion: 'config',
  overrun: false,
  ...changes,
});

export interface Reading {
  readonly records: JournalRecord[];
  readonly verdict: string;
  readonly fault: { path: string; offset: number; why: string } | null;
}

/** Reads a dead journal from its start and judges its end. */
export function readJournal(directory: string, journalId: number): Reading {
  const tail = new Tail(directory, journalId, JOURNAL_START);
  const records: JournalRecord[] = [];
  for (let more = tail.read(1000); more.length > 0; more = tail.read(1000)) records.push(...more);
  const verdict = tail.judge();
  const fault = tail.fault;
  tail.close();
  return { records, verdict, fault };
}

/** Changes a segment's bytes on disk. */
export function editSegment(
  directory: string,
  place: { journalId: number; number: number },
  edit: (bytes: Buffer) => Buffer | void,
): void {
  const path = segmentPath({ directory, ...place });
  const bytes = readFileSync(path);
  writeFileSync(path, edit(bytes) ?? bytes);
}

/** $10.00 a day for all, $3.00 a day for user-a, alerts at 50 and 80 percent. */
export const budgetOf = (changes: Partial<BudgetConfig> = {}): BudgetConfig => ({
  ...budgetConfig({ daily: cents(1000) }, { 'user-a': { daily: cents(300) } }),
  alertThresholdsPct: [50, 80],
  ...changes,
});

/** Books with nothing in them. */
export const NOTHING: Booked = {
  entrySequence: 0,
  openOf: () => undefined,
  totalsOf: () => undefined,
  utcTotalsOf: () => undefined,
  settledOf: () => undefined,
  isOwed: () => false,
};

/** A ledger that tells nobody, and whose failure is the test's. */
export const openLedger = (
  t: Test,
  storagePath: string,
  now = (): number => NOON_MS,
): Promise<Ledger> =>
  Ledger.open({
    storagePath,
    budget: budgetOf(),
    channels: [],
    onAlerts: () => undefined,
    onFailure: (error) => t.fail(error),
    now,
  });

export const LOG: ChannelPlan = { name: 'log', standbyMs: null };
export const HOOK: ChannelPlan = { name: 'hook', standbyMs: null };

/** Later than any alert of a test is due. */
export const FAR_MS = NOON_MS + 30 * 86_400_000;

export const delivered = (eventId: string): Attempt => ({ eventId, error: null, nextTryMs: null });

/** Waits for the next segment where the one at hand is full. */
export async function reserveWhenReady(journal: Journal, user: string): Promise<bigint> {
  for (;;) {
    try {
      return journal.reserve(reserveOf({ user }));
    } catch (error) {
      if ((error as { code?: string }).code !== 'ledger_unavailable' || journal.failed) throw error;
      await turn();
    }
  }
}

/** Why journals cannot be mapped where tests keep theirs; `false` where they can. */
export const unmappable: string | false =
  !canMapIn(fileURLToPath(new URL('.', import.meta.url))) &&
  'no file of this file system is mapped';
