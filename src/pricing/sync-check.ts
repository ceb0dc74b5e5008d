// Whether new prices may replace old ones, and what they change. A list that is wrong by its unit,
// truncated or forged must not get past: everything here compares texts as integers.

import { dollars, nano, parseDecimal } from '../kernel/money.js';
import { namesOf, type RateTexts, type Sheet, type SheetModel, undated } from './sheet.js';
import type { SourceSheet } from './sync-sheet.js';

export interface PriceChange {
  readonly provider: string;
  readonly model: string;
  /** `null`: the model had no price. */
  readonly before: SheetModel | null;
  readonly after: SheetModel;
}

export interface Verdict {
  readonly changes: readonly PriceChange[];
  /** Why the prices are not to be taken; empty when they may. */
  readonly problems: readonly string[];
}

const JUMP_MAX = 10n;
/** The share of the models before that must still be there, in percent. */
const MODELS_MIN_PCT = 50;
/** No model has cost a tenth of it yet: beyond it stands a wrong unit. */
const DOLLARS_PER_MILLION_MAX = 10_000n;
const PROBLEMS_MAX = 20;

const RATES = ['input', 'output'] as const;
const pico = (text: string): bigint => parseDecimal(text, 6) ?? 0n;

/** Compares with the prices in force; `synced` are those of the same source before. */
export function judge({ sheet, unpriced }: SourceSheet, inForce: Sheet, synced: Sheet): Verdict {
  const changes: PriceChange[] = [];
  const problems: string[] = [];
  let count = 0;
  for (const [provider, shelf] of Object.entries(sheet)) {
    const old = inForce[provider];
    const names = old === undefined ? new Map<string, SheetModel>() : namesOf(old);
    for (const [model, after] of Object.entries(shelf.models)) {
      count += 1;
      const before = names.get(model) ?? names.get(undated(model)) ?? null;
      problems.push(...problemsOf(`${provider}/${model}`, before, after));
      if (before === null || differs(before, after))
        changes.push({ provider, model, before, after });
    }
    for (const model of names.keys()) {
      if (!unpriced.has(`${provider}/${model}`)) continue;
      problems.push(`${provider}/${model} has no price above zero, and had one`);
    }
  }
  const earlier = modelCount(synced);
  if (count === 0) problems.push('it prices no model of the configured providers');
  else if (count * 100 < earlier * MODELS_MIN_PCT) {
    problems.push(`it prices ${count} models where there were ${earlier}`);
  }
  const more = problems.length - PROBLEMS_MAX;
  if (more > 0) problems.splice(PROBLEMS_MAX, more, `and ${more} more like these`);
  return { changes, problems };
}

const modelCount = (sheet: Sheet): number =>
  Object.values(sheet).reduce((sum, { models }) => sum + Object.keys(models).length, 0);

function* problemsOf(name: string, before: SheetModel | null, after: SheetModel): Iterable<string> {
  for (const rate of RATES) {
    const price = pico(after[rate]);
    if (price > DOLLARS_PER_MILLION_MAX * 1_000_000n) {
      yield `${name}: ${rate} at ${perMillion(after[rate])} is beyond any price: a wrong unit?`;
    }
    if (before === null) continue;
    const was = pico(before[rate]);
    if (was === 0n || price === 0n) continue;
    if (price > was * JUMP_MAX || price * JUMP_MAX < was) {
      yield `${name}: ${rate} from ${perMillion(before[rate])} to ${perMillion(after[rate])}`;
    }
  }
}

export const perMillion = (text: string): string => `${dollars(nano(pico(text) * 1_000n))}/M`;

const CLASSES = [
  'input',
  'output',
  'cachedInput',
  'cacheWrite',
  'cacheWrite1h',
  'audioInput',
  'audioOutput',
] as const satisfies readonly (keyof RateTexts)[];

const sameRates = (a: RateTexts, b: RateTexts): boolean =>
  CLASSES.every((rate) => pico(a[rate] ?? '') === pico(b[rate] ?? ''));

function differs(a: SheetModel, b: SheetModel): boolean {
  if (!sameRates(a, b) || a.webSearch !== b.webSearch || a.fileSearch !== b.fileSearch) return true;
  if (JSON.stringify(a.services ?? {}) !== JSON.stringify(b.services ?? {})) return true;
  const [own = [], others = []] = [a.tiers, b.tiers];
  return (
    own.length !== others.length ||
    own.some((tier, index) => {
      const other = others[index];
      return other === undefined || tier.above !== other.above || !sameRates(tier, other);
    })
  );
}
