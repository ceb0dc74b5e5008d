// The load generator where wrk is not installed: closed loop over raw keep-alive sockets, one
// request at a time on each. Reads of HTTP what it must to find where an answer ends.

import { connect, type Socket } from 'node:net';
import type { Burst, Measured } from './load.js';
import { CHAT_BODY, CHAT_HEADERS, CHAT_PATH } from './workload.js';

const REQUEST = Buffer.from(
  [
    `POST ${CHAT_PATH} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(CHAT_HEADERS).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(CHAT_BODY)}`,
    '',
    CHAT_BODY,
  ].join('\r\n'),
);

interface Tally {
  readonly latenciesUs: number[];
  errors: number;
}

/** Whether the text holds one whole answer. */
function isWhole(answer: string): boolean {
  const headEnd = answer.indexOf('\r\n\r\n');
  if (headEnd === -1) return false;
  const length = /^content-length: *(\d+)/im.exec(answer.slice(0, headEnd))?.[1];
  if (length !== undefined) return answer.length >= headEnd + 4 + Number(length);
  return answer.endsWith('\r\n0\r\n\r\n');
}

/** Sends the request again and again until `deadline`; resolves when the last answer is there. */
function loop(socket: Socket, deadline: number, tally: Tally): Promise<void> {
  return new Promise((resolve) => {
    let sentAt = 0;
    let answer = '';
    const send = (): void => {
      answer = '';
      sentAt = performance.now();
      socket.write(REQUEST);
    };
    socket.on('data', (chunk: Buffer) => {
      // latin1: a character is a byte, so that lengths agree.
      answer += chunk.toString('latin1');
      if (!isWhole(answer)) return;
      const now = performance.now();
      tally.latenciesUs.push((now - sentAt) * 1000);
      if (!answer.startsWith('HTTP/1.1 200')) tally.errors += 1;
      if (now < deadline) send();
      else socket.end();
    });
    socket.once('error', () => {
      tally.errors += 1;
    });
    socket.once('close', () => resolve());
    socket.setNoDelay(true);
    socket.once('connect', send);
  });
}

const burst = JSON.parse(process.argv[2] ?? '') as Burst;
const tally: Tally = { latenciesUs: [], errors: 0 };
const startedAt = performance.now();
await Promise.all(
  Array.from({ length: burst.concurrency }, () =>
    loop(connect(burst.port, '127.0.0.1'), startedAt + burst.durationMs, tally),
  ),
);

const sorted = Float64Array.from(tally.latenciesUs).sort();
const percentile = (share: number): number =>
  Math.round(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0);

const measured: Measured = {
  requests: sorted.length,
  errors: tally.errors,
  elapsedMs: performance.now() - startedAt,
  p50Us: percentile(0.5),
  p99Us: percentile(0.99),
};
process.stdout.write(`${JSON.stringify(measured)}\n`);
