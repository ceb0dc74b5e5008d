// What of a configuration that was read again can be had while the proxy runs. Pure.

import { isDeepStrictEqual } from 'node:util';
import { isLoopback } from '../config/address.js';
import type { Config } from '../config/config.js';

export interface Reloaded {
  readonly config: Config;
  /** Keys that have changed in the file and stay as they were until a restart. */
  readonly kept: readonly string[];
}

/**
 * The new configuration, but for what sockets, data directory and windows in use depend on: that
 * stays, and is named.
 */
export function reloaded(running: Config, read: Config): Reloaded {
  const server = {
    ...read.server,
    host: running.server.host,
    port: running.server.port,
    workers: running.server.workers,
    requestTimeoutMs: running.server.requestTimeoutMs,
    maxHeldBytes: running.server.maxHeldBytes,
    tls: running.server.tls,
  };
  const { host, port } = running.admin;
  // Without a token the file may do, for a host that is not listened on yet.
  const token = isLoopback(host) ? read.admin.token : (read.admin.token ?? running.admin.token);
  const admin = { ...read.admin, host, port, token };
  const budget = { ...read.budget, timezone: running.budget.timezone };
  const { storage, auth } = running;
  const kept = [
    ...changed('server', server, read.server),
    ...changed('admin', admin, read.admin),
    ...changed('budget', budget, read.budget),
    ...changed('storage', storage, read.storage),
    ...changed('auth', auth, read.auth),
  ];
  return { config: { ...read, server, admin, budget, storage, auth }, kept };
}

/** The members of a section that are not as they were read, by their names in the file. */
function changed<T extends object>(section: string, kept: T, read: T): string[] {
  return (Object.keys(read) as (keyof T & string)[])
    .filter((name) => !isDeepStrictEqual(kept[name], read[name]))
    .map((name) => `${section}.${fileName(name)}`);
}

/** `requestTimeoutMs` → `request_timeout_seconds` */
const fileName = (name: string): string =>
  name.replace(/Ms$/, 'Seconds').replaceAll(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
