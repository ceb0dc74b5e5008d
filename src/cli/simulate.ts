// `tokenpak simulate`: the ledger once more, against other caps: who would have been rejected.

import { timeText } from '../kernel/calendar.js';
import {
  simulate,
  type PastRequest,
  type RejectedDay,
  type Simulated,
} from '../budget/simulate.js';
import type { BudgetConfig, Limits } from '../config/config.js';
import { dollars, type NanoUsd, usdText } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import { scopeUser } from '../kernel/scope.js';
import { exportEntries } from '../ledger/export.js';
import { dayText } from '../ledger/spend.js';
import { configFor } from './config.js';
import { dayOf } from './day.js';
import { columnsOf, plainName } from './table.js';

export interface SimulateFlags {
  readonly config: string;
  readonly since?: string;
  readonly dailyLimit?: NanoUsd;
  readonly monthlyLimit?: NanoUsd;
  readonly userDailyLimit?: NanoUsd;
  readonly userMonthlyLimit?: NanoUsd;
  readonly json?: boolean;
}

const SINCE_DEFAULT = '30d';
/** Rows for people; `--json` has them all. */
const ROWS_MAX = 50;

export async function simulateCommand(flags: SimulateFlags): Promise<void> {
  const { budget, storage } = configFor(flags.config, { needsKeys: false });
  const from = dayOf(flags.since ?? SINCE_DEFAULT, budget.timezone);
  const past: PastRequest[] = [];
  // A month's cap is filled from its first day on.
  const firstOfMonth = Math.floor(from / 100) * 100 + 1;
  await exportEntries(
    storage.path,
    ({ kind, reserve, timeMs, cost }) => {
      const { user, date, amount } = reserve;
      const startMs = kind === 'adjust' ? timeMs : reserve.timeMs;
      past.push({ user, date, startMs, endMs: timeMs, amount, cost });
    },
    { from: firstOfMonth },
  );
  const simulated = simulate(past, capped(budget, flags), from);
  process.stdout.write(
    flags.json === true
      ? `${JSON.stringify(simulatedJson(simulated, from))}\n`
      : renderSimulated(simulated, { from, caps: capsText(flags), timezone: budget.timezone }),
  );
}

/** The configured caps, with those of the flags in their place. */
function capped(budget: BudgetConfig, flags: SimulateFlags): BudgetConfig {
  const merged = (own: Limits, daily?: NanoUsd, monthly?: NanoUsd): Limits => ({
    daily: daily ?? own.daily,
    monthly: monthly ?? own.monthly,
  });
  const { userDailyLimit: daily, userMonthlyLimit: monthly } = flags;
  const { perUser } = budget;
  const defaults = perUser?.defaults ?? { daily: null, monthly: null };
  const users = Object.entries(perUser?.users ?? {}).map(
    ([user, own]) => [user, merged(own, daily, monthly)] as const,
  );
  return {
    ...budget,
    enabled: true,
    global: merged(budget.global, flags.dailyLimit, flags.monthlyLimit),
    perUser: {
      unlistedUsers: perUser?.unlistedUsers ?? 'allow',
      defaults: merged(defaults, daily, monthly),
      users: Object.fromEntries(users),
    },
  };
}

function capsText(flags: SimulateFlags): string {
  const given = [
    ['daily', flags.dailyLimit],
    ['monthly', flags.monthlyLimit],
    ['daily for each user', flags.userDailyLimit],
    ['monthly for each user', flags.userMonthlyLimit],
  ] as const;
  const shown = given.flatMap(([name, cap]) =>
    cap === undefined ? [] : [`${dollars(cap)} ${name}`],
  );
  return shown.length === 0 ? 'the configured caps' : shown.join(', ');
}

function renderSimulated(
  { requests, rejected, notSpent, days }: Simulated,
  { from, caps, timezone }: { from: LocalDate; caps: string; timezone: string },
): string {
  const lines = [`Since ${dayText(from)} (${timezone}), with ${caps}:`];
  if (days.length > 0) {
    const head = ['day', 'user', 'rejected', 'not spent', 'first at', 'by the budget of'];
    const rows = days
      .slice(0, ROWS_MAX)
      .map((day) => [
        dayText(day.date),
        plainName(day.user),
        String(day.rejected),
        dollars(day.notSpent),
        timeText(day.firstMs),
        budgetText(day),
      ]);
    lines.push(...columnsOf([head, ...rows]));
  }
  if (days.length > ROWS_MAX) lines.push(`… and ${days.length - ROWS_MAX} more (--json)`);
  const share = `${rejected.toLocaleString('en-US')} of ${requests.toLocaleString('en-US')} requests`;
  lines.push(`${share} would have been rejected, and ${dollars(notSpent)} not spent`);
  return `${lines.join('\n')}\n`;
}

const budgetText = ({ scope, window }: RejectedDay): string =>
  scopeUser(scope) === null ? `everyone, ${window}` : `the user, ${window}`;

const simulatedJson = (result: Simulated, from: LocalDate): object => ({
  since: dayText(from),
  requests: result.requests,
  rejected: result.rejected,
  not_spent_usd: usdText(result.notSpent),
  days: result.days.map(({ date, user, rejected, notSpent, firstMs, scope, window }) => ({
    day: dayText(date),
    user,
    rejected,
    not_spent_usd: usdText(notSpent),
    first_rejected_at: timeText(firstMs),
    scope,
    window,
  })),
});
