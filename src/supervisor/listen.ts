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

export interface Mocks {
  readonly running: readonly MockProvider[];
  /** All providers, the mocked ones with the address of their server. */
  readonly providers: Readonly<Record<string, ProviderConfig>>;
}

export async function startMocks(config: Config): Promise<Mocks> {
  const running: MockProvider[] = [];
  const providers: Record<string, ProviderConfig> = {};
  for (const provider of Object.values(config.providers)) {
    providers[provider.name] = provider;
    if (!isMocked(provider)) continue;
    const mock = await startMock(provider.mock === null ? {} : { behaviour: provider.mock });
    running.push(mock);
    const baseUrl = provider.type === 'openai' ? `${mock.url}/v1` : mock.url;
    providers[provider.name] = { ...provider, baseUrl };
  }
  return { running, providers };
}
