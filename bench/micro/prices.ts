// What syncing and reconciling cost beside the network: a price list of 5,000 models read, judged
// and made a catalogue of; a month of totals (30 days × 40 models, however many requests) compared.

import { nano } from '../../src/kernel/money.js';
import { NO_COUNTS } from '../../src/kernel/usage.js';
import { Report } from '../../src/reconcile/report.js';
import { compare } from '../../src/reconcile/reconcile.js';
import type { UtcTotals } from '../../src/ledger/utc-totals.js';
import { BUNDLED_SHEET, Catalogue } from '../../src/pricing/catalogue.js';
import { judge } from '../../src/pricing/sync-check.js';
import { sheetOf } from '../../src/pricing/sync-sheet.js';
import { readSource } from '../../src/pricing/sync-sources.js';
import type { MicroCase } from './case.js';

const MODELS = 5_000;
const DAYS = 30;
const MODELS_IN_USE = 40;
/** Ten million in the month. */
const REQUESTS_A_ROW = Math.ceil(10_000_000 / DAYS / MODELS_IN_USE);

/** In LiteLLM's shape, as wide as its rows are. */
function priceList(): string {
  const rows = Array.from({ length: MODELS }, (_, index) => [
    `model-${index}`,
    {
      litellm_provider: index % 2 === 0 ? 'openai' : 'anthropic',
      mode: 'chat',
      input_cost_per_token: 2.5e-6,
      output_cost_per_token: 1.5e-5,
      cache_read_input_token_cost: 2.5e-7,
      input_cost_per_token_above_272k_tokens: 5e-6,
      output_cost_per_token_above_272k_tokens: 2.25e-5,
      input_cost_per_token_priority: 5e-6,
      output_cost_per_token_priority: 3e-5,
      max_input_tokens: 1_050_000,
      max_output_tokens: 128_000,
      supports_function_calling: true,
      supported_endpoints: ['/v1/chat/completions', '/v1/batch', '/v1/responses'],
      source: 'https://example.com/pricing',
    },
  ]);
  return JSON.stringify(Object.fromEntries(rows));
}

/** Each day's rows agree with the invoice in tokens, and differ in price. */
function month(): { report: Report; rows: UtcTotals[] } {
  const report = new Report();
  const rows: UtcTotals[] = [];
  for (let day = 1; day <= DAYS; day += 1) {
    for (let index = 0; index < MODELS_IN_USE; index += 1) {
      const [utcDate, model] = [20260400 + day, `model-${index}`];
      const usage = { ...NO_COUNTS, inputTokens: 1_000_000, outputTokens: 500_000 };
      const shared = { utcDate, provider: 'openai', model, requests: REQUESTS_A_ROW };
      const booked = { cost: nano(5_000_000_000n), estimated: 0, estimatedCost: nano(0n), usage };
      rows.push({ ...shared, ...booked });
      report.add({ utcDate, model, tokenClass: 'input', cost: nano(3_000_000_000n) });
      report.add({ utcDate, model, tokenClass: 'output', cost: nano(2_500_000_000n) });
      report.add({ utcDate, model, tokens: { input: 1_000_000, output: 500_000 } });
    }
  }
  return { report, rows };
}

export function prices(): readonly MicroCase[] {
  const text = priceList();
  const { report, rows } = month();
  const config = { models: {}, reconcile: { intervalMinutes: 0, tolerancePct: 0.5 } };
  const days = { from: 20260401, to: 20260430 };
  return [
    {
      name: `prices: read and judge a list of ${MODELS} models`,
      run(iterations) {
        let found = 0;
        for (let i = 0; i < iterations; i++) {
          const source = sheetOf(readSource(text), BUNDLED_SHEET);
          found += judge(source, BUNDLED_SHEET, {}).changes.length;
          found += new Catalogue(source.sheet, 'bench').version.length;
        }
        return found;
      },
    },
    {
      name: 'reconcile: a month of 10 M requests',
      run(iterations) {
        let parts = 0;
        for (let i = 0; i < iterations; i++) {
          const compared = compare(report, 'openai', days, { config, rows });
          parts += compared.days.reduce((sum, day) => sum + day.parts.length, 0);
        }
        return parts;
      },
    },
  ];
}
