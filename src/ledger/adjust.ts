// Corrections by invoices, on their way into the books: through a journal of their own, as
// everything, so that a crash half way is replayed and what is booked already is not booked again.

import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import type { Disk } from './disk.js';
import { Journal } from './journal.js';
import type { Adjusted, Adjustment } from './protocol.js';
import type { Store } from './store.js';
import { utcTotalsKey } from './utc-totals.js';

export interface AdjustPlace {
  readonly store: Store;
  readonly journals: string;
  readonly disk: Disk;
  /** Books a journal to its end, and removes it. */
  readonly finish: (journalId: number) => void;
}

export function adjust(
  wanted: readonly Adjustment[],
  timeMs: number,
  { store, journals, disk, finish }: AdjustPlace,
): Adjusted[] {
  const bookedOf = (one: Adjustment): NanoUsd =>
    store.utcTotalsOf(utcTotalsKey({ ...one, model: '' }))?.cost ?? ZERO_USD;
  const before = wanted.map(bookedOf);
  const journalId = store.nextJournalId();
  const journal = new Journal({ directory: journals, journalId, durability: 'power', disk });
  try {
    for (const adjustment of wanted) journal.adjust({ ...adjustment, timeMs });
  } finally {
    journal.close();
  }
  finish(journalId);
  return wanted.map((one, index) => {
    const added = nano(bookedOf(one) - (before[index] as NanoUsd));
    return { ...one, added };
  });
}
