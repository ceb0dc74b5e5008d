// A request, as a straight line:
//
//   identify ─ quote ─ admit ─ journal ─ forward ─ meter ─ settle ─ journal ─ reply
//      │         │       │        │
//     401   400/404  402/429     503: nothing was sent
//
// Everything up to `forward` runs in one turn of the loop, unless money is tight and the prompt has
// to be counted exactly first.

import { messageOf } from '../kernel/errors.js';
import { admission, isAdmitted } from './admission.js';
import { Call } from './call.js';
import type { Caller } from './caller.js';
import type { Exchange } from './exchange.js';
import { forward } from './forward.js';
import type { Proxy } from './proxy.js';
import { type Quote, quoteFor } from './quote.js';
import { budgetRejection, isRejection, reject, type Rejection } from './rejection.js';
import { reportRejection } from './report.js';

/** The caller was identified before its body was read. */
export function serve(
  proxy: Proxy,
  exchange: Exchange,
  caller: Caller,
  anonymousId: () => string,
): void {
  const quote = quoteOrDefect(proxy, exchange, caller);
  if (isRejection(quote)) return reject(exchange, anonymousId(), quote);

  admission(proxy, exchange, quote, (outcome, decidedQuote) => {
    if (!isAdmitted(outcome)) {
      // Midnight may have passed while the prompt was counted.
      const { date } = decidedQuote.account;
      proxy.askedAgain.refused(proxy, exchange, caller, decidedQuote);
      reportRejection(proxy, outcome, date);
      const rejection = budgetRejection(proxy, outcome, date);
      return reject(exchange, anonymousId(), rejection);
    }
    let call: Call;
    try {
      call = new Call(proxy, decidedQuote, outcome, exchange);
    } catch (error) {
      return reject(exchange, anonymousId(), ledgerUnavailable(messageOf(error)));
    }
    call.keep(exchange);
    send(proxy, exchange, call, decidedQuote);
  });
}

/** Nothing is held yet: a defect that one request's body finds must not end everyone's thread. */
function quoteOrDefect(proxy: Proxy, exchange: Exchange, caller: Caller): Quote | Rejection {
  try {
    return quoteFor(proxy, exchange, caller);
  } catch (error) {
    process.emitWarning(`a request is refused on a defect: ${messageOf(error)}`);
    return { rejected: 'internal_error', message: 'The request could not be understood.' };
  }
}

/** From the journal onwards: nothing goes upstream before its reserve record is written. */
function send(proxy: Proxy, exchange: Exchange, call: Call, quote: Quote): void {
  proxy.turn.after((written) => {
    if (!written) {
      call.release(503);
      return reject(exchange, call.requestId, ledgerUnavailable('its journal failed'));
    }
    if (exchange.closed) return call.release(499);
    forward(proxy, exchange, call, quote);
    proxy.tally.overhead('request', proxy.nowUs() - exchange.readAtUs);
  });
}

const ledgerUnavailable = (cause: string): Rejection => ({
  rejected: 'ledger_unavailable',
  message: `The ledger cannot be written (${cause}). Nothing was sent to the provider.`,
});
