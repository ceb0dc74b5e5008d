// An HTTP worker thread: builds what serving needs from what the supervisor hands it, listens,
// drains when told to. It never opens the ledger's database and never ends with its socket open.

import { performance } from 'node:perf_hooks';
import { isDeepStrictEqual } from 'node:util';
import { parentPort, workerData } from 'node:worker_threads';
import { Accounts } from '../budget/account.js';
import { Counters } from '../budget/counters.js';
import type { BudgetConfig, Config } from '../config/config.js';
import { assert } from '../kernel/assert.js';
import { WindowClock } from '../kernel/calendar.js';
import { messageOf } from '../kernel/errors.js';
import { KeyRing } from '../keys/key-ring.js';
import { Journal } from '../ledger/journal.js';
import { catalogueOf } from '../pricing/catalogue.js';
import { PriceTable } from '../pricing/table.js';
import { AskedAgain } from '../proxy/asked-again.js';
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
  const journal = new Journal({ ...start.journal, journalId: start.journalId });
  const counters = new Counters(start.counters);
  return {
    config,
    prices: new PriceTable(config, catalogueOf(start.prices)),
    keys: start.keys === null ? null : new KeyRing(start.keys),
    counters,
    accounts: new Accounts(counters, start.budget, start.salt),
    calendar: new WindowClock(config.budget.timezone),
    journal,
    turn: new Turn(journal, { durability: config.storage.durability, onFailure: ledgerFailed }),
    tokens: new TokenClient(start.tokens),
    deadlines: new Deadlines(config.server.requestTimeoutMs, () => Date.now()),
    upstreams: upstreamsOf(config, new Map()),
    now: () => Date.now(),
    nowUs: () => performance.now() * 1000,
    tally: new Tally(start.tally, start.index),
    askedAgain: new AskedAgain(),
    learned: new LearnedOutput(),
    reported: new Set(),
  };
}

/** Those that a change of the configuration left as they were keep their connections. */
function upstreamsOf(
  { providers }: Config,
  before: ReadonlyMap<string, Upstream>,
): Map<string, Upstream> {
  return new Map(
    Object.values(providers).map((provider) => {
      const old = before.get(provider.name);
      const isSame = old !== undefined && isDeepStrictEqual(old.provider, provider);
      return [provider.name, isSame ? old : new Upstream(provider, () => Date.now())];
    }),
  );
}

/** Between two requests: those under way end as they began. */
function configure(config: Config, budget: BudgetConfig): void {
  const before = proxy.upstreams;
  proxy.config = config;
  proxy.accounts.reconfigure(budget);
  proxy.prices = new PriceTable(config, catalogueOf(prices));
  proxy.upstreams = upstreamsOf(config, before);
  for (const upstream of before.values()) {
    if (isUsed(upstream)) continue;
    replaced.add(upstream);
    upstream.retire(() => replaced.delete(upstream));
  }
}

const isUsed = (upstream: Upstream): boolean =>
  proxy.upstreams.get(upstream.provider.name) === upstream;

function listen(): void {
  const { host, tls } = start.config.server;
  const where = `cannot listen on ${host}:${start.port}`;
  try {
    if (server.listener.listen()) return say({ type: 'listening' });
    say({ type: 'cannot_start', message: `${where}: the address is in use` });
  } catch (error) {
    // uWebSockets says no more than that it failed.
    if (tls === null) throw error;
    const message = `${where} with the certificate in ${tls.certFile} and the key in ${tls.keyFile}`;
    say({ type: 'cannot_start', message });
  }
}

/** The supervisor has looked at the files; whatever goes wrong now, the old certificate stays. */
function renewCertificate(): void {
  try {
    if (server.listener.renew()) return;
    process.emitWarning('the old certificate stays: the port could not be shared');
  } catch (error) {
    process.emitWarning(`the old certificate stays: ${messageOf(error)}`);
  }
}

async function drain(proxy: Proxy, server: Server, graceMs: number): Promise<void> {
  server.listener.stop();
  const deadline = Date.now() + graceMs;
  // What is open in a journal that takes no more stays open, however long anybody waits.
  const open = (): number => (proxy.journal.failed ? 0 : proxy.journal.openReservations);
  while (open() + server.active > 0 && Date.now() < deadline) {
    await new Promise((resolve) => setTimeout(resolve, DRAIN_POLL_MS));
  }
  end(proxy, server);
}

/** Leaves nothing open, so that the thread ends by itself. */
function end(proxy: Proxy, server: Server): void {
  server.listener.close();
  for (const upstream of [...proxy.upstreams.values(), ...replaced]) upstream.close();
  proxy.turn.flush();
  try {
    proxy.journal.close();
  } catch (error) {
    ledgerFailed(error);
  }
  start.tokens.close();
  supervisor.close();
}

/** Those in force. */
let { prices } = start;
/** Providers of earlier configurations of which requests are still in flight. */
const replaced = new Set<Upstream>();
const proxy = build();
const server = new Server(proxy, { gate, port: start.port, heldBytesMax: start.heldBytesMax });
watchLoop(proxy.tally);

process.on('uncaughtException', (error) => {
  say({ type: 'defect', message: error.stack ?? messageOf(error) });
  // Its requests are charged in full by whoever recovers the journal: nothing may settle them for
  // less here, as closing the connections upstream would.
  server.listener.close();
  try {
    proxy.turn.flush();
    proxy.journal.close();
  } finally {
    process.exit(1);
  }
});

supervisor.on('message', (message: ToWorker) => {
  switch (message.type) {
    case 'drain':
      return void drain(proxy, server, message.graceMs);
    case 'limits':
      return proxy.accounts.reconfigure(message.budget);
    case 'keys':
      proxy.keys = new KeyRing(message.keys);
      break;
    case 'certificate':
      return renewCertificate();
    case 'prices':
      ({ prices } = message);
      proxy.prices = new PriceTable(proxy.config, catalogueOf(prices));
      break;
    case 'config':
      configure(message.config, message.budget);
      say({ type: 'configured', id: message.id });
  }
});

listen();
