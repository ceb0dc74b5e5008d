// Meters an Anthropic stream for a client of the same wire. Its bytes stay the provider's, but for
// the cost members in the last message_delta.

import type { ErrorCode } from '../kernel/errors.js';
import { MessagesReader } from './messages-reader.js';
import { parseReport } from './shape.js';
import type { SseEvent } from './sse.js';
import { cutEvent, type MeterOptions } from './stream.js';
import { EventMeter } from './event-meter.js';

export class MessagesMeter extends EventMeter<MessagesReader> {
  constructor(options: MeterOptions) {
    super(options, new MessagesReader());
  }

  protected override conclude(): void {
    // Only message_stop ends a message well.
  }

  protected override cutEvent(code: ErrorCode): Uint8Array {
    return cutEvent('messages', code);
  }

  protected override take(event: SseEvent, out: Uint8Array[]): void {
    const body = event.data === null ? null : parseReport(event.data);
    const type = body?.['type'] ?? event.event;
    if (body !== null) this.reader.read({ ...body, type });
    switch (type) {
      case 'message_start':
        out.push(event.raw);
        return;
      case 'message_delta':
        if (this.settled) out.push(event.raw);
        else this.held.hold(event, false, out);
        return;
      case 'message_stop':
      case 'error':
        this.held.settle(this.usage, out);
        this.complete = true;
        out.push(event.raw);
        return;
      case 'content_block_start':
      case 'content_block_delta':
        this.held.release(out);
        out.push(event.raw);
        return;
      default:
        // Pings, comments and what is yet unknown.
        this.held.pass(event.raw, out);
    }
  }
}
