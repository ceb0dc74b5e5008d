// Takes each alert to all its channels: the log line at once, then every webhook, in order per URL,
// retried for a while. What it does not bring home stays undelivered in the ledger's outbox.

import { createHash } from 'node:crypto';
import { setTimeout as wait } from 'node:timers/promises';
import type { BudgetConfig, Config } from '../config/config.js';
import { type AlertEvent, channelsFor, LOG_CHANNEL } from '../kernel/alert.js';
import { messageOf } from '../kernel/errors.js';
import { alertLine } from './line.js';
import { AlertLog } from './log.js';
import { deliver } from './webhook.js';

export interface DispatcherOptions {
  readonly config: Config;
  readonly now: () => number;
  readonly markDelivered: (eventId: string, channel: string) => void;
  /** Told in one sentence, without secrets, what could not be delivered. */
  readonly onFailure?: (message: string) => void;
  /** One more attempt after each of these. */
  readonly retryDelaysMs?: readonly number[];
}

/** A webhook's name in the ledger: its URL may be a secret, a hash of it is not. */
export const channelOf = (url: string): string =>
  createHash('sha256').update(url).digest('hex').slice(0, 16);

const webhooksOf = ({ alertWebhooks }: BudgetConfig): string[] =>
  alertWebhooks.filter((url) => !url.startsWith('mailto:'));

/** Everything that alerts are taken to: what the ledger's outbox owes each of them. */
export const channelsOf = (budget: BudgetConfig): string[] => [
  LOG_CHANNEL,
  ...webhooksOf(budget).map(channelOf),
];

const RETRY_DELAYS_MS = [1_000, 5_000, 25_000];
const TIMEOUT_MS = 10_000;
/** Alerts that wait for one URL. More than that stay in the outbox; the log has had them. */
const WAITING_MAX = 1_000;

interface Channel {
  readonly url: string;
  readonly name: string;
  waiting: number;
  /** Settles when all that was dispatched so far has been delivered or given up. Never rejects. */
  tail: Promise<void>;
}

export class AlertDispatcher {
  readonly #options: DispatcherOptions;
  readonly #log: AlertLog;
  readonly #channels: Channel[];
  readonly #closing = new AbortController();

  constructor(options: DispatcherOptions) {
    const { alerts, budget, storage } = options.config;
    this.#options = options;
    this.#log = new AlertLog({ logFile: alerts.logFile, storagePath: storage.path });
    this.#channels = webhooksOf(budget).map((url) => ({
      url,
      name: channelOf(url),
      waiting: 0,
      tail: Promise.resolve(),
    }));
  }

  /** `delivered`: channels that have had this event before, as after a restart. */
  dispatch(event: AlertEvent, delivered: readonly string[] = []): void {
    if (!delivered.includes(LOG_CHANNEL)) this.#writeLine(event);
    const names = channelsFor(
      event.event,
      this.#channels.map(({ name }) => name),
    );
    for (const channel of this.#channels) {
      if (names.includes(channel.name) && !delivered.includes(channel.name)) {
        this.#enqueue(channel, event);
      }
    }
  }

  /** Resolves when everything dispatched so far has been delivered or given up. */
  async flush(): Promise<void> {
    await Promise.all(this.#channels.map((channel) => channel.tail));
  }

  /** Ends the waits between attempts; an attempt under way is let finish. */
  async close(): Promise<void> {
    this.#closing.abort();
    await this.flush();
  }

  #writeLine(event: AlertEvent): void {
    try {
      this.#log.append(alertLine(event));
    } catch (error) {
      this.#options.onFailure?.(messageOf(error));
      return;
    }
    this.#options.markDelivered(event.eventId, LOG_CHANNEL);
  }

  #enqueue(channel: Channel, event: AlertEvent): void {
    if (channel.waiting >= WAITING_MAX) {
      this.#options.onFailure?.(`alert ${event.eventId} not sent: ${WAITING_MAX} wait before it`);
      return;
    }
    channel.waiting += 1;
    channel.tail = channel.tail
      .then(() => this.#send(channel, event))
      .catch((error: unknown) => this.#options.onFailure?.(messageOf(error)))
      .finally(() => {
        channel.waiting -= 1;
      });
  }

  async #send({ url, name }: Channel, event: AlertEvent): Promise<void> {
    const { config, now, markDelivered, onFailure } = this.#options;
    const delays = this.#options.retryDelaysMs ?? RETRY_DELAYS_MS;
    const secret = config.alerts.webhookSecret;
    let error = 'shutting down';
    for (let attempt = 0; !this.#closing.signal.aborted; attempt += 1) {
      const delivery = await deliver(url, event, { secret, timeoutMs: TIMEOUT_MS, nowMs: now() });
      if (delivery.ok) return markDelivered(event.eventId, name);
      error = delivery.error;
      const delayMs = delays[attempt];
      if (delayMs === undefined) break;
      await this.#pause(delayMs);
    }
    onFailure?.(`alert ${event.event} not delivered: ${error}`);
  }

  async #pause(delayMs: number): Promise<void> {
    try {
      await wait(delayMs, undefined, { signal: this.#closing.signal });
    } catch {
      // Closing: the loop sees it.
    }
  }
}
