// Meters an Anthropic stream for a client of the same wire. Its bytes stay the provider's, but for
// the cost members in the last message_delta.

import type { ErrorCode } from '../kernel/errors.js';
import { BLOCK_DELTA, MessagesReader } from './messages-reader.js';
import type { Output } from './output.js';
import { parseReport } from './shape.js';
import { Skimmer } from './skim.js';
import type { SseEvent } from './sse.js';
import { cutEvent, type MeterOptions } from './stream.js';
import { EventMeter } from './event-meter.js';

export class MessagesMeter extends EventMeter<MessagesReader> {
  readonly #skimmer = new Skimmer(BLOCK_DELTA);

  constructor(options: MeterOptions) {
    super(options, new MessagesReader());
  }

  protected override conclude(): void {
    // Only message_stop ends a message well.
  }

  protected override cutEvent(code: ErrorCode): Uint8Array {
    return cutEvent('messages', code);
  }

  protected override take(event: SseEvent, out: Output): void {
    if (this.#skimmer.matches(event)) {
      this.reader.outputBytes += this.#skimmer.textBytes;
      this.held.release(out);
      out.pass(event);
      return;
    }
    const { data } = event;
    const { outputBytes } = this.reader;
    const body = data === null ? null : parseReport(data);
    const type = body?.['type'] ?? event.event;
    if (body !== null) this.reader.read({ ...body, type });
    if (body?.['type'] === 'content_block_delta') {
      this.#skimmer.learn(this.reader.outputBytes - outputBytes);
    }
    switch (type) {
      case 'message_start':
        out.pass(event);
        return;
      case 'message_delta':
        // Into what is no object no cost can be put.
        if (this.settled || body === null) out.pass(event);
        else this.held.hold(event, false, out);
        return;
      case 'message_stop':
      case 'error':
        this.held.settle(this.usage, out);
        this.complete = true;
        out.pass(event);
        return;
      case 'content_block_start':
      case 'content_block_delta':
        this.held.release(out);
        out.pass(event);
        return;
      default:
        // Pings, comments and what is yet unknown.
        this.held.pass(event, out);
    }
  }
}
