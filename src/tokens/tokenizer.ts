// The pool's worker file: exact byte-pair counts in WASM, one encoder an encoding, made on first
// use and kept until the thread ends. Tasks take turns of a few milliseconds, so that a prompt of
// megabytes does not keep a short one waiting, and one that takes too long gives up by itself:
// aborting it from outside would kill the thread and its warm encoders.

import { performance } from 'node:perf_hooks';
import { get_encoding, type Tiktoken } from '@dqbd/tiktoken';
import type { Encoding } from '../kernel/encoding.js';
import { countSteps } from './pieces.js';
import type { CountTask } from './protocol.js';

/** How long a task runs before the others have their turn. */
const TURN_MS = 5;
/** The longest that one task may take, turns of others included. Its counts are cached. */
const TASK_MS_MAX = 5_000;

const encoders = new Map<Encoding, Tiktoken>();

function encoderOf(encoding: Encoding): Tiktoken {
  const known = encoders.get(encoding);
  if (known !== undefined) return known;
  const encoder = get_encoding(encoding);
  encoders.set(encoding, encoder);
  return encoder;
}

/** One count for each text, or `null` when time ran out. */
export default async function count(task: CountTask): Promise<number[] | null> {
  const encoder = encoderOf(task.encoding);
  // No special tokens: `<|endoftext|>` in a user's text is text, and must not throw.
  const countOf = (piece: string): number => encoder.encode(piece, [], []).length;
  const deadline = performance.now() + TASK_MS_MAX;
  let turnEnd = performance.now() + TURN_MS;
  const counts: number[] = [];
  for (const text of task.texts) {
    const steps = countSteps(text, countOf);
    let step = steps.next();
    while (step.done !== true) {
      if (performance.now() > turnEnd) {
        await new Promise(setImmediate);
        if (performance.now() > deadline) return null;
        turnEnd = performance.now() + TURN_MS;
      }
      step = steps.next();
    }
    counts.push(step.value);
  }
  return counts;
}
