// A provider on a thread of its own that answers one request, then resets the connection when told,
// and answers whatever comes on a second one. It tells of its steps in shared memory, so that a
// caller can block its own loop meanwhile.

import { createServer, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';

const step = new Int32Array(workerData as SharedArrayBuffer);
const ANSWER = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n';
let connections = 0;
let first: Socket | null = null;

const server = createServer((socket) => {
  connections += 1;
  const own = connections;
  first ??= socket;
  socket.on('error', () => undefined);
  socket.on('data', () => socket.write(`${ANSWER}c${own}`));
}).listen(0, '127.0.0.1', () => parentPort?.postMessage(server.address()));

parentPort?.once('message', () => {
  first?.resetAndDestroy();
  first?.once('close', () => {
    Atomics.store(step, 0, 1);
    Atomics.notify(step, 0);
  });
});
