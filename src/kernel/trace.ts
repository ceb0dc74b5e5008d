// Where a request stands in its client's trace: W3C Trace Context, as the header `traceparent` has
// it.

export interface TraceParent {
  /** 32 hex digits, not all of them 0. */
  readonly traceId: string;
  /** The client's own span: 16 hex digits, not all of them 0. */
  readonly spanId: string;
  /** 8 bits; the lowest: the client keeps this trace. */
  readonly flags: number;
}

const TRACEPARENT =
  /^(?!ff)([0-9a-f]{2})-(?!0{32})([0-9a-f]{32})-(?!0{16})([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;

/** `null` for what is no `traceparent`: the request begins a trace of its own. */
export function traceParentOf(header: string): TraceParent | null {
  const [, version, traceId, spanId, flags, more] = TRACEPARENT.exec(header) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  // Only a later version may have more fields.
  if (version === '00' && more !== undefined) return null;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) };
}

/** As it goes on to a provider: nothing else that the client's own said. */
export const traceParentText = ({ traceId, spanId, flags }: TraceParent): string =>
  `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
