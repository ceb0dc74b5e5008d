// `tokenpak validate-config`: what a config means in a few ✓ lines, then ⚠ warnings; or its
// problems as ✗ lines.

import type { Config, Limits } from '../config/config.js';
import type { Environment } from '../config/env.js';
import { formatProblem, loadConfig } from '../config/load.js';
import { dollars, type NanoUsd } from '../kernel/money.js';
import { worstCost } from '../pricing/cost.js';
import { type PriceTable, syncedTable } from '../pricing/table.js';
import { advise, priceText } from './config-advice.js';
import type { Finding } from './finding.js';
import { printMarked } from './print.js';

export interface Validation {
  readonly lines: string[];
  /** 2: the file has problems. Warnings alone do not fail it. */
  readonly exitCode: 0 | 2;
}

export interface ValidateFlags {
  readonly probe?: boolean;
  readonly json?: boolean;
}

export async function validateCommand(file: string, flags: ValidateFlags): Promise<void> {
  const { lines, exitCode } = validateConfig(file, process.env, syncedTable);
  process.exitCode = exitCode;
  if (flags.json !== true) printMarked(lines);
  const isProbed = flags.probe === true && exitCode === 0;
  const { probe, printTried } = await import('./alerts.js');
  const channels = isProbed ? await probe(file) : [];
  if (flags.json !== true) return printTried(channels);
  const findings = lines.map((line) => ({
    verdict: VERDICTS[line[0] ?? ''],
    found: line.slice(2),
  }));
  const all = { ok: exitCode === 0, findings, ...(isProbed && { channels }) };
  process.stdout.write(`${JSON.stringify(all)}\n`);
}

const VERDICTS: Readonly<Record<string, Finding['verdict']>> = {
  '✓': 'ok',
  '⚠': 'warning',
  '✗': 'failure',
};

export function validateConfig(
  file: string,
  env: Environment,
  priceTableOf: (config: Config) => PriceTable,
): Validation {
  const loaded = loadConfig(file, env);
  const problems = loaded.ok ? loaded.blockers : loaded.problems;
  if (!loaded.ok || problems.length > 0) {
    return { lines: problems.map((problem) => `✗ ${formatProblem(problem)}`), exitCode: 2 };
  }
  const { config, missingEnv, warnings } = loaded;
  const prices = priceTableOf(config);
  const lines = [
    '✓ Config valid',
    budgetLine(config),
    ...perUserLine(config),
    ...modeLine(config),
    ...reserveLine(config, prices),
    ...modelsLine(prices),
    alertsLine(config),
    ...missingEnv.map(
      (problem) => `⚠ ${formatProblem(problem)} (the proxy does not start without)`,
    ),
    ...warnings.map((problem) => {
      const blocks = problem.blocksProxy === true ? ' (the proxy does not start with this)' : '';
      return `⚠ ${formatProblem(problem)}${blocks}`;
    }),
    ...advise(config, prices).map((advice) => `⚠ ${advice}`),
  ];
  return { lines, exitCode: 0 };
}

const amount = (limit: NanoUsd | null): string => (limit === null ? 'none' : dollars(limit));

function budgetLine({ budget }: Config): string {
  if (!budget.enabled) return '✓ Budget tracking disabled (spend is metered, nothing is limited)';
  const { daily, monthly } = budget.global;
  return `✓ Budget tracking enabled (daily: ${amount(daily)}, monthly: ${amount(monthly)})`;
}

/** More than this many users or models no longer fit a line that anyone reads. */
const LISTED_MAX = 20;

function listed(items: readonly string[]): string {
  const rest = items.length - LISTED_MAX;
  return items.slice(0, LISTED_MAX).join(', ') + (rest > 0 ? ` and ${rest} more` : '');
}

function perUserLine({ budget }: Config): string[] {
  if (budget.perUser === null) return [];
  const { users, defaults, unlistedUsers } = budget.perUser;
  const items = Object.entries(users).map(([user, limits]) => `${user} (${perWindow(limits)})`);
  if (unlistedUsers === 'reject') items.push('others (rejected)');
  else if (defaults.daily !== null || defaults.monthly !== null) {
    items.push(`others (${perWindow(defaults)})`);
  }
  return [`✓ Per-user limits: ${items.length === 0 ? 'none' : listed(items)}`];
}

function perWindow({ daily, monthly }: Limits): string {
  const parts: string[] = [];
  if (daily !== null) parts.push(`${dollars(daily)}/day`);
  if (monthly !== null) parts.push(`${dollars(monthly)}/month`);
  return parts.length === 0 ? 'no limit' : parts.join(', ');
}

function modeLine({ budget }: Config): string[] {
  const what = {
    enforce: [],
    alert: ['✓ Mode: alert (everything is served; what limits would reject is alerted)'],
    shadow: ['✓ Mode: shadow (everything is served; what limits would reject is only logged)'],
  };
  return what[budget.mode];
}

/** How far a limit may be passed: the bound is what a request's output may cost at most. */
function reserveLine({ budget }: Config, prices: PriceTable): string[] {
  if (budget.reserve === 'worst_case') return [];
  const items = prices.names().flatMap((name) => {
    const model = prices.find(name);
    if (typeof model === 'string') return [];
    const outputTokens = model.facts.maxOutputTokens;
    if (outputTokens === null) return [`${name} (all of its output)`];
    return [`${name} (${dollars(worstCost(model.price, { inputTokens: 0, outputTokens }))})`];
  });
  const bound = 'each request in flight may pass a limit by up to';
  return [`✓ Reserve: expected output size; ${bound}: ${listed(items)}`];
}

function modelsLine(prices: PriceTable): string[] {
  const items = prices.names().flatMap((name) => {
    const model = prices.find(name);
    return typeof model === 'string' ? [] : [priceText(model)];
  });
  return items.length === 0 ? [] : [`✓ Prices per million tokens: ${listed(items)}`];
}

function alertsLine({ budget, alerts }: Config): string {
  const thresholds = budget.alertThresholdsPct.map((pct) => `${pct}%`).join(', ');
  const receivers = [alerts.logFile, ...budget.alertWebhooks.map(receiver)];
  const fallback = alerts.fallback === null ? '' : `, fallback ${receiver(alerts.fallback)}`;
  return `✓ Alerts: at ${thresholds} of a limit, to ${listed(receivers)}${fallback}`;
}

/** A mailbox whole, of a webhook the host: its path may be a secret. */
const receiver = (url: string): string => {
  const { host, pathname } = new URL(url);
  return host === '' ? pathname : host;
};
