// The ledger's outbox in this thread: what a courier asks of it, and a look into it.

import type { AlertOutbox } from '../../src/alert/courier.js';
import type { AlertEvent, ChannelPlan, OwedAlert } from '../../src/kernel/alert.js';
import { Fold } from '../../src/ledger/fold.js';
import { Store } from '../../src/ledger/store.js';
import { mkdirSync } from 'node:fs';

export interface TestOutbox {
  readonly outbox: AlertOutbox;
  readonly owe: (events: readonly AlertEvent[]) => void;
  readonly find: (eventId: string) => OwedAlert | null;
  readonly stop: () => Promise<void>;
}

export function outboxOf(storagePath: string, channels: readonly ChannelPlan[]): TestOutbox {
  mkdirSync(storagePath, { recursive: true });
  const store = new Store(storagePath, 'write');
  let stopped: Promise<void> | null = null;
  return {
    outbox: {
      dueAlerts: async (channel, nowMs, limit) => store.outbox.due(channel, nowMs, limit),
      attempted: async (channel, attempts) => store.outbox.settle(channel, attempts),
      hurryAlerts: async (channel, nowMs) => store.outbox.hurry(channel, nowMs),
    },
    owe: (events) => {
      const fold = new Fold(store, null);
      for (const event of events) fold.alerts.set(event.eventId, event);
      store.commit(fold, [], channels);
    },
    find: (eventId) => store.outbox.find(eventId),
    stop: () => (stopped ??= store.close()),
  };
}
