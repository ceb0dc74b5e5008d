// The bundled snapshot itself: complete, exact and never zero where money is spent.

import t from 'tap';
import { parseDecimal } from '../../src/kernel/money.js';
import snapshot from '../../src/pricing/catalogue.json' with { type: 'json' };
import { encodingOf } from '../../src/pricing/encoding.js';

interface Row {
  readonly input: string;
  readonly output: string;
  readonly context?: number;
  readonly maxOutput?: number;
  readonly tiers?: readonly { readonly above: number; readonly input: string }[];
}

const rows: [string, Row][] = Object.values(snapshot.providers).flatMap(({ models }) =>
  Object.entries(models as Record<string, Row>),
);

t.test(
  'every price is a decimal that pico-dollars hold exactly, and no input is free',
  async (t) => {
    t.ok(rows.length > 500);
    for (const [id, row] of rows) {
      for (const text of [row.input, row.output]) {
        if (parseDecimal(text, 6) === null) t.fail(`${id}: ${text}`);
      }
      if (parseDecimal(row.input, 6) === 0n) t.fail(`${id} is free`);
      if (row.output === '0' && !/embed/.test(id)) t.fail(`${id} answers for free`);
    }
  },
);

t.test('tiers ascend and lie inside the window', async (t) => {
  for (const [id, row] of rows) {
    const edges = (row.tiers ?? []).map(({ above }) => above);
    if (edges.some((edge, index) => edge <= (edges[index - 1] ?? 0))) t.fail(`${id}: order`);
    if (edges.some((edge) => edge >= (row.context ?? Infinity))) t.fail(`${id}: window`);
  }
});

t.test('models are counted with their maker’s published encoding', async (t) => {
  const cl100k = ['gpt-4', 'gpt-4-0613', 'gpt-4-turbo', 'gpt-3.5-turbo', 'text-embedding-3-small'];
  for (const name of cl100k) t.equal(encodingOf(name), 'cl100k_base', name);
  const o200k = ['gpt-4o', 'gpt-4o-mini', 'gpt-4.1-nano', 'gpt-5', 'gpt-5.6-sol', 'gpt-6-luna'];
  const more = ['o1', 'o3-mini', 'o4-mini-2025-04-16', 'gpt-oss-120b', 'openai/gpt-oss-20b'];
  for (const name of [...o200k, ...more]) t.equal(encodingOf(name), 'o200k_base', name);
  const unknown = ['claude-opus-5', 'gpt-45', 'gpt-7', 'llama-3', 'o200', '', 'davinci'];
  for (const name of unknown) t.equal(encodingOf(name), null, name);
});
