// A webhook's other end: a real HTTP server on loopback that keeps what it was sent.

import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { Test } from 'tap';
import { listening } from '../flow/harness.js';

export interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

export interface Receiver {
  readonly origin: string;
  readonly received: Received[];
}

type Answer = (response: ServerResponse, attempt: number) => void;

export async function receiver(
  t: Test,
  answer: Answer = (response) => response.end(),
): Promise<Receiver> {
  const received: Received[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      const body = Buffer.concat(chunks).toString();
      received.push({ path: request.url ?? '', headers: request.headers, body });
      answer(response, received.length);
    });
  });
  return { origin: await listening(t, server), received };
}
