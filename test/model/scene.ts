// What a seed plays with: where and when it begins, who spends how much, which steps follow one
// another, and how the clock moves.

import type { BudgetConfig, Limits } from '../../src/config/config.js';
import { windowBounds, WindowClock } from '../../src/kernel/calendar.js';
import { nano } from '../../src/kernel/money.js';
import { LearnedOutput } from '../../src/proxy/learned.js';
import { budgetConfig } from '../budget/fixture.js';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

/**
 * Zones with odd hours, and nights on which their clocks change, months and years that end, and a
 * day that never was.
 */
const PLACES: readonly (readonly [timezone: string, ...starts: number[]])[] = [
  ['UTC', Date.UTC(2028, 1, 28, 22), Date.UTC(2026, 11, 31, 23, 30)],
  ['Europe/Berlin', Date.UTC(2026, 2, 28, 22, 30), Date.UTC(2026, 9, 24, 21, 30)],
  ['America/New_York', Date.UTC(2026, 2, 8, 4), Date.UTC(2026, 10, 1, 3)],
  ['Asia/Kolkata', Date.UTC(2026, 3, 30, 18)],
  ['Asia/Kathmandu', Date.UTC(2026, 4, 31, 18)],
  ['Australia/Lord_Howe', Date.UTC(2026, 3, 4, 12), Date.UTC(2026, 9, 3, 12)],
  ['America/Sao_Paulo', Date.UTC(2018, 10, 4, 1)],
  ['Pacific/Apia', Date.UTC(2011, 11, 30, 9)],
];

const ACTIONS: readonly (readonly [action: string, weight: number])[] = [
  ['request', 40],
  ['answer', 30],
  ['turn', 25],
  ['fold', 8],
  ['clock', 10],
  ['audit', 2],
  ['worker dies', 1],
  ['killed', 1],
  ['doomed', 2],
  ['ends', 1],
  ['disk', 1],
];

const WEIGHTS = ACTIONS.reduce((sum, [, weight]) => sum + weight, 0);
const USERS = ['ann', 'bob', 'cleo'] as const;

export interface Scene {
  readonly budget: BudgetConfig;
  readonly calendar: WindowClock;
  readonly startMs: number;
  readonly steps: number;
  readonly workers: number;
  readonly segmentBytes: number;
  readonly durability: 'process' | 'power';
  readonly limitOf: (scope: string, window: 'daily' | 'monthly') => bigint | null;
  readonly nextAction: () => string;
  readonly nextUser: () => string;
  readonly nextBounds: () => { inputTokens: number; outputTokens: number };
  readonly learned: () => LearnedOutput;
  readonly moveClock: (nowMs: number) => number;
}

/** Of up to 64 requests, once somebody asks: many lives end before. */
class Experience extends LearnedOutput {
  #below: ((most: number) => number) | null;

  constructor(below: (most: number) => number) {
    super();
    this.#below = below;
  }

  override learn(model: string, outputTokens: number): void {
    this.#gain();
    super.learn(model, outputTokens);
  }

  override expected(model: string): number | null {
    this.#gain();
    return super.expected(model);
  }

  #gain(): void {
    const below = this.#below;
    this.#below = null;
    if (below === null) return;
    // As many as are remembered now and then; too few for experience, or just enough, mostly.
    const requests = below(8) === 0 ? 64 : below(24);
    for (let request = 0; request < requests; request++) {
      for (const model of ['dear', 'cheap']) super.learn(model, below(300));
    }
  }
}

export function sceneOf(random: () => number, reserve: BudgetConfig['reserve']): Scene {
  const below = (most: number): number => Math.floor(random() * most);
  const pick = <T>(from: readonly T[]): T => from[below(from.length)] as T;
  const [timezone, ...starts] = pick(PLACES);
  const calendar = new WindowClock(timezone);
  // A request costs up to two cents: some budgets are spent within a few, some never.
  const limit = (): Limits['daily'] =>
    random() < 0.3 ? null : nano(BigInt(below(2_000) + 1) * 100_000n);
  const limits = (): Limits => ({ daily: limit(), monthly: limit() });
  const budget: BudgetConfig = {
    ...budgetConfig(limits(), { ann: limits(), bob: limits() }),
    timezone,
    reserve,
    clampOutput: random() < 0.5,
    clampMinTokens: 50,
    fallbackModel: random() < 0.4 ? 'cheap' : null,
    alertThresholdsPct: [50, 80, 100],
  };
  const limitsOf = (scope: string): Limits | undefined =>
    scope === 'global' ? budget.global : budget.perUser?.users[scope.slice('user:'.length)];
  return {
    budget,
    calendar,
    startMs: pick(starts),
    steps: 20 + below(60),
    workers: 1 + below(3),
    segmentBytes: pick([4096, 8192, 16_384]),
    durability: random() < 0.7 ? 'process' : 'power',
    limitOf: (scope, window) => limitsOf(scope)?.[window] ?? null,
    nextAction() {
      let at = random() * WEIGHTS;
      return (ACTIONS.find(([, weight]) => (at -= weight) < 0) ?? ACTIONS[0]!)[0];
    },
    nextUser: () => pick(USERS),
    nextBounds: () => ({ inputTokens: below(2_000), outputTokens: 1 + below(1_000) }),
    learned: () => new Experience(below),
    moveClock(nowMs) {
      const at = random();
      if (at < 0.5) return nowMs + below(20 * 60_000);
      if (at < 0.6) return nowMs + HOUR_MS;
      if (at < 0.7) return nowMs - HOUR_MS;
      if (at < 0.8) {
        // To within a second of midnight, before or after it.
        const { endMs } = windowBounds('daily', calendar.dateAt(nowMs), timezone);
        return endMs - 1_000 + below(2_000);
      }
      if (at < 0.85) return nowMs + 1 + below(DAY_MS);
      // Asleep for days, or set back by days.
      return nowMs + (below(7) - 3) * DAY_MS;
    },
  };
}
