// What the supervisor settles before any worker starts: a port that nobody else has, and a server
// for each embedded provider.

import { createServer } from 'node:net';
import type { Config, ProviderConfig } from '../config/config.js';
import { TokenPakError } from '../kernel/errors.js';
import { type MockProvider, startMock } from '../mock/provider.js';

/**
 * The port to listen on. The workers share it with SO_REUSEPORT, which would share it with a
 * stranger too, so it is taken once without: that fails when anyone listens there.
 */
export function freePort(host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      const why = error.code === 'EADDRINUSE' ? 'another process listens there' : error.message;
      const message = `cannot listen on ${host}:${port}: ${why}. Stop it, or take another port.`;
      reject(new TokenPakError('cannot_start', message));
    });
    server.listen({ host, port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : port));
    });
  });
}

/** `type: mock`, or a provider that the mock stands in for. */
export const isMocked = ({ type, mock }: ProviderConfig): boolean =>
  type === 'mock' || mock !== null;

/** The embedded providers, each with a server for as long as the process lives. */
export class Mocks {
  readonly #servers = new Map<string, MockProvider>();

  /** All providers, the mocked ones with the address of their server. */
  async resolve({ providers }: Config): Promise<Config['providers']> {
    const all = Object.values(providers).map(async (provider) => {
      if (!isMocked(provider)) return [provider.name, provider] as const;
      const { url } = await this.#serverOf(provider);
      const baseUrl = provider.type === 'openai' ? `${url}/v1` : url;
      return [provider.name, { ...provider, baseUrl }] as const;
    });
    return Object.fromEntries(await Promise.all(all));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#servers.values()].map((mock) => mock.close()));
  }

  /** One as it was before keeps its server, and its bill. */
  async #serverOf(provider: ProviderConfig): Promise<MockProvider> {
    const key = JSON.stringify([provider.name, provider.type, provider.mock]);
    const running = this.#servers.get(key);
    if (running !== undefined) return running;
    const mock = await startMock(provider.mock === null ? {} : { behaviour: provider.mock });
    this.#servers.set(key, mock);
    return mock;
  }
}
