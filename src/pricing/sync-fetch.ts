// Brings a price list here, from a URL or a file, and never more of it than a price list may have.
// Follows no redirect to another host; sends nothing but the question.

import { open } from 'node:fs/promises';
import { messageOf, TokenPakError } from '../kernel/errors.js';
import { refused } from './sync-sources.js';

/** The longest of the public lists has 3 MB. */
export const LIST_BYTES_MAX = 32 * 1024 * 1024;
const TIMEOUT_MS = 60_000;
const REDIRECTS_MAX = 3;

export interface Fetched {
  readonly text: string;
  readonly etag: string | null;
}

/** `null`: the list is the one that the ETag names. Throws `unreachable`. */
export async function fetchList(address: string, etag: string | null): Promise<Fetched | null> {
  if (!URL.canParse(address)) return { text: await readList(address), etag: null };
  const url = new URL(address);
  const response = await request(url, etag);
  if (response.status === 304) return null;
  if (response.status !== 200) {
    await response.body?.cancel();
    throw unreachable(shown(url), `it answers ${response.status}`);
  }
  const text = await textOf(response).catch((error: unknown) => {
    throw error instanceof TokenPakError ? error : unreachable(shown(url), messageOf(error), error);
  });
  return { text, etag: response.headers.get('etag') };
}

async function request(first: URL, etag: string | null): Promise<Response> {
  const headers: Record<string, string> = { accept: 'application/json', 'user-agent': 'tokenpak' };
  if (etag !== null) headers['if-none-match'] = etag;
  let url = first;
  for (let redirects = 0; redirects <= REDIRECTS_MAX; redirects += 1) {
    const signal = AbortSignal.timeout(TIMEOUT_MS);
    const response = await fetch(url.href, { headers, signal, redirect: 'manual' }).catch(
      (error: unknown) => {
        const { cause } = error as { cause?: unknown };
        throw unreachable(shown(first), messageOf(cause ?? error), error);
      },
    );
    const location = response.headers.get('location');
    if (response.status < 300 || response.status === 304 || location === null) return response;
    await response.body?.cancel();
    const next = URL.canParse(location, url.href) ? new URL(location, url.href) : null;
    if (next?.origin !== first.origin) {
      throw unreachable(shown(first), 'it redirects to another host, which is not followed');
    }
    url = next;
  }
  throw unreachable(shown(first), 'it redirects in a circle');
}

/** Reads on only while the list may still be one: an endless answer is hung up on. */
async function textOf(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > LIST_BYTES_MAX) throw tooLong();
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}

async function readList(path: string): Promise<string> {
  try {
    const file = await open(path, 'r');
    try {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(LIST_BYTES_MAX + 1));
      if (bytesRead > LIST_BYTES_MAX) throw tooLong();
      return buffer.toString('utf8', 0, bytesRead);
    } finally {
      await file.close();
    }
  } catch (error) {
    throw error instanceof TokenPakError ? error : unreachable(path, messageOf(error), error);
  }
}

/** Without what may be a secret. */
const shown = ({ origin, pathname }: URL): string => `${origin}${pathname}`;

const tooLong = (): TokenPakError =>
  refused(`it is longer than ${LIST_BYTES_MAX / 1024 / 1024} MiB, which no price list is`);

const unreachable = (address: string, why: string, cause?: unknown): TokenPakError =>
  new TokenPakError('unreachable', `Prices cannot be had from ${address}: ${why}`, {
    cause,
  });
