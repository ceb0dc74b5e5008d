// What plain and streamed answers have in common: what they are made of, their headers, and what is
// said when the provider fails.

import { headroom } from '../budget/admit.js';
import { centsText } from '../kernel/money.js';
import type { Forwarding, UpstreamFailure } from '../upstream/upstream.js';
import type { Call } from './call.js';
import type { Exchange, Headers } from './exchange.js';
import type { Outgoing } from './outgoing.js';
import type { Proxy } from './proxy.js';
import type { Rejection } from './rejection.js';

type Header = Headers[number];

/** What becomes of the provider's answer. */
export interface Answer {
  data(chunk: Buffer): void;
  end(): void;
  /** The connection broke off, or the deadline passed, after the answer had begun. */
  cut(failure: UpstreamFailure): void;
}

export interface AnswerParts {
  readonly proxy: Proxy;
  readonly exchange: Exchange;
  readonly call: Call;
  readonly sent: Outgoing;
  readonly status: number;
  readonly headers: Headers;
  readonly forwarding: () => Forwarding;
}

/** The headers of every forwarded answer: the provider's, then ours. */
export function answerHeaders({ proxy, call, headers, sent }: AnswerParts): Header[] {
  const all = [...headers];
  all.push(
    ['x-tokenpak-request-id', call.requestId],
    ['x-tokenpak-model', call.candidate.model.name],
  );
  if (call.candidate.fallback) all.push(['x-tokenpak-fallback', 'budget']);
  if (call.clamped !== null) all.push(['x-tokenpak-clamped-max-tokens', String(call.clamped)]);
  if (sent.dropped.length > 0) all.push(['x-tokenpak-dropped', sent.dropped.join(', ')]);
  const remaining = headroom(proxy.counters, call.quote.account);
  if (remaining !== null) all.push(['x-tokenpak-remaining-cents', centsText(remaining)]);
  return all;
}

export const failureRejection = (call: Call, failure: UpstreamFailure): Rejection => ({
  rejected: failure.isLate ? 'upstream_timeout' : 'upstream_unreachable',
  message: `Provider ${call.candidate.model.provider.name} ${failure.message}.`,
});
