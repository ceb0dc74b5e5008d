// A running proxy for others to find: the admin listener, and `proxy.json` in the data directory,
// which says where it is for as long as it is there.

import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Running } from '../admin/running.js';
import { type AdminListener, startAdmin } from '../admin/server.js';
import { hostInUrl } from '../config/address.js';
import { writeWhole } from '../kernel/whole-file.js';

/** What `proxy.json` holds. */
export interface ProxyFile {
  readonly pid: number;
  readonly address: string;
  /** Of the admin listener, as this machine reaches it. */
  readonly admin: string;
}

export const proxyFilePath = (storagePath: string): string => join(storagePath, 'proxy.json');

export const VERSION = (
  JSON.parse(readFileSync(new URL('../../../package.json', import.meta.url), 'utf8')) as {
    version: string;
  }
).version;

export class Control {
  readonly admin: string;
  readonly #listener: AdminListener;
  readonly #running: Running;

  private constructor(running: Running, listener: AdminListener) {
    this.#running = running;
    this.#listener = listener;
    this.admin = `http://${hostInUrl(reachable(running.config.admin.host))}:${listener.port}`;
  }

  static async start(running: Running): Promise<Control> {
    return new Control(running, await startAdmin(running));
  }

  /** From now on other processes find the proxy. Whole or not at all: it is renamed into place. */
  announce(): void {
    const path = proxyFilePath(this.#running.config.storage.path);
    const { pid, address } = this.#running;
    const file: ProxyFile = { pid, address, admin: this.admin };
    writeWhole(path, `${JSON.stringify(file)}\n`, 0o600);
  }

  async close(): Promise<void> {
    rmSync(proxyFilePath(this.#running.config.storage.path), { force: true });
    await this.#listener.close();
  }
}

/** Every address of the machine is listened on: loopback is one of them. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}
