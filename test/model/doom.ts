// The moment at which a simulated process dies: after so many steps of input and output. Whatever
// it tries from then on fails; what it had done by then stays.

export class Died extends Error {
  constructor() {
    super('the process is dead');
  }
}

/** One for all: thrown often, and its stack says nothing. */
const DIED = new Died();

export class Doom {
  #left = Number.POSITIVE_INFINITY;
  #dead = false;

  get dead(): boolean {
    return this.#dead;
  }

  /** Death comes within the step after so many more. */
  after(steps: number): void {
    this.#left = steps;
  }

  kill(): void {
    this.#dead = true;
  }

  alive(): void {
    if (this.#dead) throw DIED;
  }

  /** True when this very step is the last: it may take place in part. */
  isLast(): boolean {
    this.alive();
    this.#left -= 1;
    if (this.#left >= 0) return false;
    this.#dead = true;
    return true;
  }

  /** A step that takes place wholly or not at all. */
  step(): void {
    if (this.isLast()) throw DIED;
  }
}
