// Hosts and URLs of the config: what is loopback, which URL may be what. Pure text, no DNS.

import { isIPv4 } from 'node:net';
import { resolve } from 'node:path';

export function isLoopback(host: string): boolean {
  const bare = host.replace(/^\[|\]$/g, '').toLowerCase();
  return bare === 'localhost' || bare === '::1' || (isIPv4(bare) && bare.startsWith('127.'));
}

/** An IPv6 address stands in brackets there. */
export const hostInUrl = (host: string): string => (host.includes(':') ? `[${host}]` : host);

export type Checked = { ok: true; url: string } | { ok: false; why: string };

const refused = (why: string): Checked => ({ ok: false, why });

/** A base URL without its trailing slash. Reasons never repeat the URL: it may hold a key. */
export function checkBaseUrl(text: string): Checked {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return refused('is no URL: expected one such as https://api.openai.com/v1');
  if (url.protocol !== 'https:' && url.protocol !== 'http:') {
    return refused(`found ${url.protocol}, expected https: or http:`);
  }
  if (url.username !== '' || url.password !== '') {
    return refused('holds credentials: move them to api_key');
  }
  if (/[?#]/.test(text)) return refused('has a query or a fragment: remove it');
  return { ok: true, url: url.href.replace(/\/+$/, '') };
}

/** An alert's destination; `mailto://ops@…` (as often written) becomes `mailto:ops@…`. */
export function checkWebhook(text: string): Checked {
  const url = URL.canParse(text) ? new URL(text) : null;
  if (url === null) return refused('is no URL: expected https://…, or mailto:ops@example.com');
  switch (url.protocol) {
    case 'https:':
      return { ok: true, url: url.href };
    case 'http:':
      if (isLoopback(url.hostname)) return { ok: true, url: url.href };
      return refused('http: is for loopback hosts only: use https:');
    case 'mailto:': {
      const address = text.trim().replace(/^mailto:(\/\/)?/i, '');
      if (/^[^\s@/,?<>";:]+@[^\s@/,?<>";:]+$/.test(address))
        return { ok: true, url: `mailto:${address}` };
      return refused('expected one address, such as mailto:ops@example.com');
    }
    default:
      return refused(`found ${url.protocol}, expected https:, http: (loopback only) or mailto:`);
  }
}

/** Prices that have a name; all but the first are fetched. */
export const PRICE_SOURCES = ['bundled', 'models.dev', 'litellm', 'openrouter'] as const;

/** Where prices come from: a name, a URL, or a file as a path from the folder. */
export function checkPriceSource(text: string, folder: string): Checked {
  if ((PRICE_SOURCES as readonly string[]).includes(text)) return { ok: true, url: text };
  if (/^[a-z][a-z0-9+.-]*:/i.test(text)) {
    const url = URL.canParse(text) ? new URL(text) : null;
    const loopback = url?.protocol === 'http:' && isLoopback(url.hostname);
    if (url?.protocol === 'https:' || loopback) return { ok: true, url: text };
    return refused('prices come over https: (http: is for loopback hosts only)');
  }
  if (/[/\\]|\.json$/.test(text)) return { ok: true, url: resolve(folder, text) };
  return refused(
    `found "${text}", expected ${PRICE_SOURCES.join(', ')}, an https: URL or a .json file`,
  );
}
