// Meters an OpenAI chat stream for a client of the same wire. Its bytes stay the provider's, but
// for the cost members in the last event with usage and what an injected include_usage added.

import type { ErrorCode } from '../kernel/errors.js';
import { ChatReader, CHUNK, DONE } from './chat-reader.js';
import { editMembers } from './json.js';
import type { Output } from './output.js';
import { isAbsent, isObject, parseReport } from './shape.js';
import { Skimmer } from './skim.js';
import { PlainEvent, withData, type SseEvent } from './sse.js';
import { cutEvent, type MeterOptions } from './stream.js';
import { EventMeter } from './event-meter.js';

const COMMA = 0x2c;
const SPACE_MAX = 0x20;

const isSpace = (byte: number | undefined): boolean => byte !== undefined && byte <= SPACE_MAX;

/** The event but for the member to cut out: what editMembers would leave. */
function passWithout({ memory, start, end }: PlainEvent, cut: Skimmer, out: Output): void {
  let from = cut.cutStart;
  let to = cut.cutEnd;
  while (isSpace(memory[to])) to++;
  if (memory[to] === COMMA) {
    do to++;
    while (isSpace(memory[to]));
  } else {
    // The last: the comma before it goes instead.
    to = cut.cutEnd;
    while (isSpace(memory[from - 1])) from--;
    if (memory[from - 1] !== COMMA) from = cut.cutStart;
    else
      do from--;
      while (isSpace(memory[from - 1]));
  }
  out.add(memory, start, from);
  out.add(memory, to, end);
}

export class ChatMeter extends EventMeter<ChatReader> {
  readonly #stripUsage: boolean;
  readonly #skimmer = new Skimmer(CHUNK, 'usage');
  /** The event read last has a member that asking for usage added. */
  #isAdded = false;

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

  protected override take(event: SseEvent, out: Output): void {
    if (!this.settled && this.#skimmer.matches(event)) {
      this.reader.outputBytes += this.#skimmer.textBytes;
      this.#pass(event, out);
      return;
    }
    const { data } = event;
    if (data === null) {
      this.held.pass(event, out);
      return;
    }
    const chunk = data === DONE ? null : parseReport(data);
    const isLast = data === DONE || !isAbsent(chunk?.['error']);
    if (isLast) {
      this.held.settle(this.usage, out);
      this.complete = true;
    }
    if (isLast || this.settled || chunk === null) {
      this.held.release(out);
      out.pass(event);
      return;
    }
    const { outputBytes } = this.reader;
    this.reader.read(chunk);
    const { usage, choices } = chunk;
    if (isObject(usage)) {
      const isExtra = Array.isArray(choices) && choices.length === 0;
      this.held.hold(event, this.#stripUsage && isExtra, out);
      return;
    }
    this.#skimmer.learn(this.reader.outputBytes - outputBytes);
    this.#isAdded = this.#stripUsage && usage === null;
    this.#pass(event, out);
  }

  #pass(event: SseEvent, out: Output): void {
    this.held.release(out);
    if (!this.#isAdded) out.pass(event);
    else if (event instanceof PlainEvent && this.#skimmer.cutEnd > 0) {
      passWithout(event, this.#skimmer, out);
    } else out.push(withData(event, (bytes) => editMembers(bytes, { remove: ['usage'] })));
  }
}
