// A provider that answers when the test says so: every request it gets is held until then.

import { createServer, type ServerResponse } from 'node:http';
import { listening, type Teardown } from './harness.js';

export interface Held {
  readonly body: Record<string, unknown>;
  /** The whole answer. */
  readonly answer: (outputTokens: number) => void;
  /** The head and one event of a stream; `finish` sends the rest. */
  readonly begin: () => void;
  readonly finish: (outputTokens: number) => void;
}

export interface HeldProvider {
  readonly url: string;
  /** The next request that has not been handed out. */
  readonly next: () => Promise<Held>;
}

const usage = (outputTokens: number) => ({
  prompt_tokens: 0,
  completion_tokens: outputTokens,
  total_tokens: outputTokens,
});

const event = (value: object): string => `data: ${JSON.stringify(value)}\n\n`;

function heldOf(response: ServerResponse, body: Record<string, unknown>): Held {
  const about = { id: 'chatcmpl-1', created: 1, model: body['model'] };
  return {
    body,
    answer(outputTokens) {
      const message = { role: 'assistant', content: 'Hi' };
      const choices = [{ index: 0, message, finish_reason: 'stop' }];
      response.setHeader('content-type', 'application/json');
      response.end(
        JSON.stringify({
          ...about,
          object: 'chat.completion',
          choices,
          usage: usage(outputTokens),
        }),
      );
    },
    begin() {
      response.setHeader('content-type', 'text/event-stream');
      const choices = [{ index: 0, delta: { role: 'assistant', content: 'Hi' } }];
      response.write(event({ ...about, object: 'chat.completion.chunk', choices, usage: null }));
    },
    finish(outputTokens) {
      const chunk = { ...about, object: 'chat.completion.chunk' };
      const choices = [{ index: 0, delta: {}, finish_reason: 'stop' }];
      response.write(event({ ...chunk, choices, usage: null }));
      response.write(event({ ...chunk, choices: [], usage: usage(outputTokens) }));
      response.end('data: [DONE]\n\n');
    },
  };
}

export async function startHeldProvider(t: Teardown): Promise<HeldProvider> {
  const held: Held[] = [];
  const waiting: ((next: Held) => void)[] = [];
  const server = createServer((request, response) => {
    let text = '';
    request.on('data', (data: Buffer) => (text += data.toString()));
    request.on('end', () => {
      const one = heldOf(response, JSON.parse(text) as Record<string, unknown>);
      const waiter = waiting.shift();
      if (waiter === undefined) held.push(one);
      else waiter(one);
    });
  });
  const url = await listening(t, server);
  const next = (): Promise<Held> => {
    const first = held.shift();
    if (first !== undefined) return Promise.resolve(first);
    return new Promise((resolve) => waiting.push(resolve));
  };
  return { url, next };
}
