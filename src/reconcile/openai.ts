// OpenAI's cost report (`/organization/costs`) and, for the explanation, its usage by model.
// Buckets are UTC days; what stands in no bucket was not billed.

import type { CostFilter } from '../config/config.js';
import { utcDate } from '../kernel/calendar.js';
import { countOf, itemsOf, type Json, membersOf, textOf } from '../kernel/exact-json.js';
import type { LocalDate } from '../kernel/scope.js';
import type { CostApi } from './cost-api.js';
import { amountOf, classOf, Report } from './report.js';

export interface Span {
  /** First instant, and the first after the end. */
  readonly startMs: number;
  readonly endMs: number;
}

/** Usage is told for each kind of call by itself; what else is billed shows in the costs alone. */
const USAGES = ['completions', 'embeddings'] as const;

export async function openAiReport(api: CostApi, span: Span, filter: CostFilter): Promise<Report> {
  const report = new Report();
  const filters = {
    ...(filter.projects.length > 0 && { project_ids: filter.projects }),
    ...(filter.apiKeys.length > 0 && { api_key_ids: filter.apiKeys }),
  };
  const range = { start_time: span.startMs / 1_000, end_time: span.endMs / 1_000 };
  const days = { ...range, ...filters, bucket_width: '1d' };
  const costs = await api.neededBuckets('/organization/costs', {
    ...days,
    group_by: ['line_item'],
    limit: 180,
  });
  for (const bucket of costs) addOpenAiCosts(report, bucket);
  for (const usage of USAGES) {
    const path = `/organization/usage/${usage}`;
    const buckets = await api.buckets(path, { ...days, group_by: ['model'], limit: 31 });
    for (const bucket of buckets ?? []) addOpenAiUsage(report, bucket);
  }
  return report;
}

export const dayOfBucket = (bucket: Json): LocalDate =>
  utcDate((countOf(membersOf(bucket)['start_time']) ?? 0) * 1_000);

/** A line item is `gpt-6-astra, input_tokens`; others name what is no model. */
export function addOpenAiCosts(report: Report, bucket: Json): void {
  report.seen(dayOfBucket(bucket));
  for (const result of itemsOf(membersOf(bucket)['results'])) {
    const { amount, line_item } = membersOf(result);
    const cost = amountOf(membersOf(amount)['value'], 9);
    if (cost === null) continue;
    const [, model = null, name = ''] = /^(.+), ([^,]+)$/.exec(textOf(line_item)) ?? [];
    const tokenClass = classOf(name);
    const isModel = tokenClass !== null;
    report.add({ utcDate: dayOfBucket(bucket), model: isModel ? model : null, tokenClass, cost });
  }
}

function addOpenAiUsage(report: Report, bucket: Json): void {
  for (const result of itemsOf(membersOf(bucket)['results'])) {
    const row = membersOf(result);
    const count = (name: string): number => countOf(row[name]) ?? 0;
    const cached = count('input_cached_tokens');
    const cacheWrite = count('input_cache_write_tokens');
    const rest = count('input_tokens') - cached - cacheWrite;
    report.add({
      utcDate: dayOfBucket(bucket),
      model: textOf(row['model']),
      requests: count('num_model_requests'),
      tokens: {
        input: countOf(row['input_uncached_tokens']) ?? rest,
        cached,
        cacheWrite,
        output: count('output_tokens'),
      },
    });
  }
}
