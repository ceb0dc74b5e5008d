// The provider of the bench: a process of its own that answers every chat with the same canned
// bytes, so that it costs a fraction of what is measured. Prints its port; ends when its parent
// does.

import { App, us_socket_local_port } from 'uWebSockets.js';
import { CANNED_ANSWER } from './workload.js';

App()
  .post('/v1/chat/completions', (response) => {
    response.onAborted(() => {});
    response.onData((_chunk, isLast) => {
      if (!isLast) return;
      response.cork(() => {
        response.writeHeader('content-type', 'application/json');
        response.writeHeader('x-request-id', 'req_bench');
        response.end(CANNED_ANSWER);
      });
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('the bench upstream cannot listen');
    process.stdout.write(`${us_socket_local_port(socket)}\n`);
  });

process.stdin.resume().on('end', () => process.exit(0));
