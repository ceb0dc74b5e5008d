// `tokenpak reconcile-spend`: the ledger against the providers' invoices, day by day, and why they
// differ. `--apply` books the differences, through the running proxy when there is one.

import { channelsOf } from '../alert/channels.js';
import type { Config, ProviderConfig } from '../config/config.js';
import { TokenPakError } from '../kernel/errors.js';
import { dollars, nano, type NanoUsd, parseDecimal, usdText } from '../kernel/money.js';
import type { Adjustment } from '../ledger/protocol.js';
import { withSnapshot } from '../ledger/snapshot.js';
import { dayText, utcTotalsOf } from '../ledger/spend.js';
import { CAUSES } from '../reconcile/explain.js';
import {
  adjustmentsOf,
  compare,
  type Comparison,
  type DayComparison,
  type Days,
  daysBefore,
  fetchReport,
  lastFinalDay,
} from '../reconcile/reconcile.js';
import { readReport } from '../reconcile/report-file.js';
import { configFor } from './config.js';
import { dayOf } from './day.js';
import { openOwnLedger } from './own-ledger.js';
import { printMarked } from './print.js';
import { findRunning } from './running.js';
import { columnsOf, plainName } from './table.js';

export interface ReconcileFlags {
  readonly config: string;
  readonly provider?: string;
  readonly since?: string;
  readonly until?: string;
  readonly fromFile?: string;
  readonly apply?: boolean;
  readonly json?: boolean;
}

/** Without `--since`: a week. */
const DAYS_DEFAULT = 7;

interface Booked {
  readonly provider: string;
  readonly day: string;
  readonly added_usd: string;
}

export async function reconcileCommand(flags: ReconcileFlags): Promise<void> {
  // A saved report needs none.
  const needsAdminKeys = flags.fromFile === undefined;
  const config = configFor(flags.config, { needsKeys: false, needsAdminKeys });
  const providers = providersFor(config, flags);
  const days = daysFor(flags);
  const reports = await Promise.all(
    providers.map(async (provider) => ({
      provider,
      report:
        flags.fromFile === undefined
          ? await fetchReport({ provider, sleep: pause }, days)
          : readReport(flags.fromFile),
    })),
  );
  const rows = await withSnapshot(config.storage.path, (snapshot) => [
    ...utcTotalsOf(snapshot, days.from, days.to),
  ]);
  const comparisons = reports.map(({ provider, report }) =>
    compare(report, provider.name, days, { config, rows: rows ?? [] }),
  );
  const wanted = comparisons.flatMap((one) => adjustmentsOf(one, config.budget.timezone));
  const booked = flags.apply === true && wanted.length > 0 ? await apply(config, wanted) : [];
  const drifting = comparisons.flatMap(({ days: all }) => all.filter(({ drifts }) => drifts));
  if (drifting.length > 0 && booked.length === 0) process.exitCode = 1;
  if (flags.json === true) return printJson(config, comparisons, booked);
  for (const comparison of comparisons) process.stdout.write(renderComparison(comparison, days));
  printMarked(verdict(config, comparisons, { booked, apply: flags.apply === true }));
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The one asked for, else all whose invoice can be had. */
function providersFor({ providers }: Config, flags: ReconcileFlags): ProviderConfig[] {
  const all = Object.values(providers);
  if (flags.provider !== undefined) {
    const found = all.filter(({ name }) => name === flags.provider);
    if (found.length > 0) return found;
    const names = all.map(({ name }) => name).join(', ') || 'none';
    throw new TokenPakError('bad_usage', `--provider ${flags.provider}: there are: ${names}`);
  }
  if (flags.fromFile !== undefined) {
    if (all.length === 1) return all;
    throw new TokenPakError('bad_usage', '--from-file needs --provider: whose report is it?');
  }
  const billed = all.filter(({ type }) => type === 'openai' || type === 'anthropic');
  const keyed = billed.filter(({ adminKey }) => adminKey !== null);
  if (keyed.length > 0) return keyed;
  const keys = billed.map(({ name }) => `providers.${name}.admin_key`).join(' or ');
  throw new TokenPakError(
    'bad_config',
    `${keys || 'providers'}: no invoice can be had without an admin key. Set one, or use --from-file`,
  );
}

function daysFor(flags: ReconcileFlags): Days {
  const final = lastFinalDay(Date.now());
  const until = flags.until === undefined ? final : dayOf(flags.until, 'UTC');
  const to = until < final ? until : final;
  const from =
    flags.since === undefined ? daysBefore(to, DAYS_DEFAULT - 1) : dayOf(flags.since, 'UTC');
  if (from <= to) return { from, to };
  throw new TokenPakError(
    'bad_usage',
    from > until
      ? '--since is later than --until'
      : `no day since ${dayText(from)} is final yet: an invoice is, once its day has been over ` +
          `for another. The last is ${dayText(final)} (UTC)`,
  );
}

async function apply(config: Config, wanted: readonly Adjustment[]): Promise<Booked[]> {
  const running = findRunning(config);
  if (running !== null) {
    const adjustments = wanted.map(({ provider, utcDate, amount }) => ({
      provider,
      day: dayText(utcDate),
      amount_usd: usdText(amount),
    }));
    const answer = await running.call('POST', '/admin/adjustments', { adjustments });
    return (answer as { adjusted: Booked[] }).adjusted;
  }
  // What it owes is delivered when the proxy next starts.
  const plans = channelsOf(config).map(({ plan }) => plan);
  const ledger = await openOwnLedger(config, plans, (error) => {
    throw error;
  });
  try {
    const adjusted = await ledger.adjust(wanted);
    return adjusted.map(({ provider, utcDate, added }) => ({
      provider,
      day: dayText(utcDate),
      added_usd: usdText(added),
    }));
  } finally {
    await ledger.close();
  }
}

function renderComparison({ provider, days }: Comparison, { from, to }: Days): string {
  const lines = [
    `${plainName(provider)}: ledger against invoice, ${dayText(from)} … ${dayText(to)} (UTC)`,
  ];
  const shown = days.filter(({ ledger, invoice, adjusted }) => ledger || invoice || adjusted);
  if (shown.length === 0) return `${lines[0]}: nothing on either side\n`;
  const rows = columnsOf([
    ['day', 'ledger', 'adjusted', 'invoice', 'difference', ''],
    ...shown.map(cells),
  ]);
  lines.push(rows[0] as string);
  for (const [index, day] of shown.entries()) {
    lines.push(rows[index + 1] as string);
    if (day.difference === 0n) continue;
    for (const { cause, model, amount } of day.parts) {
      const of = model === '' ? '' : ` ${plainName(model)}`;
      lines.push(`    ${signed(amount)}${of}: ${CAUSES[cause]}`);
    }
    if (day.adjusted !== 0n) lines.push(`    ${signed(nano(-day.adjusted))} corrected already`);
  }
  return `${lines.join('\n')}\n`;
}

function cells(day: DayComparison): string[] {
  const { utcDate, ledger, adjusted, invoice, difference, drifts } = day;
  if (!day.reported) {
    return [dayText(utcDate), dollars(ledger), signedOrNone(adjusted), '', '', 'no invoice yet'];
  }
  const share = invoice === 0n ? '' : `${percent(difference, invoice)}%`;
  const mark = difference === 0n ? '' : `${share} ${drifts ? '✗' : 'within tolerance'}`.trim();
  return [
    dayText(utcDate),
    dollars(ledger),
    signedOrNone(adjusted),
    dollars(invoice),
    difference === 0n ? '–' : signed(difference),
    mark,
  ];
}

const signedOrNone = (amount: NanoUsd): string => (amount === 0n ? '' : signed(amount));

const signed = (amount: NanoUsd): string => (amount > 0n ? `+${dollars(amount)}` : dollars(amount));

/** One decimal, of a share of an invoice. */
function percent(part: NanoUsd, whole: NanoUsd): string {
  const permille = (part * 1_000n) / whole;
  const size = permille < 0n ? -permille : permille;
  return `${permille < 0n ? '-' : ''}${size / 10n}.${size % 10n}`;
}

function verdict(
  { reconcile }: Config,
  comparisons: readonly Comparison[],
  { booked, apply: applied }: { readonly booked: readonly Booked[]; readonly apply: boolean },
): string[] {
  const days = comparisons.flatMap((comparison) => comparison.days);
  const drifting = days.filter(({ drifts }) => drifts).length;
  const moved = booked.filter(({ added_usd }) => parseDecimal(added_usd, 9) !== 0n);
  const lines = moved.map(
    ({ provider, day, added_usd }) =>
      `✓ ${provider} ${day}: ${added_usd.replace(/^-?/, '$&$$')} booked`,
  );
  const unknown = days.filter(({ reported, ledger }) => !reported && ledger !== 0n).length;
  if (unknown > 0) lines.push(`⚠ ${unknown} days have no invoice yet and are not compared`);
  if (applied && moved.length === 0) lines.push('✓ Nothing to book: ledger and invoices agree');
  else if (drifting === 0)
    lines.push(`✓ Within ${reconcile.tolerancePct}% on all ${days.length} days`);
  else if (!applied) {
    const of = `${drifting} of ${days.length} days`;
    lines.push(
      `✗ ${of} differ by more than ${reconcile.tolerancePct}%: --apply books the difference`,
    );
  }
  return lines;
}

function printJson(
  { reconcile }: Config,
  comparisons: readonly Comparison[],
  booked: readonly Booked[],
): void {
  const result = {
    tolerance_pct: reconcile.tolerancePct,
    drift: comparisons.some(({ days }) => days.some(({ drifts }) => drifts)),
    providers: comparisons.map(({ provider, days }) => ({
      provider,
      days: days.map((day) => ({
        day: dayText(day.utcDate),
        ledger_usd: usdText(day.ledger),
        adjusted_usd: usdText(day.adjusted),
        invoice_usd: day.reported ? usdText(day.invoice) : null,
        difference_usd: day.reported ? usdText(day.difference) : null,
        drifts: day.drifts,
        parts: day.parts.map(({ cause, model, amount }) => ({
          cause,
          model: model || null,
          amount_usd: usdText(amount),
        })),
      })),
    })),
    booked,
  };
  process.stdout.write(`${JSON.stringify(result)}\n`);
}
