// The channel of one URL: a POST for each alert, signed as Standard Webhooks are. Follows no
// redirect, reaches public addresses only, waits no longer than told, and never shows a URL's path:
// it may be the secret.

import { createHmac, randomUUID } from 'node:crypto';
import type { Agent } from 'undici';
import { type AlertEvent, alertId, type ChannelPlan } from '../kernel/alert.js';
import { timeText } from '../kernel/calendar.js';
import { usdText } from '../kernel/money.js';
import { scopeUser } from '../kernel/scope.js';
import { type Channel, type Delivery, type SendOptions, testEvent } from './channel.js';
import { alertLine, percentOf } from './line.js';
import { guardedLookup, refuseLiteral } from './public-address.js';

export interface WebhookOptions {
  readonly url: string;
  readonly plan: ChannelPlan;
  /** `whsec_` and base64, or any text; each signs. */
  readonly secrets: readonly string[];
  readonly timeoutMs?: number;
  /** Another resolver of names, in tests. */
  readonly resolve?: Parameters<typeof guardedLookup>[1];
}

/** Standard Webhooks asks for less than 20 KB; ours are under 4 KB, the longest names included. */
const BODY_BYTES_MAX = 20_000;
/** Of the answer only the status counts. */
const ANSWER_BYTES_MAX = 16_384;
const TIMEOUT_MS = 10_000;
const LANES = 4;
/** What a receiver may ask for at most; a longer wait would be an alert that is never sent. */
const RETRY_AFTER_MS_MAX = 86_400_000;

const isSlack = (url: URL): boolean => url.hostname === 'hooks.slack.com';

/** Slack's own escapes: without them a name could mention a channel. */
const slackText = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');

const instant = (timeMs: number | undefined): string | null =>
  timeMs === undefined ? null : timeText(timeMs);

/**
 * The JSON body for a URL, or Slack's `{text}`. `user` is `*` for the budget of everyone, and all
 * that tells of a budget is null in an event that is about none.
 */
export function payload(event: AlertEvent, url: URL): string {
  if (isSlack(url)) return JSON.stringify({ text: slackText(alertLine(event)) });
  const { eventId, budget, details } = event;
  return JSON.stringify({
    event_id: eventId,
    event: event.event,
    user: budget === null ? null : (scopeUser(budget.scope) ?? '*'),
    window: budget?.window ?? null,
    window_start: instant(budget?.windowStartMs),
    window_end: instant(budget?.windowEndMs),
    threshold_pct: budget?.thresholdPct ?? null,
    spent_usd: budget === null ? null : usdText(budget.spent),
    limit_usd: budget === null || budget.limit === null ? null : usdText(budget.limit),
    pct: budget === null ? null : percentOf(budget),
    occurred_at: timeText(event.occurredAtMs),
    ...details,
  });
}

interface Message {
  readonly id: string;
  readonly timestampSeconds: number;
  readonly body: string;
}

/** `v1,<base64>`: HMAC-SHA256 over `id.timestamp.body`. */
function sign(secret: string, { id, timestampSeconds, body }: Message): string {
  const key = secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
  const mac = createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`);
  return `v1,${mac.digest('base64')}`;
}

export class WebhookChannel implements Channel {
  readonly plan: ChannelPlan;
  readonly kind = 'webhook';
  readonly label: string;
  readonly lanes = LANES;
  readonly page = 32;
  readonly #url: URL;
  readonly #options: WebhookOptions;
  readonly #timeoutMs: number;
  /** Made with the first alert, and its library loaded: a start pays for neither. */
  #agent: Agent | null = null;

  constructor(options: WebhookOptions) {
    this.#options = options;
    this.plan = options.plan;
    this.#url = new URL(options.url);
    this.label = `${this.#url.origin}/…`;
    this.#timeoutMs = options.timeoutMs ?? TIMEOUT_MS;
  }

  async send(event: AlertEvent, { nowMs, signal }: SendOptions): Promise<Delivery> {
    const body = payload(event, this.#url);
    if (Buffer.byteLength(body) >= BODY_BYTES_MAX) return this.#failed('alert too large');
    const timestampSeconds = Math.floor(nowMs / 1000);
    const timeout = AbortSignal.timeout(this.#timeoutMs);
    try {
      refuseLiteral(this.#url.hostname);
      const { Agent, request } = await import('undici');
      const lookup = guardedLookup(this.#url.hostname, this.#options.resolve);
      this.#agent ??= new Agent({ connections: LANES, connect: { lookup } });
      const {
        statusCode,
        headers,
        body: answer,
      } = await request(`${this.#url.origin}${this.#url.pathname}${this.#url.search}`, {
        method: 'POST',
        headers: this.#headers({ id: event.eventId, timestampSeconds, body }),
        body,
        dispatcher: this.#agent,
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      });
      await answer.dump({ limit: ANSWER_BYTES_MAX }).catch(() => undefined);
      if (statusCode >= 200 && statusCode < 300) return { ok: true };
      return this.#failed(`HTTP ${statusCode}`, retryAfterMs(headers['retry-after'], nowMs));
    } catch (error) {
      return this.#failed(this.#reasonOf(error));
    }
  }

  /** Nothing less tells whether the path is right: sends a test alert. */
  probe(options: SendOptions): Promise<Delivery> {
    return this.send(testEvent(options.nowMs, alertId(randomUUID())), options);
  }

  close(): void {
    void this.#agent?.destroy();
  }

  #headers(message: Message): Record<string, string> {
    const { username, password } = this.#url;
    const { secrets } = this.#options;
    const credentials = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
    return {
      'content-type': 'application/json',
      'user-agent': 'TokenPak',
      'webhook-id': message.id,
      'webhook-timestamp': String(message.timestampSeconds),
      ...(secrets.length > 0 && {
        'webhook-signature': secrets.map((secret) => sign(secret, message)).join(' '),
      }),
      ...(credentials !== ':' && {
        authorization: `Basic ${Buffer.from(credentials).toString('base64')}`,
      }),
    };
  }

  #failed(error: string, retryMs: number | null = null): Delivery {
    return { ok: false, error, ...(retryMs !== null && { retryAfterMs: retryMs }) };
  }

  /** The error's code or our own words, never another's message: that could quote the URL. */
  #reasonOf(error: unknown): string {
    if (!(error instanceof Error)) return 'failed';
    if (error.name === 'TimeoutError') return `no answer within ${this.#timeoutMs} ms`;
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'address_refused') return error.message;
    return typeof code === 'string' ? code : error.name;
  }
}

/** Seconds, or a date of HTTP. */
function retryAfterMs(value: string | string[] | undefined, nowMs: number): number | null {
  if (typeof value !== 'string') return null;
  const ms = /^\d+$/.test(value) ? Number(value) * 1000 : Date.parse(value) - nowMs;
  return ms > 0 ? Math.min(ms, RETRY_AFTER_MS_MAX) : null;
}
