// A server of price lists that can be told to behave badly.

import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { Test } from 'tap';
import { listening } from '../flow/harness.js';

export type Behaviour = (response: ServerResponse, request: IncomingMessage) => void;

export interface PriceServer {
  readonly url: string;
  /** What the next requests are answered by. */
  answer: Behaviour;
  requests: number;
}

export async function priceServer(t: Test, answer: Behaviour): Promise<PriceServer> {
  const server = createServer((request, response) => {
    running.requests += 1;
    running.answer(response, request);
  });
  const origin = await listening(t, server);
  const running: PriceServer = { url: `${origin}/api.json`, answer, requests: 0 };
  return running;
}

export const sends =
  (body: string | object, headers: Record<string, string> = {}): Behaviour =>
  (response) => {
    response.writeHead(200, { 'content-type': 'application/json', ...headers });
    response.end(typeof body === 'string' ? body : JSON.stringify(body));
  };

/** A price list in the shape of models.dev, in dollars per million tokens. */
export const listOf = (models: Readonly<Record<string, readonly [number, number]>>): object => ({
  openai: {
    id: 'openai',
    models: Object.fromEntries(
      Object.entries(models).map(([id, [input, output]]) => [id, { id, cost: { input, output } }]),
    ),
  },
});
