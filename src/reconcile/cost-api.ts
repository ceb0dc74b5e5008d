// Asks a provider's cost API, page by page. Tries again what may pass (429, 5xx, a broken
// connection) with growing pauses; what will not pass names the key of the configuration to mend.

import { messageOf, TokenPakError } from '../kernel/errors.js';
import { exactJson, type Json, membersOf, textOf } from '../kernel/exact-json.js';

export interface CostApiOptions {
  readonly baseUrl: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Of the key that is sent, for people: `providers.openai.admin_key`. */
  readonly keyName: string;
  readonly sleep: (ms: number) => Promise<void>;
  /** Not every account has it: any refusal means that there is none. */
  readonly optional?: boolean;
}

export type Params = Readonly<Record<string, string | number | readonly string[]>>;

const ATTEMPTS_MAX = 5;
const PAUSE_MS = 1_000;
const PAUSE_MS_MAX = 60_000;
const TIMEOUT_MS = 60_000;
const PAGES_MAX = 1_000;
const PAGE_BYTES_MAX = 32 * 1024 * 1024;

export class CostApi {
  readonly #options: CostApiOptions;

  constructor(options: CostApiOptions) {
    this.#options = options;
  }

  /** The buckets of all pages. `null` when the API has no such endpoint, or not for this key. */
  async buckets(path: string, params: Params): Promise<Json[] | null> {
    const found: Json[] = [];
    let page: string | null = null;
    for (let pages = 0; pages < PAGES_MAX; pages += 1) {
      const body = await this.#get(path, page === null ? params : { ...params, page });
      if (body === null) return null;
      const { data, has_more, next_page } = body;
      if (!Array.isArray(data)) throw this.#odd(path, 'its answer has no data');
      found.push(...(data as readonly Json[]));
      page = textOf(next_page) || null;
      if (has_more !== true || page === null) return found;
    }
    throw this.#odd(path, `it has more than ${PAGES_MAX} pages`);
  }

  /** The same, of what every account has: that there is none must not pass for no costs. */
  async neededBuckets(path: string, params: Params): Promise<Json[]> {
    const found = await this.buckets(path, params);
    if (found !== null) return found;
    throw this.#odd(path, 'it has no such report (404)');
  }

  async #get(path: string, params: Params): Promise<Readonly<Record<string, Json>> | null> {
    const url = new URL(`${this.#options.baseUrl}${path}`);
    for (const [name, value] of Object.entries(params)) {
      if (typeof value !== 'object') url.searchParams.set(name, String(value));
      else for (const item of value) url.searchParams.append(`${name}[]`, item);
    }
    let why = '';
    for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt += 1) {
      const answer = await this.#ask(url);
      if ('body' in answer) return this.#bodyOf(path, answer);
      why = answer.why;
      if (attempt < ATTEMPTS_MAX) {
        const grown = PAUSE_MS * 2 ** (attempt - 1);
        await this.#options.sleep(Math.min(PAUSE_MS_MAX, Math.max(grown, answer.afterMs)));
      }
    }
    throw this.#odd(path, `${why}, ${ATTEMPTS_MAX} times`);
  }

  async #ask(url: URL): Promise<Answer | { readonly why: string; readonly afterMs: number }> {
    try {
      const { headers } = this.#options;
      const signal = AbortSignal.timeout(TIMEOUT_MS);
      const response = await fetch(url.href, { headers, signal, redirect: 'error' });
      const body = await bodyText(response);
      const { status } = response;
      if (status !== 429 && status < 500) return { status, body };
      const after = Number(response.headers.get('retry-after') ?? 0);
      return { why: `it answers ${status}`, afterMs: after > 0 ? after * 1_000 : 0 };
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      return { why: messageOf(cause ?? error), afterMs: 0 };
    }
  }

  #bodyOf(path: string, { status, body }: Answer): Readonly<Record<string, Json>> | null {
    if (status === 404 || (this.#options.optional === true && status >= 400)) return null;
    if (status === 401 || status === 403) {
      const { keyName, baseUrl } = this.#options;
      throw new TokenPakError(
        'bad_config',
        `${keyName}: ${new URL(baseUrl).host} refuses it (${status}). An admin key is needed, not ` +
          'the one that requests are made with.',
      );
    }
    try {
      const members = membersOf(exactJson(body));
      if (status === 200) return members;
      const { message } = membersOf(members['error']);
      throw this.#odd(path, `it answers ${status} ${textOf(message).slice(0, 200)}`.trim());
    } catch (error) {
      if (error instanceof TokenPakError) throw error;
      throw this.#odd(path, `it answers ${status} with what is no JSON`);
    }
  }

  #odd(path: string, why: string): TokenPakError {
    const { host } = new URL(this.#options.baseUrl);
    return new TokenPakError('unreachable', `The costs cannot be had from ${host}${path}: ${why}`);
  }
}

interface Answer {
  readonly status: number;
  readonly body: string;
}

async function bodyText(response: Response): Promise<string> {
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  for await (const chunk of response.body ?? []) {
    bytes += (chunk as Uint8Array).byteLength;
    if (bytes > PAGE_BYTES_MAX) throw new Error('its answer has no end');
    chunks.push(chunk as Uint8Array);
  }
  return Buffer.concat(chunks).toString('utf8');
}
