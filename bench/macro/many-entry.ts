// Holds many slow streams open at once and counts what comes on each. Told by its parent, line by
// line: `open` opens them all, `count` tells frames and losses so far, the end of stdin ends it.

import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { CHAT_PATH, chatBody, headersOf, SLOW_MARK, STREAM_EVENT, USER } from './workload.js';

const [port = 0, streams = 0] = process.argv.slice(2).map(Number);
const body = chatBody(300, { ...(JSON.parse(`{${SLOW_MARK}}`) as object), stream: true });
const REQUEST = Buffer.from(
  [
    `POST ${CHAT_PATH} HTTP/1.1`,
    'host: 127.0.0.1',
    ...Object.entries(headersOf(USER)).map(([name, value]) => `${name}: ${value}`),
    `content-length: ${Buffer.byteLength(body)}`,
    '',
    body,
  ].join('\r\n'),
);

/** Opened at once by no real crowd either: the listen queue is finite. */
const AT_ONCE = 200;

const frames = new Uint32Array(streams);
const MARK = Buffer.from(STREAM_EVENT.slice(0, 40));
let broken = 0;

function open(index: number): Promise<void> {
  return new Promise((resolve) => {
    const socket: Socket = connect({ port, host: '127.0.0.1', noDelay: true });
    socket.once('connect', () => socket.write(REQUEST));
    socket.on('data', (data: Buffer) => {
      for (let at = data.indexOf(MARK); at >= 0; at = data.indexOf(MARK, at + 1)) {
        frames[index] = (frames[index] ?? 0) + 1;
      }
      resolve();
    });
    socket.on('error', () => undefined);
    socket.once('close', () => {
      broken += 1;
      resolve();
    });
  });
}

async function openAll(): Promise<void> {
  let next = 0;
  const opener = async (): Promise<void> => {
    while (next < streams) await open(next++);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, opener));
}

for await (const line of createInterface({ input: process.stdin })) {
  if (line === 'open') await openAll();
  const told = { least: Math.min(...frames), most: Math.max(...frames), broken };
  process.stdout.write(`${JSON.stringify(told)}\n`);
}
process.exit(0);
