// `tokenpak status`: a running proxy at a glance.

import { createColors } from 'picocolors';
import type { BudgetStatus, Status } from '../admin/status.js';
import { dollars, nano, type NanoUsd, parseDecimal } from '../kernel/money.js';
import { configFor } from './config.js';
import { isColored } from './print.js';
import { needRunning } from './running.js';
import { capBar } from './spend.js';

export interface StatusFlags {
  readonly config: string;
  readonly json?: boolean;
}

export async function statusCommand(flags: StatusFlags): Promise<void> {
  const running = needRunning(configFor(flags.config, { needsKeys: false }));
  const status = (await running.call('GET', '/admin/status')) as Status;
  const text =
    flags.json === true
      ? JSON.stringify(status)
      : renderStatus(status, { admin: running.admin, color: isColored(process.stdout) });
  process.stdout.write(`${text}\n`);
}

export function renderStatus(
  status: Status,
  { admin, color }: { readonly admin: string; readonly color: boolean },
): string {
  const colors = createColors(color);
  const ready = status.state === 'ready';
  const mark = ready ? colors.green('✓') : colors.red('✗');
  const { workers } = status;
  const lines = [
    `${mark} TokenPak ${status.version} is ${ready ? 'running' : status.state} on ${status.address}`,
    ...rows([
      ['process', `${status.pid}, up ${duration(status.uptime_seconds)}`],
      ['workers', `${workers}`],
      ['admin', admin],
      ...status.budgets.map((budget) => [budget.window, budgetText(budget, color)] as const),
      ['in flight', inFlight(status)],
      ['books', `${count(status.ledger_entries, 'request')}, ${lag(status.ledger_lag_records)}`],
      ['drift', drift(status.drift_usd, colors)],
      ...(status.config_problem === null
        ? []
        : [['config', colors.red(`the file is refused: ${status.config_problem}`)] as const]),
    ]),
  ];
  return lines.join('\n');
}

const rows = (pairs: readonly (readonly [string, string])[]): string[] =>
  pairs.map(([name, value]) => `  ${name.padEnd(10)} ${value}`);

/** `-0.01` too: the counters can be below the books. */
const money = (text: string): NanoUsd => {
  const amount = parseDecimal(text.replace('-', ''), 9) ?? 0n;
  return nano(text.startsWith('-') ? -amount : amount);
};

const count = (number: number, what: string): string =>
  `${number.toLocaleString('en-US')} ${what}${number === 1 ? '' : 's'}`;

function budgetText({ spent_usd, limit_usd }: BudgetStatus, color: boolean): string {
  const spent = money(spent_usd);
  if (limit_usd === null) return `${dollars(spent)} of no limit`;
  const limit = money(limit_usd);
  return `${dollars(spent).padEnd(9)} ${capBar(spent, limit, color)}`;
}

function inFlight({ open_reservations, reserved_usd, overshoot_bound_usd }: Status): string {
  if (open_reservations === 0) return 'nothing';
  const held = `${count(open_reservations, 'request')} hold ${dollars(money(reserved_usd))}`;
  const more = money(overshoot_bound_usd);
  return more === 0n ? held : `${held}, and may cost ${dollars(more)} more`;
}

const lag = (records: number): string =>
  records === 0 ? 'all booked' : `${count(records, 'record')} still to be booked`;

function drift(text: string, colors: ReturnType<typeof createColors>): string {
  const amount = money(text);
  if (amount === 0n) return 'none: counters and books agree';
  return colors.red(`${dollars(amount)} between counters and books: run tokenpak ledger verify`);
}

/** `3 d 4 h`, `12 min`, `5 s`: the two largest units. */
export function duration(seconds: number): string {
  const units = [
    ['d', 86_400],
    ['h', 3_600],
    ['min', 60],
    ['s', 1],
  ] as const;
  const parts: string[] = [];
  let rest = seconds;
  for (const [unit, size] of units) {
    const amount = Math.floor(rest / size);
    rest -= amount * size;
    if (amount > 0) parts.push(`${amount} ${unit}`);
  }
  return parts.slice(0, 2).join(' ') || '0 s';
}
