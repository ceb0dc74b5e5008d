// Usage objects as providers send them, through the path that bills them: read, priced, rounded.
// The table's costs were worked out by hand from published prices, never by this code; where the
// two differ, one of them is wrong, and it is not for the table to give way.

import { readFileSync } from 'node:fs';
import t from 'tap';
import type { Config } from '../../src/config/config.js';
import type { Api } from '../../src/kernel/api.js';
import { usdText } from '../../src/kernel/money.js';
import { costOf } from '../../src/pricing/cost.js';
import { PriceTable } from '../../src/pricing/table.js';
import type { JsonObject } from '../../src/wire/shape.js';
import { usageOf } from '../../src/wire/usage.js';
import { configOf, model, provider } from './prices.js';

interface Row {
  readonly title: string;
  readonly provider: 'openai' | 'anthropic';
  readonly model: string;
  readonly wire: Api;
  readonly usage: JsonObject;
  /** What stands beside it in the answer: the tier that served, and the calls of tools. */
  readonly beside?: JsonObject;
  /** Exact dollars, as `usdText` writes them. */
  readonly cost_usd: string;
  /** Tokens, the published prices per million, and their sum. */
  readonly working: string;
}

// Compiled to dist/test/pricing, three folders below the project's root.
const TABLE = new URL('../../../fixtures/golden-costs.json', import.meta.url);
const rows = JSON.parse(readFileSync(TABLE, 'utf8')) as readonly Row[];

const BASE_URLS = { openai: 'https://api.openai.com/v1', anthropic: 'https://api.anthropic.com' };

const vendor = (type: Row['provider'], allowModels: 'listed' | 'catalogue') =>
  provider(type, { type, baseUrl: BASE_URLS[type], allowModels });

/** The two ways in which a configuration leaves the price to the catalogue. */
const configs = (row: Row): readonly Config[] => [
  configOf([vendor(row.provider, 'catalogue')], []),
  configOf([vendor(row.provider, 'listed')], [model(row.model, { provider: row.provider })]),
];

function charged(config: Config, row: Row): string {
  const priced = new PriceTable(config).find(row.model);
  if (typeof priced === 'string') return priced;
  const usage = usageOf(row.wire, { ...row.beside, usage: row.usage });
  return usage === null ? 'no usage' : usdText(costOf(priced.price, usage));
}

t.test('the table spans providers, wires, tiers and token classes', async (t) => {
  t.ok(rows.length >= 40, `${rows.length} rows`);
  t.equal(new Set(rows.map(({ title }) => title)).size, rows.length, 'each row has its own title');
  const wires = new Set(rows.map(({ provider, wire }) => `${provider} ${wire}`));
  t.strictSame([...wires].sort(), [
    'anthropic messages',
    'openai chat',
    'openai completions',
    'openai embeddings',
    'openai responses',
  ]);
  const classes = ['cached', 'cache write', '5m write', '1h write', '>272K', '>200K'];
  const beyond = ['flex', 'priority', 'batch', 'audio input', 'audio output', 'web search'];
  for (const words of [...classes, ...beyond, 'file search']) {
    t.ok(
      rows.some(({ working }) => working.includes(words)),
      words,
    );
  }
});

for (const row of rows) {
  t.test(`${row.title}: costs $${row.cost_usd}`, async (t) => {
    for (const config of configs(row)) t.equal(charged(config, row), row.cost_usd, row.working);
  });
}
