// Meters an OpenAI chat stream for a client of the same wire. Its bytes stay the provider's, but
// for the cost members in the last event with usage and what an injected include_usage added.

import type { ErrorCode } from '../kernel/errors.js';
import { ChatReader, DONE } from './chat-reader.js';
import { editMembers } from './json.js';
import { isAbsent, isObject, parseReport } from './shape.js';
import { withData, type SseEvent } from './sse.js';
import { cutEvent, type MeterOptions } from './stream.js';
import { EventMeter } from './event-meter.js';

const ADDED = ',"usage":null}';

/** Without the member that asking for usage has added to every chunk. */
function withoutUsage(event: SseEvent, data: string): Uint8Array {
  const { raw, dataSpan } = event;
  const isLast = data.endsWith(ADDED) && data.indexOf('"usage"') === data.length - ADDED.length + 1;
  if (!isLast || dataSpan === null) {
    return withData(event, (bytes) => editMembers(bytes, { remove: ['usage'] }));
  }
  // Behind all others, as OpenAI sends it: nothing has to be looked for.
  const end = dataSpan.end - 1;
  return Buffer.concat([raw.subarray(0, end - ADDED.length + 1), raw.subarray(end)]);
}

export class ChatMeter extends EventMeter<ChatReader> {
  readonly #stripUsage: boolean;

  constructor(options: MeterOptions) {
    super(options, new ChatReader());
    this.#stripUsage = options.stripUsage;
  }

  protected override conclude(): void {
    this.complete = this.reader.isFinished;
  }

  protected override cutEvent(code: ErrorCode): Uint8Array {
    return cutEvent('chat', code);
  }

  protected override take(event: SseEvent, out: Uint8Array[]): void {
    if (event.data === null) {
      this.held.pass(event.raw, out);
      return;
    }
    const chunk = event.data === DONE ? null : parseReport(event.data);
    const isLast = event.data === DONE || !isAbsent(chunk?.['error']);
    if (isLast) {
      this.held.settle(this.usage, out);
      this.complete = true;
    }
    if (isLast || this.settled || chunk === null) {
      this.held.release(out);
      out.push(event.raw);
      return;
    }
    this.reader.read(chunk);
    const { usage, choices } = chunk;
    if (isObject(usage)) {
      const isExtra = Array.isArray(choices) && choices.length === 0;
      this.held.hold(event, this.#stripUsage && isExtra, out);
      return;
    }
    this.held.release(out);
    const isAdded = this.#stripUsage && usage === null;
    out.push(isAdded ? withoutUsage(event, event.data) : event.raw);
  }
}
