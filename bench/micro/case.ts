// One hot function under the clock. `run` repeats it so often itself, so that the loop is the
// function's own and no call through a closure is measured with it.

export interface MicroCase {
  readonly name: string;
  /** Returns something that depends on every result, so that no work can be optimised away. */
  run(iterations: number): unknown;
  close?(): void;
}
