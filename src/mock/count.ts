// The mock provider's free counts: what a request's input would be billed as, without an answer and
// without a bill.

import { isAbsent, type JsonObject } from '../wire/shape.js';
import { fault as openAiFault } from './chat.js';
import { conversationDemand } from './demand.js';
import { fault as anthropicFault, messagesWire } from './messages.js';
import { responsesWire } from './responses.js';
import type { Steering } from './steering.js';
import type { Fault, Wire } from './wire.js';

interface Counter {
  /** Whose errors it answers with. */
  readonly wire: Wire;
  count(body: JsonObject, steering: Steering): Fault;
}

const tokens = (body: JsonObject, steering: Steering): number =>
  steering.inputTokens ?? conversationDemand(body).inputTokens;

const told = (wire: Wire, { errorStatus }: Steering): Fault | null =>
  errorStatus === null ? null : wire.fault(errorStatus);

const countMessages: Counter = {
  wire: messagesWire,
  count(body, steering) {
    for (const name of ['model', 'messages']) {
      if (isAbsent(body[name])) return anthropicFault(400, `${name}: Field required`);
    }
    if (!isAbsent(body['max_tokens'])) {
      return anthropicFault(400, 'max_tokens: Extra inputs are not permitted');
    }
    const counted = { status: 200, body: { input_tokens: tokens(body, steering) } };
    return told(messagesWire, steering) ?? counted;
  },
};

const countResponses: Counter = {
  wire: responsesWire,
  count(body, steering) {
    if (!isAbsent(body['stream'])) {
      return openAiFault(400, "Unknown parameter: 'stream'.", 'stream', 'unknown_parameter');
    }
    const counted = { object: 'response.input_tokens', input_tokens: tokens(body, steering) };
    return told(responsesWire, steering) ?? { status: 200, body: counted };
  },
};

export const COUNTERS: ReadonlyMap<string, Counter> = new Map([
  ['/v1/messages/count_tokens', countMessages],
  ['/v1/responses/input_tokens', countResponses],
]);
