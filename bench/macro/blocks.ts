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

/** Of the groups, left out at either end: a neighbour's burst must not be taken for a cost. */
const TRIMMED = 0.2;

/**
 * Watched ÷ alone of values in the order of blocks, at least two groups of them: the trimmed
 * geometric mean of the groups' ratios. Its error is Tukey's and McLaughlin's (1963): the scatter
 * once what is left out counts as the nearest that is kept, for the share that is kept.
 */
export function ratioOf(values: readonly number[]): Estimate {
  const logs = Array.from({ length: Math.floor(values.length / GROUP) }, (_, group) => {
    const sums = { alone: 0, watched: 0 };
    for (let block = group * GROUP; block < (group + 1) * GROUP; block += 1) {
      sums[turnOf(block)] += values[block] ?? Number.NaN;
    }
    return Math.log(sums.watched / sums.alone);
  }).toSorted((one, other) => one - other);
  const cut = Math.floor(logs.length * TRIMMED);
  const kept = logs.slice(cut, logs.length - cut);
  const [least = Number.NaN, most = Number.NaN] = [kept[0], kept.at(-1)];
  const drawnIn = logs.map((log) => Math.min(Math.max(log, least), most));
  const centre = mean(drawnIn);
  const variance = sum(drawnIn.map((log) => (log - centre) ** 2)) / (logs.length - 1);
  const value = Math.exp(mean(kept));
  return { value, standardError: (value * Math.sqrt(variance * logs.length)) / kept.length };
}

const sum = (values: readonly number[]): number => values.reduce((total, each) => total + each, 0);

const mean = (values: readonly number[]): number => sum(values) / values.length;
