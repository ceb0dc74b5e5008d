// The ledger against a provider's invoice, per UTC day that is final: what each says, the
// difference, why, and what would have to be booked to make them agree. Books nothing itself.

import type { Config, ProviderConfig } from '../config/config.js';
import { localDate, utcDate, utcStart } from '../kernel/calendar.js';
import { TokenPakError } from '../kernel/errors.js';
import { nano, type NanoUsd, ZERO_USD } from '../kernel/money.js';
import type { LocalDate } from '../kernel/scope.js';
import type { Adjustment } from '../ledger/protocol.js';
import type { UtcTotals } from '../ledger/utc-totals.js';
import { BUNDLED_SHEET } from '../pricing/catalogue.js';
import { namesOf, undated } from '../pricing/sheet.js';
import { anthropicReport } from './anthropic.js';
import { CostApi } from './cost-api.js';
import { explain, type Part } from './explain.js';
import { openAiReport, type Span } from './openai.js';
import type { Report } from './report.js';

const DAY_MS = 86_400_000;
/** Buckets come in late: a day is believed once it has been over for a day. */
const FINAL_AFTER_MS = DAY_MS;
/** Below a cent nothing is drift, whatever it is in percent. */
const TOLERANCE_MIN = nano(10_000_000n);
const DAYS_MAX = 180;

export interface DayComparison {
  readonly utcDate: LocalDate;
  /** False: there is no invoice yet, and nothing to compare with. */
  readonly reported: boolean;
  /** What requests were booked at, and what was corrected before. */
  readonly ledger: NanoUsd;
  readonly adjusted: NanoUsd;
  readonly invoice: NanoUsd;
  /** What the invoice says beyond ledger and corrections. */
  readonly difference: NanoUsd;
  readonly drifts: boolean;
  /** Of the invoice beyond the ledger, corrections aside. */
  readonly parts: readonly Part[];
}

export interface Comparison {
  readonly provider: string;
  readonly days: readonly DayComparison[];
}

export interface Days {
  readonly from: LocalDate;
  readonly to: LocalDate;
}

/** The last UTC day whose invoice does not change any more. */
export const lastFinalDay = (nowMs: number): LocalDate => utcDate(nowMs - FINAL_AFTER_MS - DAY_MS);

export const daysBefore = (date: LocalDate, days: number): LocalDate =>
  utcDate(utcStart(date) - days * DAY_MS);

export interface Account {
  readonly provider: ProviderConfig;
  readonly sleep: (ms: number) => Promise<void>;
}

/** What the provider says that it billed. Throws `bad_config` or `unreachable`. */
export function fetchReport({ provider, sleep }: Account, { from, to }: Days): Promise<Report> {
  const { name, type, adminKey, baseUrl, reconcile } = provider;
  const keyName = `providers.${name}.admin_key`;
  if (type !== 'openai' && type !== 'anthropic') {
    const why = `a provider of type ${type} has no cost API: use --from-file`;
    throw new TokenPakError('bad_config', `providers.${name}.type: ${why}`);
  }
  if (adminKey === null) {
    const kind = type === 'openai' ? 'sk-admin-…' : 'sk-ant-admin…';
    const why = `is missing: set it to an admin key (${kind}) of the account, or use --from-file`;
    throw new TokenPakError('bad_config', `${keyName}: ${why}`);
  }
  const span: Span = { startMs: utcStart(from), endMs: utcStart(to) + DAY_MS };
  const common = { baseUrl, keyName, sleep };
  if (type === 'openai') {
    const headers = { authorization: `Bearer ${adminKey}` };
    return openAiReport(new CostApi({ ...common, headers }), span, reconcile);
  }
  const headers = { 'x-api-key': adminKey, 'anthropic-version': '2023-06-01' };
  const beta = { ...headers, 'anthropic-beta': 'analytics-usage-cost-2026-08-24' };
  const apis = {
    plain: new CostApi({ ...common, headers }),
    beta: new CostApi({ ...common, headers: beta, optional: true }),
  };
  return anthropicReport(apis, span, reconcile);
}

export interface Books {
  readonly config: Pick<Config, 'models' | 'reconcile'>;
  /** Of all providers, of these days. */
  readonly rows: readonly UtcTotals[];
}

export function compare(report: Report, provider: string, days: Days, books: Books): Comparison {
  const { config, rows } = books;
  const canonical = canonicalOf(config);
  const compared: DayComparison[] = [];
  for (let day = days.from; day <= days.to; day = daysBefore(day, -1)) {
    if (compared.length >= DAYS_MAX) break;
    const own = rows.filter((row) => row.utcDate === day && row.provider === provider);
    const requests = own.filter(({ model }) => model !== '');
    const ledger = costOf(requests);
    const adjusted = costOf(own.filter(({ model }) => model === ''));
    const billed = report.day(day);
    const { reported } = billed;
    const difference = reported ? nano(billed.cost - ledger - adjusted) : ZERO_USD;
    compared.push({
      utcDate: day,
      reported,
      ledger,
      adjusted,
      invoice: billed.cost,
      difference,
      drifts: driftsBy(difference, billed.cost, config.reconcile.tolerancePct),
      parts: reported ? explain(billed, requests, canonical) : [],
    });
  }
  return { provider, days: compared };
}

const costOf = (rows: readonly UtcTotals[]): NanoUsd =>
  nano(rows.reduce((sum, { cost }) => sum + cost, 0n));

const size = (amount: bigint): bigint => (amount < 0n ? -amount : amount);

function driftsBy(difference: NanoUsd, invoice: NanoUsd, tolerancePct: number): boolean {
  // Percents may be fractions: in millionths, so that no float meets money.
  const share = (size(invoice) * BigInt(Math.round(tolerancePct * 10_000))) / 1_000_000n;
  return size(difference) > (share > TOLERANCE_MIN ? share : TOLERANCE_MIN);
}

/**
 * One name for all spellings: what the configuration calls a model, its dated name, its aliases.
 */
function canonicalOf({ models }: Pick<Config, 'models'>): (model: string) => string {
  const ids = new Map<string, string>();
  for (const provider of ['openai', 'anthropic'] as const) {
    const shelf = BUNDLED_SHEET[provider];
    if (shelf === undefined) continue;
    const idOf = new Map(Object.entries(shelf.models).map(([id, model]) => [model, id]));
    for (const [name, model] of namesOf(shelf)) ids.set(name, idOf.get(model) ?? name);
  }
  return (model) => {
    const upstream = (Object.hasOwn(models, model) ? models[model]?.upstreamModel : null) ?? model;
    const bare = upstream.replace(/^(?:openai|anthropic)\//, '').toLowerCase();
    return ids.get(bare) ?? ids.get(undated(bare)) ?? undated(bare);
  };
}

/** What would have to be booked, all told, so that each day agrees with its invoice. */
export function adjustmentsOf({ provider, days }: Comparison, timezone: string): Adjustment[] {
  return days
    .filter(({ difference }) => difference !== 0n)
    .map(({ utcDate: day, ledger, invoice }) => ({
      utcDate: day,
      // Most of a UTC day lies in the local day that holds its noon.
      date: localDate(utcStart(day) + DAY_MS / 2, timezone),
      provider,
      amount: nano(invoice - ledger),
    }));
}
