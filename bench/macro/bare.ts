// The least a proxy of this make can be: uWebSockets in front, undici's `dispatch` behind, bytes
// passed through unread. What TokenPak adds to it is the price of the budgets. Ends when its parent
// does.

import { App, us_socket_local_port, type HttpResponse } from 'uWebSockets.js';
import { Pool, type Dispatcher } from 'undici';

const upstream = new Pool(process.argv[2] ?? '', {
  connections: 128,
  pipelining: 1,
  keepAliveTimeout: 600_000,
  headersTimeout: 0,
  bodyTimeout: 0,
});

class PassThrough implements Dispatcher.DispatchHandler {
  readonly #response: HttpResponse;
  readonly #chunks: Buffer[] = [];
  #status = '';
  #contentType = '';
  #aborted = false;

  constructor(response: HttpResponse) {
    this.#response = response;
    response.onAborted(() => {
      this.#aborted = true;
    });
  }

  onRequestStart(): void {}

  onResponseStart(
    _controller: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
    statusMessage?: string,
  ): void {
    this.#status = `${status} ${statusMessage ?? ''}`;
    this.#contentType = String(headers['content-type']);
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.#chunks.push(chunk);
  }

  onResponseEnd(): void {
    this.#answer(this.#status, this.#contentType);
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error): void {
    this.#chunks.splice(0, Infinity, Buffer.from(error.message));
    this.#answer('502 Bad Gateway', 'text/plain');
  }

  #answer(status: string, contentType: string): void {
    if (this.#aborted) return;
    const [first] = this.#chunks;
    const body = this.#chunks.length === 1 && first ? first : Buffer.concat(this.#chunks);
    this.#response.cork(() => {
      this.#response.writeStatus(status).writeHeader('content-type', contentType).end(body);
    });
  }
}

App()
  .post('/v1/chat/completions', (response) => {
    const handler = new PassThrough(response);
    const body: Buffer[] = [];
    response.onData((chunk, isLast) => {
      // The chunk is detached after this callback: copy it.
      body.push(Buffer.from(Buffer.from(chunk)));
      if (!isLast) return;
      upstream.dispatch(
        {
          path: '/v1/chat/completions',
          method: 'POST',
          headers: ['content-type', 'application/json', 'authorization', 'Bearer sk-bench'],
          body: body.length === 1 ? (body[0] ?? null) : Buffer.concat(body),
        },
        handler,
      );
    });
  })
  .listen('127.0.0.1', 0, (socket) => {
    if (socket === false) throw new Error('the bare pass-through cannot listen');
    process.stdout.write(`${us_socket_local_port(socket)}\n`);
  });

process.stdin.resume().on('end', () => process.exit(0));
