// One request through an Upstream, as its text: what came back, or why nothing did.

import type { ProviderConfig } from '../../src/config/config.js';
import { type ForwardHandler, Upstream } from '../../src/upstream/upstream.js';
import { provider } from '../pricing/prices.js';

export const upstreamAt = (origin: string, more: Partial<ProviderConfig> = {}): Upstream =>
  new Upstream(provider('there', { baseUrl: `${origin}/v1`, ...more }), () => performance.now());

export function ask(
  upstream: Upstream,
  body = '{}',
  headers: Readonly<Record<string, string>> = {},
): Promise<string> {
  return new Promise((resolve) => {
    let answer = '';
    const handler: ForwardHandler = {
      onStart: (status) => (answer = `${status} `),
      onData: (bytes) => (answer += bytes.toString()),
      onEnd: () => resolve(answer),
      onFailure: ({ message, sent }) => resolve(`${sent ? 'sent' : 'not sent'}: ${message}`),
    };
    upstream.forward({ target: 'chat', body, headers }, handler);
  });
}
