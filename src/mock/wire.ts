// What the mock provider needs of a wire: how it refuses, answers and streams.

import type { IncomingHttpHeaders } from 'node:http';
import type { JsonObject } from '../wire/shape.js';
import type { Answer, MockEvent } from './answer.js';
import type { Demand } from './demand.js';

export interface Fault {
  readonly status: number;
  readonly body: JsonObject;
}

export interface Wire {
  /** What the real provider would refuse; `null` when it would answer. */
  refused(headers: IncomingHttpHeaders, body: JsonObject): Fault | null;
  /** The failure that it was told to answer with. */
  fault(status: number): Fault;
  unauthorized(): Fault;
  /** What the request asks for, where that is not said as in a chat. */
  demand?(body: JsonObject): Demand;
  plain(given: Answer, body: JsonObject): JsonObject;
  events(given: Answer, body: JsonObject): MockEvent[];
  headers(given: Answer): Record<string, string>;
}
