// Scanning a stream: one chat delta a chunk, as providers send them.

import { SseScanner } from '../../src/wire/sse.js';
import type { MicroCase } from './case.js';

const DELTA = {
  id: 'chatcmpl-bench',
  object: 'chat.completion.chunk',
  created: 1_774_432_800,
  model: 'gpt-4',
  choices: [{ index: 0, delta: { content: ' scatters' }, logprobs: null, finish_reason: null }],
  usage: null,
};

export function sse(): readonly MicroCase[] {
  const chunk = Buffer.from(`data: ${JSON.stringify(DELTA)}\n\n`);
  return [
    {
      name: `sse: scan one event of ${chunk.length} bytes`,
      run(iterations) {
        let events = 0;
        const scanner = new SseScanner(() => {
          events += 1;
        });
        for (let i = 0; i < iterations; i++) scanner.push(chunk);
        return events;
      },
    },
  ];
}
