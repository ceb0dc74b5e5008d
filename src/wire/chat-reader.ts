// Reads the chunks of an OpenAI chat or completions stream one by one and remembers what metering
// needs of them. It never changes a byte.

import type { Usage } from '../kernel/usage.js';
import { isObject, listOf, textOf, type JsonObject } from './shape.js';
import { nodeOf, type ObjectShape } from './skim.js';
import { chatUsage, mergeUsage } from './usage.js';

/** `[DONE]`, the end of an OpenAI stream. */
export const DONE = '[DONE]';

const CALLED: ObjectShape = { name: 'text', arguments: 'text' };

const callText = (call: unknown): string =>
  isObject(call) ? textOf(call['name']) + textOf(call['arguments']) : '';

/** Parts in place of a text: their JSON outweighs what they say. */
const deepText = (value: unknown): string =>
  typeof value === 'object' && value !== null ? JSON.stringify(value) : textOf(value);

/** Everything in a delta that the model wrote. */
function writtenText(delta: JsonObject): string {
  const calls = listOf(delta['tool_calls']).map((call) =>
    isObject(call) ? callText(call['function']) : '',
  );
  return [
    deepText(delta['content']),
    deepText(delta['audio']),
    textOf(delta['refusal']),
    // Some servers send the same reasoning under both names.
    textOf(delta['reasoning_content']) ||
      textOf(delta['reasoning']) ||
      deepText(delta['reasoning_details']),
    callText(delta['function_call']),
    ...calls,
  ].join('');
}

/** What `read` looks at: an event that shows the same again changes nothing but `outputBytes`. */
export const CHUNK = nodeOf({
  model: 'same',
  service_tier: 'same',
  usage: 'same',
  error: 'same',
  choices: [
    {
      index: 'same',
      finish_reason: 'same',
      text: 'text',
      delta: {
        content: 'text',
        audio: 'text',
        refusal: 'text',
        reasoning_content: 'text',
        reasoning: 'text',
        reasoning_details: 'text',
        function_call: CALLED,
        tool_calls: [{ function: CALLED }],
      },
    },
  ],
});

export class ChatReader {
  usage: Usage | null = null;
  outputBytes = 0;
  model: string | null = null;
  #tier: unknown = null;
  #reported: JsonObject = {};
  readonly #begun = new Set<unknown>();
  readonly #finished = new Set<unknown>();

  read(chunk: JsonObject): void {
    this.model ??= textOf(chunk['model']) || null;
    // Told in any chunk, and of the whole answer.
    this.#tier = chunk['service_tier'] ?? this.#tier;
    if (isObject(chunk['usage'])) {
      // Some servers tell the prompt first and the answer last, others all in every chunk.
      this.#reported = mergeUsage(this.#reported, chunk['usage']);
      this.usage = chatUsage(this.#reported, this.#tier) ?? this.usage;
    }
    for (const choice of listOf(chunk['choices'])) {
      if (!isObject(choice)) continue;
      const { index, delta, finish_reason: reason } = choice;
      this.#begun.add(index);
      if (typeof reason === 'string') this.#finished.add(index);
      // A completion's text stands in the choice itself.
      this.outputBytes += Buffer.byteLength(textOf(choice['text']));
      if (isObject(delta)) this.outputBytes += Buffer.byteLength(writtenText(delta));
    }
  }

  /** Every choice told why it stopped: the answer is whole, though its end was not announced. */
  get isFinished(): boolean {
    return this.#begun.size > 0 && this.#begun.size === this.#finished.size;
  }
}
