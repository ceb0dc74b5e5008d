// Alerts in the supervisor's thread: the channels of the config, delivery from the ledger's outbox
// with the process's clock, and what the end of the process still owes.

import type { Channel } from '../alert/channel.js';
import { channelsInUse } from '../alert/channels.js';
import type { Clock } from '../alert/courier.js';
import { AlertDelivery } from '../alert/delivery.js';
import type { Config } from '../config/config.js';
import { type ChannelPlan, type Notice, noticeEvent } from '../kernel/alert.js';
import { messageOf } from '../kernel/errors.js';
import type { Ledger } from '../ledger/client.js';

/**
 * How long the end of the process waits for alerts under way. The rest goes out at the next start.
 */
const FLUSH_MS = 5_000;
/** Between two looks at where spending leads. */
const FORECAST_MS = 60_000;

const clock: Clock = {
  now: () => Date.now(),
  random: () => Math.random(),
  schedule(run, delayMs) {
    const timer = setTimeout(run, delayMs);
    return () => clearTimeout(timer);
  },
};

export interface AlertsOptions {
  readonly config: Config;
  readonly tell: (message: string) => void;
}

export class Alerts {
  readonly #tell: (message: string) => void;
  readonly #channels: readonly Channel[];
  #ledger: Ledger | null = null;
  #delivery: AlertDelivery | null = null;
  #forecasts: NodeJS.Timeout | undefined;
  /** What the outbox could not take: told past it. */
  #untold: Promise<unknown> = Promise.resolve();

  constructor({ config, tell }: AlertsOptions) {
    this.#tell = tell;
    this.#channels = channelsInUse(config);
  }

  /** What the ledger owes each alert to. */
  get plans(): ChannelPlan[] {
    return this.#channels.map(({ plan }) => plan);
  }

  start(ledger: Ledger): void {
    this.#ledger = ledger;
    const delivery = { channels: this.#channels, outbox: ledger, clock, tell: this.#tell };
    this.#delivery = new AlertDelivery(delivery);
    this.#forecasts = setInterval(() => {
      ledger.forecast().catch((error: unknown) => this.#tell(`no forecast: ${messageOf(error)}`));
    }, FORECAST_MS).unref();
    this.wake();
  }

  wake(): void {
    void this.#delivery?.wake();
  }

  /** Tells people once per event and key, past the outbox when that takes nothing. */
  raise(notice: Notice): void {
    if (this.#ledger === null) return;
    const raised = this.#ledger.raise(notice);
    this.#untold = raised.catch(() => this.#delivery?.tellNow(noticeEvent(notice)));
  }

  ledgerFailed(reason: string): void {
    const occurredAtMs = clock.now();
    const hour = new Date(occurredAtMs).toISOString().slice(0, 13);
    this.raise({ event: 'ledger_unavailable', key: hour, occurredAtMs, details: { reason } });
  }

  /** Delivers what is due, for some seconds at most. */
  async end(): Promise<void> {
    if (this.#delivery === null) return;
    clearInterval(this.#forecasts);
    const delivered = this.#untold.then(() => this.#delivery?.wake());
    await Promise.race([delivered, pause(FLUSH_MS)]);
    await this.#delivery.close();
  }
}

const pause = (ms: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, ms).unref();
  });
