// Takes owed alerts to people: a courier for each channel, woken when there is something new. What
// it does not bring home stays in the outbox, for later or for the next process.

import type { AlertEvent } from '../kernel/alert.js';
import type { Channel } from './channel.js';
import { type AlertOutbox, type Clock, Courier } from './courier.js';

export interface DeliveryOptions {
  readonly channels: readonly Channel[];
  readonly outbox: AlertOutbox;
  readonly clock: Clock;
  readonly tell: (message: string) => void;
}

export class AlertDelivery {
  readonly #options: DeliveryOptions;
  readonly #couriers: readonly Courier[];

  constructor(options: DeliveryOptions) {
    this.#options = options;
    const { channels, ...rest } = options;
    this.#couriers = channels.map((channel) => new Courier({ channel, ...rest }));
  }

  /** There may be something to deliver. Resolves when all that is due has been tried. */
  async wake(): Promise<void> {
    await Promise.all(this.#couriers.map((courier) => courier.wake()));
  }

  /** Tells people at once and once, past an outbox that cannot be written. */
  async tellNow(event: AlertEvent): Promise<void> {
    const nowMs = this.#options.clock.now();
    await Promise.all(this.#options.channels.map((channel) => channel.send(event, { nowMs })));
  }

  async close(): Promise<void> {
    await Promise.all(this.#couriers.map((courier) => courier.close()));
  }
}
