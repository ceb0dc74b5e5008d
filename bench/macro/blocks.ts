// Two ways of running in turns under one load, and how far one is from the other: the order that
// lets no drift favour either, and the ratio with its error. Pure, so that it can be tried on rates
// that are known.

export const TURNS = ['alone', 'watched'] as const;
export type Turn = (typeof TURNS)[number];

/** So many blocks give one ratio: two of each turn. */
export const GROUP = 4;

/** ABBA BAAB ABBA …: a drift weighs on both alike within a group, its bend within two groups. */
export function turnOf(block: number): Turn {
  const place = block % GROUP;
  const isOuter = place === 0 || place === GROUP - 1;
  const isReversed = Math.floor(block / GROUP) % 2 === 1;
  return isOuter === isReversed ? 'watched' : 'alone';
}

export interface Estimate {
  readonly value: number;
  readonly standardError: number;
}

/**
 * Watched ÷ alone of values in the order of blocks, at least two groups of them: the geometric mean
 * of the groups' ratios, and its error as their scatter tells it.
 */
export function ratioOf(values: readonly number[]): Estimate {
  const logs = Array.from({ length: Math.floor(values.length / GROUP) }, (_, group) => {
    const sums = { alone: 0, watched: 0 };
    for (let block = group * GROUP; block < (group + 1) * GROUP; block += 1) {
      sums[turnOf(block)] += values[block] ?? Number.NaN;
    }
    return Math.log(sums.watched / sums.alone);
  });
  const mean = sum(logs) / logs.length;
  const variance = sum(logs.map((log) => (log - mean) ** 2)) / (logs.length - 1);
  const value = Math.exp(mean);
  return { value, standardError: value * Math.sqrt(variance / logs.length) };
}

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);
