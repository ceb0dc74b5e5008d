// The pool's worker file: exact byte-pair counts in WASM, one encoder an encoding, made on first
// use and kept until the thread ends. A task that takes too long gives up by itself between two
// pieces: aborting it from outside would kill the thread and its warm encoders.

import { performance } from 'node:perf_hooks';
import { get_encoding, type Tiktoken } from '@dqbd/tiktoken';
import type { Encoding } from '../kernel/encoding.js';
import { countPieces } from './pieces.js';
import type { CountTask } from './protocol.js';

/** The longest that one task may hold a thread. Nobody waits this long; its counts are cached. */
const TASK_MS_MAX = 2_000;

class OutOfTime extends Error {}

const encoders = new Map<Encoding, Tiktoken>();

function encoderOf(encoding: Encoding): Tiktoken {
  const known = encoders.get(encoding);
  if (known !== undefined) return known;
  const encoder = get_encoding(encoding);
  encoders.set(encoding, encoder);
  return encoder;
}

/** One count for each text, or `null` when time ran out. */
export default function count(task: CountTask): number[] | null {
  const encoder = encoderOf(task.encoding);
  const deadline = performance.now() + TASK_MS_MAX;
  // No special tokens: `<|endoftext|>` in a user's text is text, and must not throw.
  const countOf = (piece: string): number => {
    if (performance.now() > deadline) throw new OutOfTime();
    return encoder.encode(piece, [], []).length;
  };
  try {
    return task.texts.map((text) => countPieces(text, countOf));
  } catch (error) {
    if (error instanceof OutOfTime) return null;
    throw error;
  }
}
