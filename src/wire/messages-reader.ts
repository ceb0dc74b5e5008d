// Reads the events of an Anthropic stream one by one and remembers what metering needs of them.
// It never changes a byte.

import type { Usage } from '../kernel/usage.js';
import { isObject, textOf, type JsonObject } from './shape.js';
import { nodeOf } from './skim.js';
import { mergeUsage, messagesUsage } from './usage.js';

/** What the model wrote in a content_block_start or content_block_delta. */
function writtenText(event: JsonObject): string {
  const { delta, content_block: block } = event;
  const text = ['text', 'thinking', 'partial_json'].map((name) =>
    isObject(delta) ? textOf(delta[name]) : '',
  );
  const opening = isObject(block) ? ['text', 'thinking', 'name'] : [];
  return [...text, ...opening.map((name) => (isObject(block) ? textOf(block[name]) : ''))].join('');
}

/** What `read` looks at in a content_block_delta, which changes nothing but `outputBytes`. */
export const BLOCK_DELTA = nodeOf({
  type: 'same',
  content_block: 'same',
  delta: { text: 'text', thinking: 'text', partial_json: 'text' },
});

export class MessagesReader {
  /** From message_delta on: before it, the count of output tokens is not the answer's. */
  usage: Usage | null = null;
  /** What message_start told: the input, before anything was written. */
  begun: Usage | null = null;
  outputBytes = 0;
  model: string | null = null;
  #reported: JsonObject = {};

  read(event: JsonObject): void {
    switch (event['type']) {
      case 'message_start':
        return this.#start(event['message']);
      case 'message_delta':
        this.#reported = mergeUsage(this.#reported, event['usage']);
        if (isObject(event['usage'])) this.usage = messagesUsage(this.#reported);
        return;
      case 'content_block_start':
      case 'content_block_delta':
        this.outputBytes += Buffer.byteLength(writtenText(event));
        return;
      default:
    }
  }

  #start(message: unknown): void {
    if (!isObject(message)) return;
    this.model = textOf(message['model']) || null;
    this.#reported = mergeUsage(this.#reported, message['usage']);
    this.begun = messagesUsage(this.#reported);
  }
}
