// When an alert is tried again, and when a whole channel is left alone for a while. No clock and no
// dice of its own.

const FIRST_DELAY_MS = 1_000;
const DELAY_MS_MAX = 6 * 3_600_000;
/** 1 s, 4 s, 16 s … 4 h 33 min, then three times 6 h: 24 hours and 4 minutes at least. */
export const ATTEMPTS_MAX = 12;
/** A delay is up to so much longer, so that many that failed together do not return together. */
const JITTER = 0.25;

const FAILURES_MAX = 3;
const FIRST_PAUSE_MS = 5_000;
const PAUSE_MS_MAX = 300_000;

export interface Chance {
  readonly nowMs: number;
  /** From 0 to 1. */
  readonly random: number;
}

/** When to try again after so many attempts; `null`: never. */
export function nextTry(
  attempts: number,
  { nowMs, random }: Chance,
  retryAfterMs = 0,
): number | null {
  if (attempts >= ATTEMPTS_MAX) return null;
  const delayMs = Math.min(FIRST_DELAY_MS * 4 ** (attempts - 1), DELAY_MS_MAX);
  return nowMs + Math.max(Math.round(delayMs * (1 + JITTER * random)), retryAfterMs);
}

/**
 * A channel that failed three times in a row is left alone, then tried with one alert, and left
 * alone for longer when that fails too: what waits for it does not use up its attempts meanwhile.
 */
export class Circuit {
  #failures = 0;
  #pausedUntilMs = 0;

  /** The channel is in doubt: one alert at a time. */
  get open(): boolean {
    return this.#failures >= FAILURES_MAX || this.#pausedUntilMs > 0;
  }

  get failures(): number {
    return this.#failures;
  }

  /** Until when it is left alone; a time that has passed when it is not. */
  get pausedUntilMs(): number {
    return this.#pausedUntilMs;
  }

  succeed(): void {
    this.#failures = 0;
    this.#pausedUntilMs = 0;
  }

  fail({ nowMs, random }: Chance, retryAfterMs = 0): void {
    this.#failures += 1;
    const more = this.#failures - FAILURES_MAX;
    const pauseMs = more < 0 ? 0 : Math.min(FIRST_PAUSE_MS * 2 ** more, PAUSE_MS_MAX);
    const jittered = Math.round(pauseMs * (1 + JITTER * random));
    const waitMs = Math.max(jittered, retryAfterMs);
    if (waitMs > 0) this.#pausedUntilMs = Math.max(this.#pausedUntilMs, nowMs + waitMs);
  }
}
