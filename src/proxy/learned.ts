// How much output a model's requests bring, learned from those that have settled: what
// `budget.reserve: expected` holds instead of the most they may bring. Each worker learns by
// itself; no I/O, no allocation once a model is known.

/** Requests remembered of each model. */
const SAMPLES = 64;
/** Fewer are no experience: the worst case is held. */
const SAMPLES_MIN = 16;
/** Of the remembered so many brought more than what is expected: one in twenty. */
const ABOVE = Math.floor(SAMPLES / 20);
/** Models beyond these are held at their worst, so that no invented name fills the memory. */
const MODELS_MAX = 1_024;

interface Sample {
  readonly tokens: Uint32Array;
  readonly sorted: Uint32Array;
  count: number;
}

export class LearnedOutput {
  readonly #models = new Map<string, Sample>();

  /** A request of the model has brought so much output, each of its choices on average. */
  learn(model: string, outputTokens: number): void {
    let sample = this.#models.get(model);
    if (sample === undefined) {
      if (this.#models.size >= MODELS_MAX) return;
      sample = {
        tokens: new Uint32Array(SAMPLES),
        sorted: new Uint32Array(SAMPLES),
        count: 0,
      };
      this.#models.set(model, sample);
    }
    sample.tokens[sample.count % SAMPLES] = outputTokens;
    sample.count += 1;
    sample.sorted.set(sample.tokens);
    sample.sorted.sort();
  }

  /** What nineteen in twenty requests of the model stayed within; `null` before it is known. */
  expected(model: string): number | null {
    const sample = this.#models.get(model);
    if (sample === undefined || sample.count < SAMPLES_MIN) return null;
    const above = Math.min(ABOVE, Math.floor(sample.count / 20));
    // Unused places are zero, and so sort first.
    return sample.sorted[SAMPLES - 1 - above] ?? null;
  }
}
