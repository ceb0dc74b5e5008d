// Money: integer nano-dollars for amounts, integer pico-dollars for the price of one token.
// Nothing here touches a float: text becomes a bigint digit by digit, and back.

declare const nanoUsd: unique symbol;
declare const picoUsd: unique symbol;

/** An amount in nano-dollars, 10⁻⁹ USD. */
export type NanoUsd = bigint & { readonly [nanoUsd]: true };

/** The price of one token in pico-dollars, 10⁻¹² USD: $1 per million tokens is 1,000,000. */
export type PicoUsd = bigint & { readonly [picoUsd]: true };

export const nano = (value: bigint): NanoUsd => value as NanoUsd;
export const pico = (value: bigint): PicoUsd => value as PicoUsd;

export const ZERO_USD = nano(0n);

/** Digits behind the last that counts: those of a double that somebody else's float has left. */
const FINER_DIGITS = 30;
const FINER = 10n ** BigInt(FINER_DIGITS);

const DECIMAL = /^\+?(\d+)(?:\.(\d*))?(?:[eE]([+-]?\d{1,3}))?$/;

/**
 * Reads a non-negative decimal (`3`, `0.5`, `1.5e-06`) as an integer count of 10⁻ˢᶜᵃˡᵉ.
 * `null` when the text is no such number, or has digits finer than the scale.
 */
export function parseDecimal(text: string, scale: number): bigint | null {
  const match = DECIMAL.exec(text.trim().replaceAll('_', ''));
  if (match === null) return null;
  const fraction = match[2] ?? '';
  const digits = BigInt(match[1] + fraction);
  const shift = scale + Number(match[3] ?? 0) - fraction.length;
  if (shift >= 0) return digits * 10n ** BigInt(shift);
  const divisor = 10n ** BigInt(-shift);
  return digits % divisor === 0n ? digits / divisor : null;
}

/** The same, with digits finer than the scale rounded up. */
export function parseDecimalUp(text: string, scale: number): bigint | null {
  const exact = parseDecimal(text, scale);
  if (exact !== null) return exact;
  const fine = parseDecimal(text, scale + FINER_DIGITS);
  return fine === null ? null : (fine + FINER - 1n) / FINER;
}

/** One cent is 10⁷ nano-dollars. */
export const parseCents = (text: string): NanoUsd | null => parseDecimal(text, 7) as NanoUsd | null;

/** One cent per 1,000 tokens is 10⁷ pico-dollars per token. */
export const parseCentsPer1k = (text: string): PicoUsd | null =>
  parseDecimal(text, 7) as PicoUsd | null;

const DIGIT_ZERO = 0x30;

function formatDecimal(value: bigint, scale: number, digitsMin: number): string {
  const magnitude = value < 0n ? -value : value;
  const [whole, fraction] = split(magnitude, scale);
  const digits = fraction.padStart(scale, '0');
  let end = scale;
  while (end > digitsMin && digits.codePointAt(end - 1) === DIGIT_ZERO) end--;
  const sign = value < 0n ? '-' : '';
  return end === 0 ? sign + whole : `${sign}${whole}.${digits.slice(0, end)}`;
}

/** Powers of ten; no scale is larger. */
const UNITS = Array.from({ length: 10 }, (_, scale) => 10 ** scale);

/**
 * What stands before the point, and what behind it without leading zeros. Whole numbers up to 2⁵³
 * are divided exactly: a quotient that was rounded up shows, and is taken back. Small ones are
 * written in a fraction of the time that others take.
 */
function split(magnitude: bigint, scale: number): readonly [whole: string, fraction: string] {
  const unit = UNITS[scale] as number;
  const short = Number(magnitude);
  if (Number.isSafeInteger(short)) {
    const whole = Math.floor(short / unit);
    const fraction = short - whole * unit;
    return fraction < 0
      ? [String(whole - 1), String(fraction + unit)]
      : [String(whole), String(fraction)];
  }
  return [String(magnitude / BigInt(unit)), String(magnitude % BigInt(unit))];
}

/** Exact decimal dollars for JSON: at least two decimals, at most nine. `"3.60"` */
export const usdText = (value: NanoUsd): string => formatDecimal(value, 9, 2);

/** Exact decimal cents, as few digits as it takes: `180`, `0.0435`. A valid JSON number. */
export const centsText = (value: NanoUsd): string => formatDecimal(value, 7, 0);

/** Dollars per million tokens as decimal text, from pico-dollars per token. */
export const perMillionText = (value: bigint): string => formatDecimal(value, 6, 0);

/** Dollars for people: two decimals, four when the amount is no whole cent. `$3.60`, `$0.0044` */
export function dollars(value: NanoUsd): string {
  if (value < 0n) return `-${dollars(nano(-value))}`;
  const cents = value % 10_000_000n === 0n;
  if (cents) return `$${formatDecimal(value / 10_000_000n, 2, 2)}`;
  return `$${formatDecimal((value + 50_000n) / 100_000n, 4, 2)}`;
}
