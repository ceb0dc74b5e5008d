// One value of the file against its schema: the value, or a sentence saying what was found, what is
// allowed and the mend. Money is read from the source text; no float touches it.

import { parseCents, parseCentsPer1k } from '../kernel/money.js';
import { didYouMean, quoted } from './problem.js';
import type { Marks } from './schema.js';

/** The keywords of a schema that a leaf can have. */
export interface LeafSchema extends Marks {
  readonly type?: string;
  readonly enum?: readonly (string | number)[];
  readonly minimum?: number;
  readonly maximum?: number;
}

/** A scalar as written: its value under YAML's core schema and the text it came from. */
export interface Written {
  readonly value: unknown;
  readonly source: string;
  /** Not written without quotes: a number inside is text. */
  readonly quoted: boolean;
}

export type Leaf = { ok: true; value: unknown } | { ok: false; message: string };

const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?$/;

/** What came out of `${…}` is text; where a number or a flag is due it is read as one. */
export function retype(schema: LeafSchema, text: string): Written {
  const flag = schema.type === 'boolean' && (text === 'true' || text === 'false');
  if (flag) return { value: text === 'true', source: text, quoted: false };
  const numeric = schema.type !== 'string' && NUMBER.test(text);
  return { value: numeric ? Number(text) : text, source: text, quoted: !numeric };
}

export function readLeaf(schema: LeafSchema, written: Written): Leaf {
  if (schema.money !== undefined) return readMoney(schema.money, written);
  if (fits(schema, written.value)) return { ok: true, value: written.value };
  const found = schema.secret === true ? kindOf(written) : shown(written);
  return { ok: false, message: `found ${found}, expected ${allowed(schema, written)}` };
}

/** Whether a schema takes a value. TypeBox says the same, at 240 modules more for each start. */
function fits({ type, enum: names, minimum, maximum }: LeafSchema, value: unknown): boolean {
  if (names !== undefined) return names.some((name) => name === value);
  if (type !== 'integer' && type !== 'number') return typeof value === type;
  if (typeof value !== 'number' || (type === 'integer' && !Number.isInteger(value))) return false;
  return value >= (minimum ?? -Infinity) && value <= (maximum ?? Infinity);
}

const kindOf = ({ value }: Written): string => (value === null ? 'nothing' : `a ${typeof value}`);

/** As the user sees it in the file: text in quotes, the rest as it stands. */
export const shown = (written: Written): string => {
  if (written.value === null) return 'nothing';
  if (typeof written.value === 'string') return quoted(written.value);
  return written.source.slice(0, 60);
};

function allowed(schema: LeafSchema, written: Written): string {
  if (schema.enum !== undefined) {
    const names = schema.enum.map(String);
    return names.join(' or ') + didYouMean(String(written.value), names);
  }
  const number = typeof written.value === 'string' && NUMBER.test(written.value);
  const mend = number ? ': remove the quotes' : '';
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'integer':
      return `a whole number from ${schema.minimum} to ${schema.maximum}${mend}`;
    case 'number':
      return `a number from ${schema.minimum} to ${schema.maximum}${mend}`;
    default:
      return 'text: put it in quotes';
  }
}

/** Largest limit: a billion dollars. Ten of them still fit the 64-bit nano-dollar counters. */
const CENTS_MAX = 100_000_000_000n;
/** Largest price: a thousand dollars per 1,000 tokens, over a thousand times the dearest model. */
const CENTS_PER_1K_MAX = 100_000n;
const SCALE = 10_000_000n;

const MONEY = {
  cents: { parse: parseCents, max: CENTS_MAX, unit: 'cents', example: '1000 for $10.00' },
  cents_per_1k: {
    parse: parseCentsPer1k,
    max: CENTS_PER_1K_MAX,
    unit: 'cents per 1,000 tokens',
    example: '0.5',
  },
} as const;

function readMoney(kind: keyof typeof MONEY, written: Written): Leaf {
  const { parse, max, unit, example } = MONEY[kind];
  const fault = (why: string): Leaf => ({
    ok: false,
    message: `found ${shown(written)}, expected ${unit} as a number, such as ${example}: ${why}`,
  });
  if (written.quoted && NUMBER.test(String(written.value))) return fault('remove the quotes');
  if (typeof written.value !== 'number') return fault('write digits only');
  const source = written.source.trim().replace(/^(\+?)\./, '$10.');
  if (!NUMBER.test(source)) return fault('write a finite decimal');
  if (source.startsWith('-')) {
    return fault('it cannot be negative (0 means nothing, a line left out means no such setting)');
  }
  const amount = parse(source);
  if (amount === null) return fault('round it to at most 7 decimals, a nano-dollar');
  if (amount > max * SCALE) return fault(`at most ${max} is possible`);
  return { ok: true, value: amount };
}
