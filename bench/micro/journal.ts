// The journal's share of a request: a reserve record before it, a settle record after it. Stored in
// the segment's own pages; and where no file can be mapped, written by a call each, or gathered.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nano } from '../../src/kernel/money.js';
import { NO_USAGE } from '../../src/kernel/usage.js';
import { DISK, type Disk } from '../../src/ledger/disk.js';
import { Journal } from '../../src/ledger/journal.js';
import type { MicroCase } from './case.js';

const GATHERED = 32;
/** A round is one turn of the loop, in which no next segment appears. */
const SEGMENT_BYTES = 256 * 1024 * 1024;
const CALLS: Disk = { ...DISK, map: () => null };

const RESERVE = {
  timeMs: 1_774_432_800_000,
  date: 20260325,
  user: 'bench',
  model: 'gpt-4',
  requestedModel: 'gpt-4',
  provider: 'openai',
  amount: nano(24_360_000n),
  inputBoundTokens: 300,
  priceVersion: 'bundled@2026-09-01',
  maxOutputTokens: 256,
  deadlineMs: 1_774_433_400_000,
  retryCount: 0,
  api: null,
  trace: null,
  worst: nano(24_360_000n),
};

const SETTLE = {
  timeMs: 1_774_432_801_000,
  cost: nano(4_710_000n),
  usage: { ...NO_USAGE, inputTokens: 61, outputTokens: 48 },
  source: 'provider',
  status: 200,
  priceVersion: 'config',
  overrun: false,
} as const;

export const journal = (): readonly MicroCase[] => [
  journalCase('journal: reserve, settle', DISK),
  journalCase('journal: reserve, write, settle, write', CALLS),
  journalCase(`journal: the same, ${GATHERED} to a write`, CALLS, GATHERED),
];

function journalCase(name: string, disk: Disk, gathered = 1): MicroCase {
  const directory = mkdtempSync(join(tmpdir(), 'tokenpak-bench-'));
  const writer = new Journal({
    directory,
    journalId: 1,
    segmentBytes: SEGMENT_BYTES,
    durability: 'process',
    disk,
  });
  return {
    name,
    run(iterations) {
      for (let done = 0; done < iterations; done += gathered) {
        const ids = Array.from({ length: gathered }, () => writer.reserve(RESERVE));
        writer.flush();
        for (const reservationId of ids) writer.settle({ reservationId, ...SETTLE });
        writer.flush();
      }
      return writer.openReservations;
    },
    close() {
      writer.close();
      rmSync(directory, { recursive: true, force: true });
    },
  };
}
