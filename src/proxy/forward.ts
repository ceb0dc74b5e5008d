// Sends an admitted request upstream and brings the answer back: whole bodies are held until they
// end, streams pass as they come. Whatever the provider, the client or the clock does, the call
// ends once.

import type {
  ForwardHandler,
  Forwarding,
  Upstream,
  UpstreamFailure,
} from '../upstream/upstream.js';
import { messageOf } from '../kernel/errors.js';
import type { PricedModel } from '../pricing/table.js';
import { type Answer, failureRejection } from './answer.js';
import type { Call } from './call.js';
import type { Exchange, Headers } from './exchange.js';
import { type Outgoing, outgoing } from './outgoing.js';
import { PlainAnswer } from './plain.js';
import type { Proxy } from './proxy.js';
import type { Quote } from './quote.js';
import { reject, type Rejection } from './rejection.js';
import { StreamAnswer } from './streamed.js';

/** It has no body, whatever its headers say. */
const NO_CONTENT = 204;

export function forward(proxy: Proxy, exchange: Exchange, call: Call, quote: Quote): void {
  const sent = outgoingOrRejection(exchange, call);
  if ('rejected' in sent) {
    call.release(400);
    return reject(exchange, call.requestId, sent);
  }
  const upstream = upstreamFor(proxy, call.candidate.model);
  if (upstream === null) {
    call.release(502);
    const message = 'The provider has changed in the configuration meanwhile. Send it again.';
    return reject(exchange, call.requestId, { rejected: 'upstream_unreachable', message });
  }
  let answer: Answer | null = null;
  const handler: ForwardHandler = {
    onStart(status, headers) {
      const isAnswer = status >= 200 && status < 300 && status !== NO_CONTENT;
      const streamed = quote.request.stream && isAnswer && isEventStream(headers);
      const Kind = streamed ? StreamAnswer : PlainAnswer;
      answer = new Kind({
        proxy,
        exchange,
        call,
        sent,
        status,
        headers,
        forwarding: () => forwarding,
      });
    },
    onData: (chunk) => answer?.data(chunk),
    onEnd: (isSent) => {
      answer?.end();
      if (isSent) exchange.bodySent();
    },
    onFailure: (failure) => {
      if (answer === null) return failedBeforeAnswer(proxy, exchange, call, failure);
      try {
        answer.cut(failure);
      } catch (error) {
        // What an end finds wrong ends its request, charged in full, and not its thread.
        process.emitWarning(`an answer's end is given up on a defect: ${messageOf(error)}`);
        if (call.reservation.state === 'reserved')
          call.settle(null, { outputBytes: Infinity }, 502);
        proxy.turn.flush();
        exchange.drop();
      }
    },
  };
  const forwarding: Forwarding = upstream.forward(
    { target: sent.wire, body: sent.body, headers: headersFor(exchange, sent) },
    handler,
  );
  const seconds = proxy.deadlines.timeoutMs / 1000;
  const message = `took more than ${seconds} s (server.request_timeout_seconds)`;
  call.underway(() => forwarding.abort({ message, isLate: true }));
}

/**
 * `null` when a request that had to be counted comes back to another configuration: what it holds
 * was reckoned with the prices of the provider that it was for.
 */
function upstreamFor(proxy: Proxy, { provider }: PricedModel): Upstream | null {
  const upstream = proxy.upstreams.get(provider.name);
  if (upstream === undefined) return null;
  const { type, baseUrl } = upstream.provider;
  return type === provider.type && baseUrl === provider.baseUrl ? upstream : null;
}

/** To be translated a body is read whole: a text that was left out before may be no JSON. */
function outgoingOrRejection(exchange: Exchange, call: Call): Outgoing | Rejection {
  try {
    return outgoing(exchange, call);
  } catch (error) {
    return {
      rejected: 'invalid_request',
      message: `The body cannot be sent on: ${messageOf(error)}`,
    };
  }
}

/** What the client may say to the provider; in a translation its beta flags are another API's. */
function headersFor(exchange: Exchange, sent: Outgoing): Readonly<Record<string, string>> {
  if (sent.wire === exchange.api) return exchange.forwarded;
  const kept = Object.entries(exchange.forwarded).filter(
    ([name]) => !name.startsWith('anthropic-') && name !== 'openai-beta',
  );
  return { ...Object.fromEntries(kept), ...sent.headers };
}

const isEventStream = (headers: Headers): boolean =>
  headers.some(
    ([name, value]) =>
      name === 'content-type' && value.toLowerCase().startsWith('text/event-stream'),
  );

function failedBeforeAnswer(
  proxy: Proxy,
  exchange: Exchange,
  call: Call,
  failure: UpstreamFailure,
): void {
  const status = failure.isLate ? 504 : 502;
  // Once a byte may have reached the provider it may bill: at least the input is charged.
  call.stopDeadline();
  if (failure.sent) call.settle(null, { outputBytes: failure.unreadable ? Infinity : 0 }, status);
  else call.release(status);
  proxy.turn.after(() => {
    reject(exchange, call.requestId, failureRejection(call, failure));
  });
}
