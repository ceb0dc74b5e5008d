// The ledger of a data directory that no proxy holds, opened for as long as a verb takes.

import type { Config } from '../config/config.js';
import type { ChannelPlan } from '../kernel/alert.js';
import { Ledger } from '../ledger/client.js';

/** Alerts that come of it are owed to these channels; who delivers them looks for himself. */
export const openOwnLedger = (
  { storage, budget }: Config,
  channels: readonly ChannelPlan[],
  onFailure: (error: Error) => void,
): Promise<Ledger> =>
  Ledger.open({
    storagePath: storage.path,
    budget,
    retentionDays: storage.retentionDays,
    archiveBytesMax: storage.maxJournalBytes / 2,
    channels,
    onAlerts: () => undefined,
    onFailure,
    now: () => Date.now(),
  });
