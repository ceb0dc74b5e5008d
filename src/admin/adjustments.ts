// Corrections by invoices, as they come over the admin listener: believed only when every one of
// them is whole.

import { localDate, utcDate as utcDateAt, utcStart } from '../kernel/calendar.js';
import { nano, parseDecimal, usdText } from '../kernel/money.js';
import type { Adjustment } from '../ledger/protocol.js';
import { dayText } from '../ledger/spend.js';
import { type Asked, badRequest, type Reply } from './route.js';
import type { Running } from './running.js';

/** One correction as it travels. */
export interface AdjustmentJson {
  readonly provider: string;
  /** `2026-03-25`, in UTC. */
  readonly day: string;
  /** All that the day's books are to be corrected by; negative when too much was booked. */
  readonly amount_usd: string;
}

/** What it is checked against below, item by item. */
export const ADJUSTMENTS = {
  type: 'object',
  required: ['adjustments'],
  properties: {
    adjustments: {
      type: 'array',
      items: {
        type: 'object',
        required: ['provider', 'day', 'amount_usd'],
        properties: {
          provider: { type: 'string' },
          day: { type: 'string' },
          amount_usd: { type: 'string' },
        },
      },
    },
  },
} as const;

const HALF_DAY_MS = 43_200_000;
const ADJUSTMENTS_MAX = 500;
/** A billion dollars: beyond it someone has mistaken the unit. */
const AMOUNT_MAX = 10n ** 18n;

export async function adjustments(running: Running, { body }: Asked): Promise<Reply> {
  const list = (body as { adjustments?: unknown } | null)?.adjustments;
  if (!Array.isArray(list) || list.length > ADJUSTMENTS_MAX) {
    throw badRequest(`Send {"adjustments": […]}, at most ${ADJUSTMENTS_MAX}.`);
  }
  const wanted = list.map((item: unknown) => adjustmentOf(item, running));
  const adjusted = await running.adjust(wanted);
  return {
    json: {
      adjusted: adjusted.map(({ provider, utcDate, added }) => ({
        provider,
        day: dayText(utcDate),
        added_usd: usdText(added),
      })),
    },
  };
}

function adjustmentOf(item: unknown, { config, now }: Running): Adjustment {
  const { provider, day, amount_usd } = (item ?? {}) as Partial<AdjustmentJson>;
  if (typeof provider !== 'string' || !Object.hasOwn(config.providers, provider)) {
    throw badRequest('provider: none of this name is configured.');
  }
  const isDay = typeof day === 'string' && /^\d{4}-\d{2}-\d{2}$/.test(day);
  const utcDate = isDay ? Number(day.replaceAll('-', '')) : 0;
  if (!isDay || utcDateAt(utcStart(utcDate)) !== utcDate) {
    throw badRequest('day: expected one such as "2026-03-25".');
  }
  // The counters hold two days at a time: one to come would take the place of what is spent today.
  if (utcDate > utcDateAt(now())) throw badRequest(`day: ${day} is to come.`);
  const size =
    typeof amount_usd === 'string' ? parseDecimal(amount_usd.replace(/^-/, ''), 9) : null;
  if (size === null || size > AMOUNT_MAX || typeof amount_usd !== 'string') {
    throw badRequest('amount_usd: expected decimal dollars as a string, at most a billion.');
  }
  return {
    provider,
    utcDate,
    date: localDate(utcStart(utcDate) + HALF_DAY_MS, config.budget.timezone),
    amount: nano(amount_usd.startsWith('-') ? -size : size),
  };
}
