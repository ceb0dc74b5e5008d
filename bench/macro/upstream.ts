// The provider of the bench: a process of its own that answers every chat with the same canned
// bytes, or with a stream on a clock, so that it costs a fraction of what is measured. Prints its
// port, and for each line that it is told how many requests it has had by when; ends when its
// parent does.

import { createInterface } from 'node:readline';
import { App, us_socket_local_port, type HttpResponse } from 'uWebSockets.js';
import {
  CANNED_ANSWER,
  CHAT_PATH,
  SLOW_GAP_MS,
  SLOW_MARK,
  STREAM_END,
  STREAM_EVENT,
  STREAM_EVENTS,
  STREAM_GAP_MS,
} from './workload.js';

interface Stream {
  readonly response: HttpResponse;
  left: number;
}

/** One timer for all streams of a speed. */
class Clock {
  readonly #streams = new Set<Stream>();

  constructor(gapMs: number) {
    setInterval(() => this.#tick(), gapMs);
  }

  begin(response: HttpResponse): void {
    const stream = { response, left: STREAM_EVENTS - 1 };
    this.#streams.add(stream);
    response.onAborted(() => this.#streams.delete(stream));
    response.cork(() => {
      response.writeHeader('content-type', 'text/event-stream');
      // Without it nginx would hold events back.
      response.writeHeader('x-accel-buffering', 'no');
      response.write(STREAM_EVENT);
    });
  }

  #tick(): void {
    for (const stream of this.#streams) {
      stream.left -= 1;
      const isLast = stream.left <= 0;
      stream.response.cork(() => {
        if (isLast) stream.response.end(STREAM_END);
        else stream.response.write(STREAM_EVENT);
      });
      if (isLast) this.#streams.delete(stream);
    }
  }
}

let requests = 0;

const usual = new Clock(STREAM_GAP_MS);
const slow = new Clock(SLOW_GAP_MS);

App()
  .post(CHAT_PATH, (response) => {
    let isAborted = false;
    response.onAborted(() => {
      isAborted = true;
    });
    let head = '';
    response.onData((chunk, isLast) => {
      // What asks for a stream stands at the end of a body, which is never cut in the bench's.
      head = Buffer.from(chunk.slice(-200)).toString('latin1');
      if (!isLast || isAborted) return;
      requests += 1;
      if (head.includes('"stream":true')) {
        (head.includes(SLOW_MARK) ? slow : usual).begin(response);
        return;
      }
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

// Both by its own clock: a reader that waits for a core would be late.
for await (const _ of createInterface({ input: process.stdin })) {
  process.stdout.write(`${JSON.stringify({ requests, atMs: performance.now() })}\n`);
}
process.exit(0);
