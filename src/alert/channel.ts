// What the ways to people have in common: each takes one alert to one place and says whether it
// arrived. None retries, none remembers, none shows a secret.

import type { AlertEvent, ChannelPlan } from '../kernel/alert.js';

export type Delivery =
  | { readonly ok: true }
  | {
      readonly ok: false;
      readonly error: string;
      /** The receiver asks to be left alone for so long. */
      readonly retryAfterMs?: number;
    };

export interface SendOptions {
  readonly nowMs: number;
  /** Ends an attempt under way. */
  readonly signal?: AbortSignal;
}

export interface Channel {
  readonly plan: ChannelPlan;
  readonly kind: 'log' | 'webhook' | 'mail';
  /** For people: no more of the address than anyone may see. */
  readonly label: string;
  /** So many alerts at once; those of one budget never. */
  readonly lanes: number;
  /** So many are read and booked together. Each booking syncs the disk. */
  readonly page: number;
  /** Never rejects. */
  send(event: AlertEvent, options: SendOptions): Promise<Delivery>;
  /** Whether an alert would arrive, at the least cost to the receiver. Never rejects. */
  probe(options: SendOptions): Promise<Delivery>;
  close(): void;
}

/** What `alerts test` sends, and a webhook's probe. */
export const testEvent = (nowMs: number, eventId: string): AlertEvent => ({
  eventId,
  event: 'test',
  occurredAtMs: nowMs,
  budget: null,
  details: { message: 'This is a test: alerts of TokenPak arrive here.' },
});
