// A process that writes journals and books over real files and a real LMDB, and dies at one named
// step of it: told which by its parent, whom it tells what it knows to be written.

import { writeSync } from 'node:fs';
import { join } from 'node:path';
import { messageOf } from '../../src/kernel/errors.js';
import { nano } from '../../src/kernel/money.js';
import { Bookkeeper } from '../../src/ledger/bookkeeper.js';
import { DISK, type Disk } from '../../src/ledger/disk.js';
import { type Environment, openEnvironment, type Table } from '../../src/ledger/environment.js';
import { Journal } from '../../src/ledger/journal.js';
import { FORMAT_VERSION, KIND, UNIT_BYTES } from '../../src/ledger/layout.js';
import { budgetOf, LOG, NOON_MS, reserveOf, settleOf } from '../ledger/samples.js';

/**
 * `phase/step/nth/when`: what the process is at, what it does there, the how manyeth time, and how
 * far it gets.
 */
export type Fate = `${Phase}/${Step}/${number}/${'before' | 'half way' | 'after'}`;
type Phase = 'writing' | 'booking' | 'ending' | 'raising' | 'retiring';
type Step = 'write' | 'seal' | 'move' | 'make' | 'rename' | 'remove' | 'put' | 'commit';

export const COST_NANO = 3n;
export const HELD_NANO = 1_000n;
const DAY_MS = 86_400_000;
const REQUESTS = 32;
const SEGMENT_BYTES = 32 * UNIT_BYTES;

const [storagePath = '', fate] = process.argv.slice(2);
const [fatalPhase, fatalStep, nth, when] = fate?.split('/') ?? [];
let phase: Phase = 'booking';
let left = Number(nth);

const die = (): void => {
  process.kill(process.pid, 'SIGKILL');
};

/** Takes a step, or dies before it, within it or after it. */
function take<T>(step: Step, whole: () => T, half: () => unknown = whole): T {
  const isIt = phase === fatalPhase && step === fatalStep && (left -= 1) === 0;
  if (isIt && when === 'before') die();
  if (isIt && when === 'half way') {
    half();
    die();
  }
  const value = whole();
  if (isIt) die();
  return value;
}

const isRecords = (bytes: Buffer): boolean => bytes[0] === FORMAT_VERSION;
const isSealed = (bytes: Buffer): boolean => bytes[bytes.length - UNIT_BYTES + 1] === KIND.seal;

const disk: Disk = {
  ...DISK,
  // Where records are stored in pages, the move to the next segment's is the only step.
  map(fd, bytes) {
    const mapping = fatalStep === 'move' ? DISK.map(fd, bytes) : null;
    if (mapping === null) return null;
    const moveTo = (next: number): void => take('move', () => mapping.moveTo(next));
    return { bytes: mapping.bytes, moveTo, close: () => mapping.close() };
  },
  write(fd, bytes, position) {
    const step = !isRecords(bytes) ? 'make' : isSealed(bytes) ? 'seal' : 'write';
    const cut = bytes.subarray(0, bytes.length - UNIT_BYTES / 2);
    return take(
      step,
      () => DISK.write(fd, bytes, position),
      () => DISK.write(fd, cut, position),
    );
  },
  create: async (path, pieces, durable) => {
    await DISK.create(path, pieces, durable);
    take('make', () => undefined);
  },
  rename: (from, to) => take('rename', () => DISK.rename(from, to)),
  remove: (path) => take('remove', () => DISK.remove(path)),
};

const tableOf = (table: Table): Table => ({
  get: (key) => table.get(key),
  doesExist: (key) => table.doesExist(key),
  putSync: (key, value) => take('put', () => table.putSync(key, value)),
  removeSync: (key) => take('put', () => table.removeSync(key)),
  getRange: (range) => table.getRange(range),
});

function environmentAt(path: string): Environment {
  const real = openEnvironment(path, false);
  return {
    openDB: (options) => tableOf(real.openDB(options)),
    transactionSync: (action) => take('commit', () => real.transactionSync(action)),
    resetReadTxn: () => real.resetReadTxn(),
    close: () => real.close(),
  };
}

const tell = (what: string): void => {
  writeSync(1, `${what}\n`);
};

const openKeeper = (): Bookkeeper =>
  new Bookkeeper({
    storagePath,
    budget: budgetOf(),
    channels: [LOG],
    retentionDays: 1,
    archiveBytesMax: 1e6,
    onAlerts: () => undefined,
    disk,
    openEnvironment: environmentAt,
  });

async function write(keeper: Bookkeeper): Promise<void> {
  const journalId = keeper.nextJournalId();
  const directory = join(storagePath, 'journal');
  const options = { directory, journalId, segmentBytes: SEGMENT_BYTES, disk };
  const journal = new Journal({ ...options, durability: 'process' });
  for (let request = 0; request < REQUESTS;) {
    phase = 'writing';
    try {
      const id = journal.reserve(reserveOf({ amount: nano(HELD_NANO) }));
      journal.flush();
      journal.settle(settleOf(id, { cost: nano(COST_NANO) }));
      journal.flush();
      request += 1;
      tell('settled');
    } catch (error) {
      if (!messageOf(error).includes('the next journal segment is not there yet')) throw error;
      await new Promise((resolve) => setImmediate(resolve));
    }
    phase = 'booking';
    if (request % 4 === 0) keeper.drained(NOON_MS);
  }
  phase = 'ending';
  journal.close();
  keeper.recover(journalId, NOON_MS);
}

if (fate !== undefined) {
  const keeper = openKeeper();
  keeper.start(NOON_MS);
  await write(keeper);
  phase = 'raising';
  const given = { user: null, window: 'daily', reason: '', endedAtMs: null } as const;
  const times = { createdAtMs: NOON_MS, expiresAtMs: NOON_MS + DAY_MS };
  keeper.putRaise({ id: 'raise_1', amount: nano(1n), ...given, ...times });
  phase = 'retiring';
  while (keeper.sweep(NOON_MS + 9 * DAY_MS));
  await keeper.close();
}
