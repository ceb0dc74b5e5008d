// An HTTP worker thread: builds what serving needs from what the supervisor hands it, listens,
// drains when told to. It never opens the ledger's database and never ends with its socket open.

import { parentPort, workerData } from 'node:worker_threads';
import { Accounts } from '../budget/account.js';
import { Counters } from '../budget/counters.js';
import { assert } from '../kernel/assert.js';
import { WindowClock } from '../kernel/calendar.js';
import { messageOf } from '../kernel/errors.js';
import { Journal } from '../ledger/journal.js';
import { catalogueOf } from '../pricing/catalogue.js';
import { PriceTable } from '../pricing/table.js';
import { LearnedOutput } from '../proxy/learned.js';
import type { Proxy } from '../proxy/proxy.js';
import { Tally } from '../proxy/tally.js';
import { Turn } from '../proxy/turn.js';
import { TokenClient } from '../tokens/client.js';
import { Deadlines } from '../upstream/deadlines.js';
import { Upstream } from '../upstream/upstream.js';
import { watchLoop } from './loop-lag.js';
import { Server } from './server.js';
import { type FromWorker, GATE, type Gate, type ToWorker, type WorkerStart } from './thread.js';

const DRAIN_POLL_MS = 20;

assert(parentPort !== null, 'this file runs as a worker thread');
const supervisor = parentPort;
const start = workerData as WorkerStart;
const say = (message: FromWorker): void => supervisor.postMessage(message);

const gateWord = new Int32Array(start.gate);
const gate = (): Gate => Atomics.load(gateWord, 0) as Gate;

function ledgerFailed(error: unknown): void {
  Atomics.store(gateWord, 0, GATE.failed);
  say({ type: 'ledger_failed', message: messageOf(error) });
}

function build(): Proxy {
  const { config } = start;
  const now = (): number => Date.now();
  const journal = new Journal({ ...start.journal, journalId: start.journalId });
  const counters = new Counters(start.counters);
  return {
    config,
    prices: new PriceTable(config, catalogueOf(start.prices)),
    counters,
    accounts: new Accounts(counters, start.budget, start.salt),
    calendar: new WindowClock(config.budget.timezone),
    journal,
    turn: new Turn(journal, { durability: config.storage.durability, onFailure: ledgerFailed }),
    tokens: new TokenClient(start.tokens),
    deadlines: new Deadlines(config.server.requestTimeoutMs, now),
    upstreams: new Map(
      Object.values(config.providers).map((provider) => [
        provider.name,
        new Upstream(provider, now),
      ]),
    ),
    now,
    nowUs: () => performance.now() * 1000,
    tally: new Tally(start.tally, start.index),
    learned: new LearnedOutput(),
    reported: new Set(),
  };
}

async function drain(proxy: Proxy, server: Server, graceMs: number): Promise<void> {
  server.stopListening();
  const deadline = Date.now() + graceMs;
  while (proxy.journal.openReservations + server.active > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
  end(proxy, server);
}

/** Leaves nothing open, so that the thread ends by itself. */
function end(proxy: Proxy, server: Server): void {
  server.close();
  for (const upstream of proxy.upstreams.values()) upstream.close();
  proxy.turn.flush();
  proxy.journal.close();
  start.tokens.close();
  supervisor.close();
}

const proxy = build();
const server = new Server(proxy, gate);
watchLoop(proxy.tally);

process.on('uncaughtException', (error) => {
  say({ type: 'defect', message: error.stack ?? messageOf(error) });
  // Its requests are charged in full by whoever recovers the journal: nothing may settle them for
  // less here, as closing the connections upstream would.
  server.close();
  try {
    proxy.turn.flush();
    proxy.journal.close();
  } finally {
    process.exit(1);
  }
});

supervisor.on('message', (message: ToWorker) => {
  if (message.type === 'drain') void drain(proxy, server, message.graceMs);
  else if (message.type === 'limits') proxy.accounts.reconfigure(message.budget);
  else proxy.prices = new PriceTable(start.config, catalogueOf(message.prices));
});

if (server.listen(start.config.server.host, start.port)) say({ type: 'listening' });
else {
  const { host } = start.config.server;
  say({
    type: 'cannot_start',
    message: `cannot listen on ${host}:${start.port}: the address is in use`,
  });
}
