// The ledger thread's verbs that are about alerts: what is raised, forecast, due, tried, given up
// and sent again. All of it is state in the store; the supervisor does the sending.

import type { BudgetConfig } from '../config/config.js';
import {
  type AlertEvent,
  type Attempt,
  type ChannelPlan,
  type DuePage,
  type Notice,
  noticeEvent,
  type OwedAlert,
} from '../kernel/alert.js';
import type { Entry } from './entry.js';
import { Forecasts } from './forecast.js';
import type { AlertVerbs } from './protocol.js';
import type { Store } from './store.js';

export interface AlertDeskOptions {
  readonly store: Store;
  readonly budget: BudgetConfig;
  readonly channels: readonly ChannelPlan[];
  /** There is something new to deliver. */
  readonly onAlerts: () => void;
}

export class AlertDesk implements AlertVerbs {
  readonly #store: Store;
  readonly #onAlerts: () => void;
  #budget: BudgetConfig;
  #channels: readonly ChannelPlan[];
  #forecasts: Forecasts | null = null;

  constructor({ store, budget, channels, onAlerts }: AlertDeskOptions) {
    this.#store = store;
    this.#budget = budget;
    this.#channels = channels;
    this.#onAlerts = onAlerts;
  }

  get channels(): readonly ChannelPlan[] {
    return this.#channels;
  }

  /** The books are up to date. */
  start(nowMs: number): void {
    this.#store.outbox.retire(this.#channels);
    this.#forecasts = new Forecasts(this.#store, this.#budget, nowMs);
  }

  reconfigure(budget: BudgetConfig, channels: readonly ChannelPlan[]): void {
    this.#budget = budget;
    this.#channels = channels;
    this.#store.outbox.retire(channels);
  }

  /** What a commit has booked, and the alerts that it owes already. */
  booked(entries: readonly Entry[], alerts: number): void {
    this.#forecasts?.add(entries);
    if (alerts > 0) this.#onAlerts();
  }

  raise(notice: Notice): void {
    this.#owe([noticeEvent(notice)]);
  }

  forecast(nowMs: number): void {
    this.#owe(this.#forecasts?.look(this.#budget, nowMs) ?? []);
  }

  dueAlerts(channel: string, nowMs: number, limit: number): DuePage {
    return this.#store.outbox.due(channel, nowMs, limit);
  }

  attempted(channel: string, attempts: readonly Attempt[]): void {
    this.#store.outbox.settle(channel, attempts);
    // What a webhook has given up is due on its fallback.
    const givenUp = attempts.some(({ error, nextTryMs }) => error !== null && nextTryMs === null);
    if (givenUp) this.#onAlerts();
  }

  hurryAlerts(channel: string, nowMs: number): void {
    this.#store.outbox.hurry(channel, nowMs);
  }

  replayAlerts(eventId: string | null, nowMs: number): number {
    const replayed = this.#store.outbox.replay(eventId, this.#channels, nowMs);
    if (replayed > 0) this.#onAlerts();
    return replayed;
  }

  recentAlerts(limit: number): OwedAlert[] {
    const alerts: OwedAlert[] = [];
    for (const alert of this.#store.outbox.list()) {
      if (alerts.push(alert) >= limit) break;
    }
    return alerts;
  }

  #owe(events: readonly AlertEvent[]): void {
    if (events.length > 0 && this.#store.owe(events, this.#channels) > 0) this.#onAlerts();
  }
}
