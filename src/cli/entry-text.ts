// One request as a line for people, as `tokenpak ledger tail` prints it.

import { createColors } from 'picocolors';
import { dollars } from '../kernel/money.js';
import { inputOf, outputOf } from '../kernel/usage.js';
import type { Entry } from '../ledger/entry.js';
import { plainName } from './table.js';

export interface EntryLook {
  readonly timezone: string;
  readonly color: boolean;
}

const USER_WIDTH = 16;
const MODEL_WIDTH = 20;
const COST_WIDTH = 10;

/** `12:00:01  user-a  gpt-4  $1.80  20,006 in · 20,000 out · 1.5 s`, and what is special. */
export function entryText(entry: Entry, { timezone, color }: EntryLook): string {
  const colors = createColors(color);
  const { reserve, timeMs, usage } = entry;
  const number = (value: number): string => value.toLocaleString('en-US');
  const seconds = ((timeMs - reserve.timeMs) / 1000).toFixed(1);
  const tokens = `${number(inputOf(usage))} in · ${number(outputOf(usage))} out`;
  const line = [
    colors.dim(timeText(timeMs, timezone)),
    plainName(reserve.user === '' ? '–' : reserve.user).padEnd(USER_WIDTH),
    plainName(reserve.model === '' ? '–' : reserve.model).padEnd(MODEL_WIDTH),
    dollars(entry.cost).padStart(COST_WIDTH),
    entry.kind === 'adjust' ? 'correction by an invoice' : `${tokens} · ${seconds} s`,
    colors.yellow(remarks(entry).join(', ')),
  ];
  return line.join('  ').trimEnd();
}

function remarks({ kind, source, status, overrun, reserve }: Entry): string[] {
  const found: string[] = [];
  if (kind === 'void') found.push(status === 0 ? 'not sent' : `refused with ${status}`);
  if (source === 'estimated') found.push('estimated');
  if (source === 'unsettled') found.push('unsettled, charged in full');
  if (overrun) found.push('over its maximum');
  if (reserve.requestedModel !== reserve.model)
    found.push(`for ${plainName(reserve.requestedModel)}`);
  if (reserve.retryCount > 0) found.push(`retry ${reserve.retryCount}`);
  return found;
}

function timeText(timeMs: number, timezone: string): string {
  return new Date(timeMs).toLocaleTimeString('en-GB', { timeZone: timezone });
}
