// Who may speak to the admin listener. With a token, whoever shows it; without one, this machine
// alone, and no page that a browser here has open: a foreign name that resolves to loopback (DNS
// rebinding) and a foreign origin are both turned away.

import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import { isLoopback } from '../config/address.js';
import { Refused } from './route.js';

const digest = (text: string): Buffer => createHash('sha256').update(text).digest();

/** Digests have one length: the comparison takes the same time whatever was sent. */
const sameText = (a: string, b: string): boolean => timingSafeEqual(digest(a), digest(b));

/** Throws `Refused`. */
export function guard(
  { headers }: IncomingMessage,
  { token, open }: { readonly token: string | null; readonly open: boolean },
): void {
  const host = headers.host ?? '';
  if (token === null && !isLoopback(hostName(host))) {
    throw new Refused(403, 'forbidden', 'Without admin.token only loopback names are answered.');
  }
  const { origin } = headers;
  if (origin !== undefined && originHost(origin) !== host) {
    throw new Refused(403, 'forbidden', 'Another site may not speak to this listener.');
  }
  if (token === null || open) return;
  const shown = /^bearer +(\S+) *$/i.exec(headers.authorization ?? '')?.[1] ?? '';
  if (!sameText(shown, token)) {
    throw new Refused(401, 'unauthorized', 'Send Authorization: Bearer and admin.token.');
  }
}

const originHost = (origin: string): string | null =>
  URL.canParse(origin) ? new URL(origin).host : null;

/** `[::1]:8001` → `::1` */
const hostName = (host: string): string => host.replace(/:\d+$/, '').replace(/^\[(.*)\]$/, '$1');
