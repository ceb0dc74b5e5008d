// Anthropic's costs: the analytics API where it answers, which knows API keys and list prices,
// else the older cost report; and usage by model for the explanation. Amounts are cents as texts.

import type { CostFilter } from '../config/config.js';
import { timeText, utcDate } from '../kernel/calendar.js';
import { TokenPakError } from '../kernel/errors.js';
import { countOf, itemsOf, type Json, membersOf, textOf } from '../kernel/exact-json.js';
import type { LocalDate } from '../kernel/scope.js';
import type { CostApi, Params } from './cost-api.js';
import type { Span } from './openai.js';
import { amountOf, classOf, Report } from './report.js';

const DAY_MS = 86_400_000;

export async function anthropicReport(
  apis: { readonly plain: CostApi; readonly beta: CostApi },
  span: Span,
  filter: CostFilter,
): Promise<Report> {
  const report = new Report();
  const range = {
    starting_at: timeText(span.startMs),
    ending_at: timeText(span.endMs),
  };
  const filters = {
    ...(filter.workspaces.length > 0 && { workspace_ids: filter.workspaces }),
    ...(filter.apiKeys.length > 0 && { api_key_ids: filter.apiKeys }),
  };
  const analytics = await apis.beta.buckets('/v1/organizations/analytics/cost', {
    ...range,
    ...filters,
    time_bucket_width: '1d',
    group_by: ['model', 'token_type'],
  });
  if (analytics === null) await addCostReport(report, apis.plain, { range, filter });
  else {
    // It has rows, not buckets: a day without any cost nothing.
    for (let dayMs = span.startMs; dayMs < span.endMs; dayMs += DAY_MS) report.seen(utcDate(dayMs));
    for (const row of analytics) addAnalyticsCost(report, row);
  }
  const usage = await apis.plain.buckets('/v1/organizations/usage_report/messages', {
    ...range,
    ...filters,
    bucket_width: '1d',
    group_by: ['model'],
    limit: 31,
  });
  for (const bucket of usage ?? []) addAnthropicUsage(report, bucket);
  return report;
}

/** The older report cannot be asked for API keys, nor for workspaces: their rows are picked out. */
async function addCostReport(
  report: Report,
  api: CostApi,
  { range, filter }: { readonly range: Params; readonly filter: CostFilter },
): Promise<void> {
  if (filter.apiKeys.length > 0) {
    throw new TokenPakError(
      'bad_config',
      'reconcile.api_keys: this account has no analytics API, and the cost report knows no API ' +
        'keys. Give the proxy a workspace of its own and use reconcile.workspaces.',
    );
  }
  const buckets = await api.neededBuckets('/v1/organizations/cost_report', {
    ...range,
    bucket_width: '1d',
    group_by: ['workspace_id', 'description'],
    limit: 31,
  });
  for (const bucket of buckets) addAnthropicCosts(report, bucket, filter);
}

export const dayOfAnthropic = (bucket: Json): LocalDate =>
  utcDate(Date.parse(textOf(membersOf(bucket)['starting_at'])) || 0);

export function addAnthropicCosts(report: Report, bucket: Json, filter: CostFilter): void {
  report.seen(dayOfAnthropic(bucket));
  for (const result of itemsOf(membersOf(bucket)['results'])) {
    const { amount, model, token_type, workspace_id } = membersOf(result);
    const cost = amountOf(amount, 7);
    const { workspaces } = filter;
    if (cost === null) continue;
    if (workspaces.length > 0 && !workspaces.includes(textOf(workspace_id))) continue;
    const tokenClass = classOf(textOf(token_type));
    report.add({ utcDate: dayOfAnthropic(bucket), model: textOf(model), tokenClass, cost });
  }
}

/** List prices are what requests are booked at; what was paid is less where there is a discount. */
function addAnalyticsCost(report: Report, row: Json): void {
  const { group, cost } = membersOf(row);
  const { amount, list_amount } = membersOf(cost);
  const found = amountOf(list_amount, 7) ?? amountOf(amount, 7);
  const { model, token_type } = membersOf(group);
  if (found === null) return;
  const tokenClass = classOf(textOf(token_type));
  report.add({ utcDate: dayOfAnthropic(row), model: textOf(model), tokenClass, cost: found });
}

function addAnthropicUsage(report: Report, bucket: Json): void {
  for (const result of itemsOf(membersOf(bucket)['results'])) {
    const row = membersOf(result);
    const written = membersOf(row['cache_creation']);
    const count = (value: Json | undefined): number => countOf(value) ?? 0;
    report.add({
      utcDate: dayOfAnthropic(bucket),
      model: textOf(row['model']),
      tokens: {
        input: count(row['uncached_input_tokens']),
        cached: count(row['cache_read_input_tokens']),
        cacheWrite:
          count(written['ephemeral_5m_input_tokens']) + count(written['ephemeral_1h_input_tokens']),
        output: count(row['output_tokens']),
      },
    });
  }
}
