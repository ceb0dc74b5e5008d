// How the mock provider behaves for one request: its configuration, overridden by what the prompt
// says in `[mock output_tokens=500 …]`. A prompt reaches a provider unchanged through any proxy; a
// header need not.

import type { MockBehaviour } from '../config/config.js';

export interface Steering {
  /** Wait before the first byte of the answer. */
  readonly latencyMs: number;
  readonly inputTokens: number | null;
  readonly outputTokens: number | null;
  /** The share of the input that is reported as read from the cache. */
  readonly cachedTokens: number;
  /** Of the input: written to the cache, for the usual time or for the longer one. */
  readonly cacheWriteTokens: number;
  readonly cacheWrite1hTokens: number;
  /** Of the input that was heard, and of the output that is spoken. */
  readonly audioInputTokens: number;
  readonly audioOutputTokens: number;
  /** Calls of the provider's own tools. */
  readonly webSearches: number;
  readonly fileSearches: number;
  /** The tier that the answer says it was served at; `null` for the one asked for. */
  readonly serviceTier: string | null;
  readonly errorStatus: number | null;
  /** Break the connection after this many events, or inside a body that is not streamed. */
  readonly cutAfter: number | null;
  /** Wait between two events. */
  readonly chunkMs: number;
  /** Send nothing more, from `cutAfter` on or from the start, and keep the connection open. */
  readonly hangs: boolean;
  /** Leave the usage out. */
  readonly hidesUsage: boolean;
  /** Think aloud first. */
  readonly thinks: boolean;
  /** Decline, in a sentence. */
  readonly refuses: boolean;
  /** Say something before calling tools. */
  readonly addsText: boolean;
  /** Send the arguments of several calls in turns, where the wire can. */
  readonly interleaves: boolean;
}

/** All but those that call tools (tool-call.ts). */
const DIRECTIVE = /\[mock (?!tool=)([^\]]{0,500})\]/g;

/** Reads the directives of a prompt; of a word that comes twice the last one counts. */
export function steer(behaviour: MockBehaviour | null, prompt: string): Steering {
  const words = [...prompt.matchAll(DIRECTIVE)].flatMap((match) => (match[1] ?? '').split(/\s+/));
  const values = new Map(words.map((word) => [word.split('=')[0] ?? '', word.split('=')[1] ?? '']));
  const count = (name: string): number | null => {
    const value = values.get(name);
    return value !== undefined && /^\d{1,12}$/.test(value) ? Number(value) : null;
  };
  return {
    latencyMs: count('latency_ms') ?? behaviour?.latencyMs ?? 0,
    inputTokens: count('input_tokens') ?? behaviour?.inputTokens ?? null,
    outputTokens: count('output_tokens') ?? behaviour?.outputTokens ?? null,
    cachedTokens: count('cached_tokens') ?? 0,
    cacheWriteTokens: count('cache_write_tokens') ?? 0,
    cacheWrite1hTokens: count('cache_write_1h_tokens') ?? 0,
    audioInputTokens: count('audio_input_tokens') ?? 0,
    audioOutputTokens: count('audio_output_tokens') ?? 0,
    webSearches: count('web_searches') ?? 0,
    fileSearches: count('file_searches') ?? 0,
    serviceTier: values.get('service_tier') ?? null,
    errorStatus: count('status') ?? behaviour?.errorStatus ?? null,
    cutAfter: count('cut_after'),
    chunkMs: count('chunk_ms') ?? 0,
    hangs: values.has('hang'),
    hidesUsage: values.has('no_usage'),
    thinks: values.has('thinking'),
    refuses: values.has('refusal'),
    addsText: values.has('with_text'),
    interleaves: values.has('interleave'),
  };
}
