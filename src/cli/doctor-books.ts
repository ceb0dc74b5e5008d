// What the doctor finds out about the books, the prices and a proxy that runs. Reads them as a
// report does; where a proxy runs it asks it.

import type { Status } from '../admin/status.js';
import type { Config } from '../config/config.js';
import { messageOf } from '../kernel/errors.js';
import { isHeld } from '../ledger/lock.js';
import { withSnapshot } from '../ledger/snapshot.js';
import { BUNDLED, BUNDLED_MS } from '../pricing/catalogue.js';
import { readPrices } from '../pricing/prices-file.js';
import { syncedTable } from '../pricing/table.js';
import { freePort } from '../supervisor/listen.js';
import type { Finding } from './finding.js';
import { findRunning } from './running.js';

const DAY_MS = 86_400_000;
const PRICES_OLD_MS = 45 * DAY_MS;
/** A source that is asked every hour is silent when it has not been heard of for so long. */
const SYNC_OLD_MS = 2 * DAY_MS;

export async function booksFindings(config: Config): Promise<Finding[]> {
  return [await books(config), await proxy(config), ...prices(config)];
}

async function books({ storage: { path } }: Config): Promise<Finding> {
  const about = 'Ledger';
  try {
    const found = await withSnapshot(path, ({ store, fold, faults }) => ({
      entries: fold.entrySequence,
      strayEnds: store.strayEnds + fold.strayEnds.length,
      faults,
    }));
    if (found === null) return { verdict: 'ok', about, found: 'none yet: the proxy makes one' };
    const { entries, strayEnds, faults } = found;
    if (faults.length > 0) {
      const mend = 'restore that file, or move it out of the journal; then tokenpak ledger verify';
      return { verdict: 'failure', about, found: faults.join('; '), mend };
    }
    const counted = `${entries.toLocaleString('en-US')} requests are booked`;
    if (strayEnds === 0) return { verdict: 'ok', about, found: counted };
    const mend = 'check every total: tokenpak ledger verify';
    const stray = `${counted}, ${strayEnds} ends had no reservation`;
    return { verdict: 'warning', about, found: stray, mend };
  } catch (error) {
    const mend = 'restore the data directory from a backup, or set storage.path to another';
    return { verdict: 'failure', about, found: messageOf(error), mend };
  }
}

async function proxy(config: Config): Promise<Finding> {
  const about = 'Proxy';
  const { host, port } = config.server;
  try {
    const running = findRunning(config);
    if (running !== null) return await asked(about, () => running.call('GET', '/admin/status'));
    if (isHeld(config.storage.path)) {
      const found = 'one holds the data directory and is just starting or ending';
      return { verdict: 'warning', about, found, mend: 'ask again in a moment' };
    }
    await freePort(host, port);
    const where = port === 0 ? `${host} has a port` : `${host}:${port} is free`;
    return { verdict: 'ok', about, found: `none runs; ${where} for it` };
  } catch (error) {
    const mend = 'stop who has it, or set server.port or storage.path to another';
    return { verdict: 'failure', about, found: messageOf(error), mend };
  }
}

async function asked(about: string, ask: () => Promise<unknown>): Promise<Finding> {
  try {
    const { address, pid, state, drift_usd } = (await ask()) as Status;
    const found = `${state} on ${address}, process ${pid}`;
    if (drift_usd === '0.00') return { verdict: 'ok', about, found };
    const drift = `${found}; counters and books differ by $${drift_usd}`;
    return { verdict: 'failure', about, found: drift, mend: 'tokenpak ledger verify; restart it' };
  } catch (error) {
    const mend = 'is admin.token the one that it was started with?';
    return { verdict: 'failure', about, found: messageOf(error), mend, unreachable: true };
  }
}

function prices(config: Config): Finding[] {
  const about = 'Prices';
  const { source, syncIntervalMinutes } = config.pricing;
  try {
    const stored = readPrices(config.storage.path);
    const asOfMs = stored?.checkedAtMs ?? BUNDLED_MS;
    const ageMs = Math.max(0, Date.now() - asOfMs);
    const days = Math.floor(ageMs / DAY_MS);
    const age = days === 0 ? 'of today' : days === 1 ? 'a day old' : `${days} days old`;
    const found = `${stored?.version ?? BUNDLED.version}, ${age}`;
    const isSynced = source !== 'bundled' && syncIntervalMinutes > 0;
    const isOld = ageMs > (isSynced ? SYNC_OLD_MS : PRICES_OLD_MS);
    const mend = 'fetch them: tokenpak sync-pricing';
    const first: Finding = isOld
      ? { verdict: 'warning', about, found, mend }
      : { verdict: 'ok', about, found };
    return [first, ...unpriced(config)];
  } catch (error) {
    const mend = 'fetch them anew: tokenpak sync-pricing';
    return [{ verdict: 'failure', about, found: messageOf(error), mend }];
  }
}

function unpriced(config: Config): Finding[] {
  const table = syncedTable(config);
  const without = table.names().filter((name) => typeof table.find(name) === 'string');
  if (without.length === 0) return [];
  const found = `${without.join(', ')}: no price is known, requests are refused`;
  const mend = 'set both estimated_…_cost_per_1k under the model';
  return [{ verdict: 'warning', about: 'Prices', found, mend }];
}
