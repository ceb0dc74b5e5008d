// One POST of one alert to one URL, signed as the Standard Webhooks specification says.
// Follows no redirect, waits no longer than told, never shows a URL's path: it may be the secret.

import { createHmac } from 'node:crypto';
import { request } from 'undici';
import type { AlertEvent } from '../kernel/alert.js';
import { usdText } from '../kernel/money.js';
import { scopeUser } from '../kernel/scope.js';
import { alertLine, percentOf, timeText } from './line.js';

export type Delivery = { ok: true } | { ok: false; status?: number; error: string };

export interface DeliverOptions {
  /** `whsec_` and base64, or any text; `null`: unsigned. */
  readonly secret: string | null;
  readonly timeoutMs: number;
  readonly nowMs: number;
}

/** Standard Webhooks asks for less than 20 KB; ours are under 2 KB, the longest name included. */
const BODY_BYTES_MAX = 20_480;
/** Of the answer only the status counts. */
const ANSWER_BYTES_MAX = 16_384;

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

/** `v1,<base64>`: HMAC-SHA256 over `id.timestamp.body`. */
export function sign(
  secret: string,
  { id, timestampSeconds, body }: { id: string; timestampSeconds: number; body: string },
): string {
  const key = secret.startsWith('whsec_')
    ? Buffer.from(secret.slice('whsec_'.length), 'base64')
    : Buffer.from(secret, 'utf8');
  const mac = createHmac('sha256', key).update(`${id}.${timestampSeconds}.${body}`);
  return `v1,${mac.digest('base64')}`;
}

export async function deliver(
  url: string,
  event: AlertEvent,
  { secret, timeoutMs, nowMs }: DeliverOptions,
): Promise<Delivery> {
  const target = new URL(url);
  const body = payload(event, target);
  const failed = (error: string, status?: number): Delivery => ({
    ok: false,
    error: `${target.origin}/…: ${error}`,
    ...(status === undefined ? {} : { status }),
  });
  if (Buffer.byteLength(body) > BODY_BYTES_MAX) return failed('alert too large');

  const id = event.eventId;
  const timestampSeconds = Math.floor(nowMs / 1000);
  const headers: Record<string, string> = {
    'content-type': 'application/json',
    'user-agent': 'TokenPak',
    'webhook-id': id,
    'webhook-timestamp': String(timestampSeconds),
  };
  if (secret !== null) headers['webhook-signature'] = sign(secret, { id, timestampSeconds, body });
  try {
    const answer = await request(target, {
      method: 'POST',
      headers,
      body,
      // Alerts are rare: a connection kept open would only hold the process up.
      reset: true,
      signal: AbortSignal.timeout(timeoutMs),
    });
    const status = answer.statusCode;
    await answer.body.dump({ limit: ANSWER_BYTES_MAX }).catch(() => undefined);
    return status >= 200 && status < 300 ? { ok: true } : failed(`HTTP ${status}`, status);
  } catch (error) {
    return failed(reasonOf(error, timeoutMs));
  }
}

/** The error's code, never its message: that could quote the URL. */
function reasonOf(error: unknown, timeoutMs: number): string {
  if (!(error instanceof Error)) return 'failed';
  if (error.name === 'TimeoutError') return `no answer within ${timeoutMs} ms`;
  const { code } = error as NodeJS.ErrnoException;
  return typeof code === 'string' ? code : error.name;
}
