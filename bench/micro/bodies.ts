// What admission reads of a request, by its length; a long prompt's texts are not read at all.

import { parseBody } from '../../src/proxy/quote.js';
import { readRequest } from '../../src/wire/request.js';
import { shortened } from '../../src/wire/shortened.js';
import { chatBody } from '../macro/workload.js';
import type { MicroCase } from './case.js';

const SIZES = { '300 B': 300, '10 KB': 10_000, '400 KB': 400_000 } as const;

export const bodies = (): readonly MicroCase[] =>
  Object.entries(SIZES).map(([size, length]) => {
    const bytes = Buffer.from(chatBody(length));
    return {
      name: `body: read a chat of ${size}`,
      run(iterations) {
        let messages = 0;
        for (let i = 0; i < iterations; i++) {
          const parsed = parseBody(shortened(bytes));
          const request = 'body' in parsed ? readRequest('chat', parsed.body) : null;
          if (request !== null && 'messages' in request) messages += request.messages;
        }
        return messages;
      },
    };
  });
