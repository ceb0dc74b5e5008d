// One thing that the doctor has looked at, what it found, and what to do about it.

export interface Finding {
  readonly verdict: 'ok' | 'warning' | 'failure';
  readonly about: string;
  readonly found: string;
  /** Absent where all is well. */
  readonly mend?: string;
  /** A provider or the proxy cannot be reached: told apart by the exit code. */
  readonly unreachable?: boolean;
}
