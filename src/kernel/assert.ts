// A failed assertion is a defect: the thread dies, the supervisor restarts it.

export function assert(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Error(`defect: ${message}`);
}

export function never(value: never): never {
  throw new Error(`defect: unexpected ${String(value)}`);
}
