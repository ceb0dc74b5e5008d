// What there is to tell people about a budget: one event per budget, window and threshold.

import type { NanoUsd } from './money.js';
import type { Scope, WindowKind } from './scope.js';

export interface AlertEvent {
  /** The same for every delivery and replay of this event: receivers drop repeats by it. */
  readonly eventId: string;
  /**
   * `budget_exceeded`: the first rejection in a window. `settlement_overrun`: billed past the cap.
   */
  readonly event: 'budget_threshold_exceeded' | 'budget_exceeded' | 'settlement_overrun';
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** The threshold that was crossed, in percent; `null` for the other events. */
  readonly thresholdPct: number | null;
  readonly spent: NanoUsd;
  readonly limit: NanoUsd | null;
  readonly occurredAtMs: number;
}

/** The channel of the log file. Every other channel is a webhook. */
export const LOG_CHANNEL = 'log';

/**
 * The channels that an event is for. An overrun says that a provider billed more than its own
 * limits: that is for whoever reads the log, not for whoever watches a budget.
 */
export const channelsFor = (
  event: AlertEvent['event'],
  channels: readonly string[],
): readonly string[] =>
  event === 'settlement_overrun' ? channels.filter((name) => name === LOG_CHANNEL) : channels;
