// The ledger thread: answers the supervisor and, in between, books what the journals have gained.

import { parentPort, workerData } from 'node:worker_threads';
import { assert } from '../kernel/assert.js';
import { messageOf } from '../kernel/errors.js';
import { BATCH_RECORDS, Bookkeeper } from './bookkeeper.js';
import type { FromThread, Request, ThreadData, ThreadError, Verb } from './protocol.js';

/**
 * Between two looks. A commit syncs the disk, which stalls the journals' writes on the same file
 * system for milliseconds: twice a second that stays beyond the 99th percentile of requests, and
 * the batches are large, at less than half the CPU per request of 20 ms ones. Only alerts wait for
 * it.
 */
const POLL_MS = 500;

/** These look themselves, and put the next look off: whoever asks often costs no commits. */
const LOOKING: ReadonlySet<Verb> = new Set(['status', 'spends', 'utcTotals', 'adjust', 'drained']);
/** Not for ever: old entries are let go of only between two questions. */
const PUT_OFF_MAX_MS = 10_000;

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
let keeper: Bookkeeper | null = null;

const open = (): Bookkeeper =>
  new Bookkeeper({ ...data, onAlerts: () => send({ kind: 'alerts' }) });

let timer: NodeJS.Timeout | null = null;
let lookedMs = 0;
/** A failure is told once, and again when it changes. */
let told = '';
function tell(failure: ThreadError): void {
  if (failure.message !== told) send({ kind: 'failure', error: failure });
  told = failure.message;
}

function look(): void {
  let isBusy = false;
  lookedMs = Date.now();
  try {
    const records = keeper?.tick(Date.now()) ?? 0;
    const isBehind = records >= BATCH_RECORDS;
    const hasOld = !isBehind && (keeper?.sweep(Date.now()) ?? false);
    // There is more, and nothing to book before it. What the supervisor asks comes in between.
    isBusy = isBehind || (hasOld && records === 0);
    told = '';
  } catch (error) {
    tell(errorOf(error));
  }
  timer = setTimeout(look, isBusy ? 0 : POLL_MS);
}

async function answer({ id, verb, args }: Request): Promise<void> {
  try {
    if (verb === 'close' && timer !== null) clearTimeout(timer);
    keeper ??= open();
    const owner = verb in keeper ? keeper : keeper.alerts;
    const method = owner[verb as keyof typeof owner] as (...given: unknown[]) => unknown;
    const value = await method.apply(owner, [...args]);
    if (verb === 'start') timer = setTimeout(look, POLL_MS);
    send({ kind: 'answer', id, value });
    if (LOOKING.has(verb) && Date.now() - lookedMs < PUT_OFF_MAX_MS) timer?.refresh();
    if (verb === 'close') port?.close();
  } catch (error) {
    const refusal = errorOf(error);
    send({ kind: 'refusal', id, error: refusal });
    // Damage is found once, whoever looks: whoever asked is not the only one to know.
    if (LOOKING.has(verb) && refusal.code === 'ledger_damaged') tell(refusal);
  }
}

port.on('message', (request: Request) => void answer(request));
