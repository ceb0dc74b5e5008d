// Meters a Responses stream for a client of the same wire. Its bytes stay the provider's, but for
// the cost members in the terminal event, the only one that carries usage.

import { ERRORS, type ErrorCode } from '../kernel/errors.js';
import type { Usage } from '../kernel/usage.js';
import { DONE } from './chat-reader.js';
import type { Output } from './output.js';
import { isObject, parseReport, textOf, type JsonObject } from './shape.js';
import type { SseEvent } from './sse.js';
import { cutMessage, type MeterOptions } from './stream.js';
import { EventMeter } from './event-meter.js';
import { responseUsage } from './usage.js';

const TERMINAL = new Set(['response.completed', 'response.incomplete', 'response.failed']);

/** What the model wrote in this event: a delta of any kind, or the name of what it calls. */
function writtenText(type: string, event: JsonObject): string {
  if (type.endsWith('.delta')) return textOf(event['delta']);
  const { item } = event;
  return type === 'response.output_item.added' && isObject(item) ? textOf(item['name']) : '';
}

class ResponsesReader {
  usage: Usage | null = null;
  outputBytes = 0;
  model: string | null = null;
  nextSequence = 0;

  read(type: string, body: JsonObject): void {
    const { response, sequence_number: sequence } = body;
    if (typeof sequence === 'number') this.nextSequence = sequence + 1;
    if (isObject(response)) this.model ??= textOf(response['model']) || null;
    this.outputBytes += Buffer.byteLength(writtenText(type, body));
  }
}

export class ResponsesMeter extends EventMeter<ResponsesReader> {
  constructor(options: MeterOptions) {
    super(options, new ResponsesReader());
  }

  protected override conclude(): void {
    // Only a terminal event ends a response well.
  }

  protected override take(event: SseEvent, out: Output): void {
    const body = event.data === null || event.data === DONE ? null : parseReport(event.data);
    const type = textOf(body?.['type']) || (event.event ?? '');
    if (body !== null) this.reader.read(type, body);
    if (event.data === DONE) {
      // Not of this wire, but some servers send it. Nothing comes behind it.
      this.held.settle(this.usage, out);
      this.complete = true;
    } else if (TERMINAL.has(type) && !this.settled) {
      this.#finish(event, body, out);
      return;
    } else if (type === 'error') {
      // A response.failed with usage may follow: the cost waits for the stream's end, not the
      // event.
      this.complete = true;
    }
    out.pass(event);
  }

  #finish(event: SseEvent, body: JsonObject | null, out: Output): void {
    const response = body?.['response'];
    const usage = isObject(response) ? response['usage'] : null;
    this.reader.usage = isObject(response) ? responseUsage(response) : null;
    this.complete = true;
    if (isObject(usage)) this.held.hold(event, false, out);
    this.held.settle(this.usage, out);
    // Without usage the cost went ahead in a comment.
    if (!isObject(usage)) out.pass(event);
  }

  /** The documented members on top; the SDKs throw where they find `error`. */
  protected override cutEvent(code: ErrorCode): Uint8Array {
    const fault = { code, message: cutMessage(code), param: null };
    const error = { type: ERRORS[code].openai, ...fault };
    const data = { type: 'error', ...fault, sequence_number: this.reader.nextSequence, error };
    return Buffer.from(`event: error\ndata: ${JSON.stringify(data)}\n\n`);
  }
}
