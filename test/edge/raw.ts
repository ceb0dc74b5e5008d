// Requests byte by byte, as no HTTP client would write them.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { RunningProxy } from '../flow/harness.js';

export const BODY = '{"model":"gpt-4","max_tokens":10,"messages":[{"role":"user","content":"Hi"}]}';
export const LENGTH = `Content-Length: ${BODY.length}\r\n`;

/** Head lines, each with its end, behind the caller's. */
export const chat = (lines: string, body = BODY, user = 'ann'): string =>
  `POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${user}\r\n` +
  `${lines}\r\n${body}`;

export function dial(url: string): Socket {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  // A reset is one way of being refused.
  socket.on('error', () => undefined);
  return socket;
}

/** What came back until the other side closed: nothing here closes, or says that it has ended. */
export async function sent(proxy: Pick<RunningProxy, 'url'>, bytes: string): Promise<string> {
  const socket = dial(proxy.url);
  let answer = '';
  socket.on('data', (data: Buffer) => (answer += data.toString('latin1')));
  socket.write(Buffer.from(bytes, 'latin1'));
  await once(socket, 'close');
  return answer;
}

export const statuses = (answer: string): number[] =>
  [...answer.matchAll(/^HTTP\/1\.1 (\d{3})/gm)].map(([, status]) => Number(status));
