// The mock provider's embeddings: a vector of length one for each input, the same for the same
// input and model. They mean nothing.

import { createHash } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { isAbsent, type JsonObject } from '../wire/shape.js';
import type { Answer } from './answer.js';
import { chatWire, fault } from './chat.js';
import { embeddingsDemand, inputsOf } from './demand.js';
import type { Fault, Wire } from './wire.js';

const DIMENSIONS_DEFAULT = 1_536;
const DIMENSIONS_MAX = 4_096;
const INPUTS_MAX = 2_048;

function refused(_headers: IncomingHttpHeaders, body: JsonObject): Fault | null {
  const { model, input, dimensions, encoding_format: format } = body;
  if (typeof model !== 'string') {
    return fault(400, 'you must provide a model parameter', null, null);
  }
  if (inputsOf(input).length > INPUTS_MAX || input === '' || isAbsent(input)) {
    return fault(400, "'$.input' is invalid.", 'input', null);
  }
  const isSound = Number.isInteger(dimensions) && Number(dimensions) >= 1;
  if (!isAbsent(dimensions) && !(isSound && Number(dimensions) <= DIMENSIONS_MAX)) {
    return fault(400, `'dimensions' must be 1 to ${DIMENSIONS_MAX}.`, 'dimensions', null);
  }
  if (!isAbsent(format) && format !== 'float' && format !== 'base64') {
    return fault(400, "'encoding_format' must be float or base64.", 'encoding_format', null);
  }
  return null;
}

/** Marsaglia's xorshift: reproducible, and random enough to look at. */
function* noise(seed: number): Generator<number, never> {
  let state = seed | 1;
  for (;;) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    yield state / 0x80000000;
  }
}

function vector(model: string, input: unknown, dimensions: number): Float32Array {
  const hash = createHash('sha256')
    .update(JSON.stringify([model, input]))
    .digest();
  const source = noise(hash.readInt32LE());
  const values = Float32Array.from({ length: dimensions }, () => source.next().value);
  const length = Math.hypot(...values);
  return values.map((value) => value / length);
}

function embeddings(given: Answer, body: JsonObject): JsonObject {
  const { dimensions, input } = body;
  const size = typeof dimensions === 'number' ? dimensions : DIMENSIONS_DEFAULT;
  const data = inputsOf(input).map((each, index) => {
    const values = vector(given.model, each, size);
    const isPacked = body['encoding_format'] === 'base64';
    const embedding = isPacked ? Buffer.from(values.buffer).toString('base64') : Array.from(values);
    return { object: 'embedding', index, embedding };
  });
  const usage = { prompt_tokens: given.inputTokens, total_tokens: given.inputTokens };
  return {
    object: 'list',
    data,
    model: given.model,
    ...(given.hidesUsage ? {} : { usage }),
  };
}

export const embeddingsWire: Wire = {
  ...chatWire,
  refused,
  demand: embeddingsDemand,
  plain: embeddings,
  // A request to stream is answered whole, as one event that no client expects.
  events: (given, body) => [
    { text: `data: ${JSON.stringify(embeddings(given, body))}\n\n`, outputTokens: 0 },
  ],
};
