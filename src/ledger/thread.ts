// The ledger thread: answers the supervisor and, in between, books what the journals have gained.
// Looks often while records come and seldom when none do.

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../kernel/assert.js';
import { messageOf } from '../kernel/errors.js';
import { Bookkeeper } from './bookkeeper.js';
import type { FromThread, Request, ThreadData, ThreadError } from './protocol.js';

/**
 * While records come. A commit costs the same for few records as for many: at 20 ms, folding took
 * 38 µs of CPU a request, in batches of 2,000 it takes 16. Nobody waits for it but an alert.
 */
const POLL_MS_MIN = 100;
const POLL_MS_MAX = 250;

const port = parentPort;
assert(port !== null, 'this file is a worker');
const send = (message: FromThread): void => port.postMessage(message);

const errorOf = (error: unknown): ThreadError => {
  const code = (error as { code?: unknown } | null)?.code;
  return {
    code: typeof code === 'string' ? code : 'ledger_unavailable',
    message: messageOf(error),
  };
};

const data = workerData as ThreadData;
/** Alerts of the start are not sent: the supervisor asks for them when it can deliver. */
let started = false;
let keeper: Bookkeeper | null = null;

const open = (): Bookkeeper =>
  new Bookkeeper({
    ...data,
    onAlert: (event) => {
      if (started) send({ kind: 'alert', event });
    },
  });

let timer: NodeJS.Timeout | null = null;
let pollMs = POLL_MS_MIN;
/** A failure is told once, and again when it changes. */
let told = '';

function look(): void {
  try {
    const records = keeper?.tick() ?? 0;
    pollMs = records > 0 ? POLL_MS_MIN : Math.min(POLL_MS_MAX, pollMs * 2);
    told = '';
  } catch (error) {
    pollMs = POLL_MS_MAX;
    const failure = errorOf(error);
    if (failure.message !== told) send({ kind: 'failure', error: failure });
    told = failure.message;
  }
  timer = setTimeout(look, pollMs);
}

async function answer({ id, verb, args }: Request): Promise<void> {
  try {
    if (verb === 'close' && timer !== null) clearTimeout(timer);
    keeper ??= open();
    const method = keeper[verb] as (...given: readonly unknown[]) => unknown;
    const value = await method.apply(keeper, args as unknown[]);
    if (verb === 'start') {
      started = true;
      timer = setTimeout(look, pollMs);
    }
    send({ kind: 'answer', id, value });
    if (verb === 'close') port?.close();
  } catch (error) {
    send({ kind: 'refusal', id, error: errorOf(error) });
  }
}

port.on('message', (request: Request) => void answer(request));
