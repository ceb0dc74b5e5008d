// What sets one provider type apart from another, as rows of data: the wires it speaks, where they
// live under its base URL, and how it wants its key. Only a different wire format earns code.

import type { ProviderConfig, ProviderType } from '../config/config.js';
import type { Api } from '../kernel/api.js';
import { assert } from '../kernel/assert.js';

interface ProviderRow {
  /** Native wires, and their paths below `base_url` (which for OpenAI ends in `/v1`). */
  readonly paths: Partial<Readonly<Record<Api, string>>>;
  readonly keyHeaders: (apiKey: string) => Readonly<Record<string, string>>;
  /** Headers a wire cannot do without, where the client sent none. */
  readonly defaults: Readonly<Record<string, string>>;
}

const bearer = (apiKey: string): Record<string, string> => ({ authorization: `Bearer ${apiKey}` });

/** OpenAI's wires, below a base URL that ends in `/v1`. */
const OPENAI_PATHS = {
  chat: '/chat/completions',
  completions: '/completions',
  responses: '/responses',
  embeddings: '/embeddings',
} as const;

const ROWS: Readonly<Record<ProviderType, ProviderRow>> = {
  openai: { paths: OPENAI_PATHS, keyHeaders: bearer, defaults: {} },
  'openai-compatible': { paths: OPENAI_PATHS, keyHeaders: bearer, defaults: {} },
  anthropic: {
    paths: { messages: '/v1/messages' },
    keyHeaders: (apiKey) => ({ 'x-api-key': apiKey }),
    defaults: { 'anthropic-version': '2023-06-01' },
  },
  mock: {
    paths: {
      chat: '/v1/chat/completions',
      messages: '/v1/messages',
      completions: '/v1/completions',
      responses: '/v1/responses',
      embeddings: '/v1/embeddings',
    },
    keyHeaders: bearer,
    defaults: { 'anthropic-version': '2023-06-01' },
  },
};

/** The provider has this API itself; nothing needs translating. */
export const speaks = (type: ProviderType, api: Api): boolean =>
  ROWS[type].paths[api] !== undefined;

/**
 * The wire that a client's API is sent on: its own where the provider speaks it, else the other.
 * Only Chat and Messages have another; the rest must not come here without asking `speaks`.
 */
export function wireOf(type: ProviderType, api: Api): Api {
  if (speaks(type, api)) return api;
  assert(api === 'chat' || api === 'messages', `no ${type} provider speaks ${api}`);
  return api === 'chat' ? 'messages' : 'chat';
}

/** What is asked of a provider: an API, or the free count of a Messages request's tokens. */
export type Target = Api | 'count_tokens';

export function pathOf(provider: ProviderConfig, target: Target): string {
  const prefix = new URL(provider.baseUrl).pathname.replace(/\/$/, '');
  const { paths } = ROWS[provider.type];
  const path = target === 'count_tokens' ? `${paths.messages}/count_tokens` : paths[target];
  return prefix + (path ?? '');
}

/** The headers of every request to a provider: ours alone, never the client's credentials. */
export function baseHeaders(provider: ProviderConfig): Record<string, string> {
  const row = ROWS[provider.type];
  return {
    'content-type': 'application/json',
    'accept-encoding': 'identity',
    'user-agent': 'tokenpak',
    ...row.defaults,
    ...(provider.apiKey === null ? bearerOfNobody(provider.type) : row.keyHeaders(provider.apiKey)),
  };
}

const bearerOfNobody = (type: ProviderType): Record<string, string> =>
  type === 'mock' ? bearer('mock') : {};

/** Client headers that go upstream as they are. Everything else stays here. */
export const FORWARDED_HEADERS = [
  'anthropic-beta',
  'anthropic-version',
  'idempotency-key',
  'openai-beta',
  'x-client-request-id',
] as const;

/** Provider headers that the client may see. */
export function isReturnedHeader(name: string): boolean {
  return (
    name === 'content-type' ||
    name === 'retry-after' ||
    name === 'request-id' ||
    name === 'x-request-id' ||
    name === 'x-should-retry' ||
    name.startsWith('openai-') ||
    name.startsWith('anthropic-') ||
    name.startsWith('x-ratelimit-')
  );
}
