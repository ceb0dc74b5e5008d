// What the torture and its threads of seeds tell one another.

export const RESERVES = ['worst_case', 'expected'] as const;
export type Reserve = (typeof RESERVES)[number];

export interface SeedsStart {
  /** This one, then every so manyeth. */
  readonly firstSeed: number;
  readonly step: number;
  readonly seedsMax: number;
  readonly reserve: Reserve;
  readonly untilMs: number;
}

export interface SeedsReport {
  readonly seeds: number;
  readonly deaths: number;
  readonly admitted: number;
  readonly overshoot: bigint;
  readonly violations: readonly string[];
}
