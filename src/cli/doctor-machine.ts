// What the doctor finds out about the machine: runtime, native parts, disk, clock, who may write
// where. Each look is one function from a config to findings.

import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname } from 'node:path';
import { canAppend, fallbackLog } from '../alert/log.js';
import type { Config } from '../config/config.js';
import { messageOf } from '../kernel/errors.js';
import { canMapIn } from '../ledger/mapping.js';
import type { Finding } from './finding.js';

const GIB = 1024 ** 3;
/** The ledger refuses to begin a commit below the second. */
const FREE_WARNING_BYTES = 2 * GIB;
const FREE_FAILURE_BYTES = 64 * 1024 * 1024;
/** When this was written: no clock that is right shows less. */
const CLOCK_MIN_MS = Date.UTC(2026, 0, 1);

export async function machineFindings(config: Config | null): Promise<Finding[]> {
  const here = [node(), ...(await natives()), clock(config)];
  return config === null ? here : [...here, ...storage(config), alertLog(config)];
}

function node(): Finding {
  const about = 'Node';
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const found = `${process.version} on ${process.platform} ${process.arch}`;
  if (major < 20 || (major === 20 && minor < 18)) {
    return { verdict: 'failure', about, found, mend: 'Node 20.18 or newer is needed: take 22' };
  }
  if (major === 20 || major === 22) return { verdict: 'ok', about, found };
  const mend = 'only 20 and 22 are tested: take one of them if something does not load';
  return { verdict: 'warning', about, found, mend };
}

/** Loaded as the proxy loads them: a binary for another runtime or system fails here. */
async function natives(): Promise<Finding[]> {
  const parts: readonly (readonly [string, () => Promise<unknown>])[] = [
    ['uWebSockets.js', () => import('../http/server.js')],
    ['lmdb', () => import('../ledger/environment.js')],
    ['file locks', () => import('../ledger/lock.js')],
    ['tiktoken', () => import('@dqbd/tiktoken')],
  ];
  const failures: Finding[] = [];
  for (const [name, load] of parts) {
    try {
      await load();
    } catch (error) {
      const found = `${name} does not load: ${messageOf(error)}`;
      const mend = 'run npm ci on this machine, with this Node';
      failures.push({ verdict: 'failure', about: 'Native parts', found, mend });
    }
  }
  if (failures.length > 0) return failures;
  const found = `${parts.map(([name]) => name).join(', ')} load`;
  return [{ verdict: 'ok', about: 'Native parts', found }];
}

function clock(config: Config | null): Finding {
  const about = 'Clock';
  const now = new Date();
  const zone = config?.budget.timezone ?? 'UTC';
  const shown = new Intl.DateTimeFormat('sv-SE', {
    timeZone: zone,
    dateStyle: 'short',
    timeStyle: 'short',
  }).format(now);
  const found = `${shown} in ${zone}, in which days are counted`;
  if (now.getTime() >= CLOCK_MIN_MS) return { verdict: 'ok', about, found };
  return { verdict: 'failure', about, found, mend: 'set the clock, and keep it set: timedatectl' };
}

function storage({ storage: { path, durability } }: Config): Finding[] {
  let existing = path;
  while (!existsSync(existing)) existing = dirname(existing);
  const about = 'Data directory';
  const findings: Finding[] = [];
  try {
    accessSync(existing, constants.W_OK | constants.X_OK);
    if (existing !== path || durability === 'power' || canBeMapped(path)) {
      findings.push({ verdict: 'ok', about, found: `${path} can be written` });
    } else {
      const found = `${path} can be written, but journals there are not kept in memory`;
      const mend =
        '10 µs a request slower: take ext4, XFS or tmpfs, and run npm ci on this machine';
      findings.push({ verdict: 'warning', about, found, mend });
    }
  } catch (error) {
    const mend = 'let this user write there, or set storage.path to another directory';
    findings.push({ verdict: 'failure', about, found: messageOf(error), mend });
  }
  const { bavail, bsize } = statfsSync(existing);
  const free = bavail * bsize;
  const found = `${(free / GIB).toFixed(1)} GiB are free`;
  if (free >= FREE_WARNING_BYTES) return [...findings, { verdict: 'ok', about: 'Disk', found }];
  const verdict = free < FREE_FAILURE_BYTES ? 'failure' : 'warning';
  const mend = 'free some: without room for the ledger no request is admitted';
  return [...findings, { verdict, about: 'Disk', found, mend }];
}

/** Whether journals there are stored in memory. Of a full disk another line tells. */
function canBeMapped(directory: string): boolean {
  try {
    return canMapIn(directory);
  } catch {
    return true;
  }
}

function alertLog({ alerts, storage: { path } }: Config): Finding {
  const about = 'Alert log';
  if (canAppend(alerts.logFile)) return { verdict: 'ok', about, found: alerts.logFile };
  const fallback = fallbackLog(path);
  const verdict = canAppend(fallback) ? 'warning' : 'failure';
  const found = `${alerts.logFile} cannot be written`;
  const mend = `let this user write it, or set alerts.log_file; until then lines go to ${fallback}`;
  return { verdict, about, found, mend };
}
