// Calendar windows in an IANA time zone: pure functions of an instant and a zone. There is no reset
// job: a window begins when the zone's calendar says so, on both nights that change the clock too.

import type { LocalDate, WindowKind } from './scope.js';

const HOUR_MS = 3_600_000;
const formats = new Map<string, Intl.DateTimeFormat>();

function formatOf(timezone: string): Intl.DateTimeFormat {
  let format = formats.get(timezone);
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-US-u-ca-gregory-nu-latn', {
      timeZone: timezone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
    });
    formats.set(timezone, format);
  }
  return format;
}

/**
 * The calendar day that a clock in the zone shows at the instant. RangeError for an unknown zone.
 */
export function localDate(timeMs: number, timezone: string): LocalDate {
  // 03/25/2026: taken apart here, since taking it apart there costs three times as much.
  const text = formatOf(timezone).format(timeMs);
  const [month, day, year] = [text.slice(0, 2), text.slice(3, 5), text.slice(6)];
  return Number(year) * 10_000 + Number(month) * 100 + Number(day);
}

/** The local day that lies so many days after a day, or before it. */
export function dayPlus(date: LocalDate, days: number): LocalDate {
  return utcDate(utcStart(date) + days * 24 * HOUR_MS);
}

const starts = new Map<string, number>();
const STARTS_MAX = 1_000;

/**
 * The first instant of a local day: midnight, or what follows it where the clock skips midnight.
 * Remembered, since it takes a tenth of a millisecond to find.
 */
function dayStart(date: LocalDate, timezone: string): number {
  const name = `${timezone} ${date}`;
  let start = starts.get(name);
  if (start === undefined) {
    if (starts.size >= STARTS_MAX) starts.clear();
    start = findDayStart(date, timezone);
    starts.set(name, start);
  }
  return start;
}

function findDayStart(date: LocalDate, timezone: string): number {
  const utcMidnight = utcStart(date);
  // Zones lie between UTC−12 and UTC+14, and a local date never goes back: bisect for its first ms.
  let before = utcMidnight - 15 * HOUR_MS;
  let at = utcMidnight + 15 * HOUR_MS;
  while (at - before > 1) {
    const middle = Math.floor((before + at) / 2);
    if (localDate(middle, timezone) >= date) at = middle;
    else before = middle;
  }
  return at;
}

function nextDate(window: WindowKind, date: LocalDate): LocalDate {
  if (window === 'daily') return dayPlus(date, 1);
  return utcDate(Date.UTC(Math.floor(date / 10_000), Math.floor(date / 100) % 100, 1));
}

/** The calendar day in UTC, in which providers write their invoices. */
export function utcDate(timeMs: number): LocalDate {
  const at = new Date(timeMs);
  return at.getUTCFullYear() * 10_000 + (at.getUTCMonth() + 1) * 100 + at.getUTCDate();
}

/** The first instant of a UTC day. */
export const utcStart = (date: LocalDate): number =>
  Date.UTC(Math.floor(date / 10_000), (Math.floor(date / 100) % 100) - 1, date % 100);

interface Bounds {
  readonly startMs: number;
  readonly endMs: number;
}

/** Windows whose bounds are remembered: the present ones are asked for again and again. */
const BOUNDS_MAX = 256;
const boundsKnown = new Map<string, Bounds>();

/** Start (inclusive) and end (exclusive) of the day or month that holds a local date. */
export function windowBounds(window: WindowKind, date: LocalDate, timezone: string): Bounds {
  const first = window === 'daily' ? date : Math.floor(date / 100) * 100 + 1;
  const key = `${window}${first}${timezone}`;
  const known = boundsKnown.get(key);
  if (known !== undefined) return known;
  const bounds = {
    startMs: dayStart(first, timezone),
    endMs: dayStart(nextDate(window, first), timezone),
  };
  if (boundsKnown.size >= BOUNDS_MAX) boundsKnown.clear();
  boundsKnown.set(key, bounds);
  return bounds;
}

/**
 * Whole days since 1970-01-01 of a local date, or whole months since year 0: consecutive integers.
 */
export function windowOrdinal(window: WindowKind, date: LocalDate): number {
  const year = Math.floor(date / 10_000);
  const month = Math.floor(date / 100) % 100;
  if (window === 'monthly') return year * 12 + month - 1;
  return Date.UTC(year, month - 1, date % 100) / (24 * HOUR_MS);
}

/** The present windows of one zone, recomputed only when the clock leaves the day it knows. */
export class WindowClock {
  readonly timezone: string;
  #date: LocalDate = 0;
  #startMs = Number.POSITIVE_INFINITY;
  #endMs = 0;

  constructor(timezone: string) {
    this.timezone = timezone;
  }

  dateAt(timeMs: number): LocalDate {
    if (timeMs >= this.#startMs && timeMs < this.#endMs) return this.#date;
    this.#date = localDate(timeMs, this.timezone);
    const bounds = windowBounds('daily', this.#date, this.timezone);
    this.#startMs = bounds.startMs;
    this.#endMs = bounds.endMs;
    return this.#date;
  }
}

/** `2026-03-25T09:45:00Z`: RFC 3339, to the second. */
export const timeText = (timeMs: number): string =>
  `${new Date(timeMs).toISOString().slice(0, 19)}Z`;
