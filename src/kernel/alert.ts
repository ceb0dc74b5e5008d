// What there is to tell people: the events, what each says, and the id by which it is told once.

import { hash } from 'node:crypto';
import type { NanoUsd } from './money.js';
import type { Scope, WindowKind } from './scope.js';

/** Events of a budget: each once per budget, window and occasion. */
export type BudgetEventName =
  | 'budget_threshold_exceeded'
  /** The first rejection in a window. */
  | 'budget_exceeded'
  /** At the present rate the cap is reached before the window ends; or no longer. */
  | 'budget_forecast'
  /** A provider billed more than a request's own maximum. */
  | 'settlement_overrun'
  /** A stream brought tokens and no usage: it is booked at an estimate. */
  | 'stream_without_cost';

/** The budget that an event is about, as it stood then. */
export interface BudgetState {
  readonly scope: Scope;
  readonly window: WindowKind;
  readonly windowStartMs: number;
  readonly windowEndMs: number;
  /** The threshold that was crossed, in percent; `null` for the other events. */
  readonly thresholdPct: number | null;
  readonly spent: NanoUsd;
  readonly limit: NanoUsd | null;
}

/** What an event says beside its budget, by names as they stand in payload and log line. */
export type AlertDetails = Readonly<Record<string, string | number>>;

export interface AlertEvent {
  /** The same for every delivery and replay of this event: receivers drop repeats by it. */
  readonly eventId: string;
  /** `test` is only what `alerts test` sends. */
  readonly event: BudgetEventName | Notice['event'] | 'test';
  readonly occurredAtMs: number;
  /** `null` when the proxy as a whole has something to tell. */
  readonly budget: BudgetState | null;
  readonly details: AlertDetails;
}

/** What the proxy as a whole has to tell. Raised once per event and `key`, whoever raises it. */
export type Notice = { readonly key: string; readonly occurredAtMs: number } & (
  | { readonly event: 'ledger_unavailable'; readonly details: { readonly reason: string } }
  | {
      readonly event: 'pricing_stale';
      /** `since`: when prices were last fetched well, as an ISO time, or `never`. */
      readonly details: {
        readonly source: string;
        readonly since: string;
        readonly reason: string;
      };
    }
  | {
      readonly event: 'spend_drift';
      /** Amounts as exact decimals; `day` in UTC, `drift_pct` of the provider's amount. */
      readonly details: {
        readonly provider: string;
        readonly day: string;
        readonly ledger_usd: string;
        readonly provider_usd: string;
        readonly drift_pct: string;
      };
    }
);

/** An id that fits a header, a file and a key, whatever names went into the occasion. */
export const alertId = (occasion: string): string =>
  `evt_${hash('sha256', occasion, 'hex').slice(0, 32)}`;

export const noticeEvent = ({ event, key, occurredAtMs, details }: Notice): AlertEvent => ({
  eventId: alertId(`${event}|${key}`),
  event,
  occurredAtMs,
  budget: null,
  details,
});

/** The channel of the log file. Every other channel is a webhook or a mailbox. */
export const LOG_CHANNEL = 'log';

/** A channel as the outbox knows it: its name is no secret, its address may be one. */
export interface ChannelPlan {
  readonly name: string;
  /** A fallback: it is owed only what a webhook has not taken this long after the event. */
  readonly standbyMs: number | null;
}

/**
 * The channels that an event is for. An overrun says that a provider billed more than its own
 * limits: that is for whoever reads the log, not for whoever watches a budget.
 */
export const channelsFor = (
  event: AlertEvent['event'],
  channels: readonly ChannelPlan[],
): readonly ChannelPlan[] =>
  event === 'settlement_overrun' ? channels.filter(({ name }) => name === LOG_CHANNEL) : channels;

/** How far an alert has come on one channel. */
export interface ChannelState {
  /** `standby`: a fallback that waits whether it is needed. `dead`: given up. */
  readonly state: 'pending' | 'standby' | 'delivered' | 'dead';
  readonly attempts: number;
  /** While it is pending or on standby. */
  readonly nextTryMs: number | null;
  /** Without secrets. */
  readonly lastError: string | null;
}

/** An alert and where it stands on each of its channels, by their names. */
export interface OwedAlert {
  readonly event: AlertEvent;
  readonly channels: Readonly<Record<string, ChannelState>>;
}

/** What is due on a channel now; when there is nothing, the time at which there is. */
export interface DuePage {
  readonly alerts: readonly { readonly event: AlertEvent; readonly attempts: number }[];
  readonly nextDueMs: number | null;
}

/** One attempt to deliver an alert, and what came of it. */
export interface Attempt {
  readonly eventId: string;
  /** `null`: delivered. */
  readonly error: string | null;
  /** Of a failed one; `null`: there will be no other. */
  readonly nextTryMs: number | null;
}
