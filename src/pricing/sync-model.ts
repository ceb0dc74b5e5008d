// What a source says of one model, in its own units, as a row of the sheet. What is no price is no
// row: a model is never free because somebody wrote 0 or -1.

import { parseDecimalUp, perMillionText } from '../kernel/money.js';
import type { RateTexts, SheetModel, TierTexts } from './sheet.js';
import { countOf, type Json, textOf } from '../kernel/exact-json.js';

/** 10⁻ˢᶜᵃˡᵉ of a source's unit is a pico-dollar per token. */
export const PER_MILLION = 6;
export const PER_TOKEN = 12;

type Rate = keyof RateTexts;
export type RawRates = { readonly [R in Rate | 'reasoning']?: Json | undefined };

export interface RawModel {
  readonly provider: string;
  readonly hosts?: readonly string[];
  readonly id: string;
  readonly rates: RawRates;
  readonly tiers?: readonly (RawRates & { readonly above: number })[] | undefined;
  /** The rates of service tiers. */
  readonly services?: Readonly<Record<string, RawRates>>;
  /** Dollars per thousand calls, as the sheet has them. */
  readonly webSearch?: string | undefined;
  readonly fileSearch?: string | undefined;
  readonly context?: Json | undefined;
  readonly maxOutput?: Json | undefined;
  /** Bills by the call, the picture or the second too: stays without a price. */
  readonly otherFees?: boolean;
}

/** Longer ones are no prices, and cost time to read. */
const DIGITS_MAX = 40;
/** Models that answer without output tokens. */
const EMBEDS = /embed|rerank/;
/** By their names these bill by the call, the minute or the picture. */
const FOREIGN_NAME = /search-(preview|api)|realtime|transcribe|tts|image|whisper|moderation|^ft:/;
const NAME = /^[\x21-\x7e]{1,200}$/;

/** A decimal in 10⁻ˢᶜᵃˡᵉ, rounded up; `null` when it is none, or not above zero. */
export function amountOf(value: Json | undefined, scale: number): bigint | null {
  const text = textOf(value);
  if (text === '' || text.length > DIGITS_MAX) return null;
  const amount = parseDecimalUp(text, scale);
  return amount === null || amount === 0n ? null : amount;
}

/** Dollars per thousand calls from dollars per so many calls. */
export function feeText(value: Json | undefined, calls: 1 | 1000): string | undefined {
  const amount = amountOf(value, calls === 1 ? 9 : 6);
  return amount === null ? undefined : perMillionText(amount);
}

/** `null`: the source names the model and gives no price that could be billed at. */
export function sheetModel(raw: RawModel, scale: number): SheetModel | null {
  const rates = ratesOf(raw.rates, scale, raw.id);
  if (rates === null || raw.otherFees === true || FOREIGN_NAME.test(raw.id)) return null;
  if (/audio/.test(raw.id) && rates.audioInput === undefined) return null;
  const tiers = (raw.tiers ?? [])
    .flatMap(({ above, ...texts }): TierTexts[] => {
      const tier = ratesOf(texts, scale, raw.id);
      return tier === null ? [] : [{ above, ...tier }];
    })
    .toSorted((a, b) => a.above - b.above);
  const services = servicesOf(raw, scale);
  const context = EMBEDS.test(raw.id) ? undefined : countOf(raw.context);
  const maxOutput = countOf(raw.maxOutput);
  // A window that its own tier lies beyond is no window.
  const isWindow = context !== undefined && tiers.every(({ above }) => above < context);
  return {
    ...rates,
    ...(tiers.length > 0 && { tiers }),
    ...(Object.keys(services).length > 0 && { services }),
    ...(raw.webSearch !== undefined && { webSearch: raw.webSearch }),
    ...(raw.fileSearch !== undefined && { fileSearch: raw.fileSearch }),
    ...(isWindow && { context }),
    ...(maxOutput !== undefined && { maxOutput }),
  };
}

export const isName = (id: string): boolean => NAME.test(id);

function ratesOf(raw: RawRates, scale: number, id: string): RateTexts | null {
  const text = (value: Json | undefined): string | undefined => {
    const amount = amountOf(value, scale);
    return amount === null ? undefined : perMillionText(amount);
  };
  const input = text(raw.input);
  // Reasoning is output to us: where it has a price of its own, the dearer of the two.
  const reasoning = amountOf(raw.reasoning, scale) ?? 0n;
  const answer = amountOf(raw.output, scale);
  const output = answer === null ? null : perMillionText(answer > reasoning ? answer : reasoning);
  if (input === undefined || (output === null && !EMBEDS.test(id))) return null;
  const others = [
    'cachedInput',
    'cacheWrite',
    'cacheWrite1h',
    'audioInput',
    'audioOutput',
  ] as const;
  const given = others.flatMap((rate) => {
    const found = text(raw[rate]);
    // Reading from a cache is never dearer than reading: such a price is a mistake of the list.
    const odd = rate === 'cachedInput' && Number(found) > Number(input);
    return found === undefined || odd ? [] : [[rate, found] as const];
  });
  return { input, output: output ?? '0', ...Object.fromEntries(given) };
}

/** A service tier as one multiple of the ordinary rates: of several the largest. */
function servicesOf({ rates, services }: RawModel, scale: number): Record<string, number[]> {
  const found: Record<string, number[]> = {};
  for (const [name, own] of Object.entries(services ?? {})) {
    for (const rate of ['input', 'output'] as const) {
      const times = amountOf(own[rate], scale);
      const over = amountOf(rates[rate], scale);
      if (times === null || over === null) continue;
      const [t, o] = found[name] ?? [0, 1];
      if (times * BigInt(o as number) > over * BigInt(t as number)) {
        const divisor = gcd(times, over);
        found[name] = [Number(times / divisor), Number(over / divisor)];
      }
    }
  }
  return found;
}

const gcd = (a: bigint, b: bigint): bigint => (b === 0n ? a : gcd(b, a % b));
