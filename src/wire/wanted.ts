// What a request asks for beyond text at the ordinary price, and how much of it at most: a service
// tier, sound, a predicted answer, tools that the provider runs. Reads only what has a bound; what
// has none is refused in unbounded.ts, what has no price once the model is known.

import type { Api } from '../kernel/api.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';

/** `auto`: whatever the provider's own settings say. */
export type WantedTier = 'standard' | 'flex' | 'priority' | 'auto';

export interface Wanted {
  readonly tier: WantedTier;
  /** It may be served, and billed, at a dearer tier than the ordinary one. */
  readonly dearerTier: boolean;
  readonly audioInput: boolean;
  readonly audioOutput: boolean;
  /** Of each choice: what is predicted and not taken is billed as output. */
  readonly predictedTokens: number;
  /** Calls at most. */
  readonly webSearches: number;
  readonly fileSearches: number;
  /** How often the model may read its whole input: again after each call of such a tool. */
  readonly rounds: number;
}

/** Nearly every request. */
export const NOTHING_MORE: Wanted = {
  tier: 'standard',
  dearerTier: false,
  audioInput: false,
  audioOutput: false,
  predictedTokens: 0,
  webSearches: 0,
  fileSearches: 0,
  rounds: 1,
};

export interface Unbounded {
  readonly invalid: string;
  readonly param: string;
}

/** More calls than any answer takes; so many rounds of a whole window stay a sane sum. */
const CALLS_MAX = 100;

/** Anthropic tells a model of a call too many, and lets it go on. */
const ANSWERED_CALLS = 1;

const WEB_SEARCH = /^web_search(_\d{8}|_\d{4}_\d{2}_\d{2})?$/;
const HOSTED: Readonly<Partial<Record<Api, RegExp>>> = {
  // What is fetched has no fee, and is read as input.
  messages: /^web_(search|fetch)_\d{8}$/,
  responses: /^(web_search(_\d{4}_\d{2}_\d{2})?|file_search)$/,
};

/** Whether the provider runs this tool, and the request can say how often. */
export function isBoundable(api: Api, tool: unknown): boolean {
  return isObject(tool) && HOSTED[api]?.test(textOf(tool['type'])) === true;
}

function callsOf(value: unknown, param: string): number | Unbounded {
  if (typeof value === 'number' && Number.isInteger(value) && value >= 1 && value <= CALLS_MAX) {
    return value;
  }
  const what = 'The provider runs this tool and bills each call and what it brings.';
  return { invalid: `${what} Set '${param}', a whole number from 1 to ${CALLS_MAX}.`, param };
}

type Calls = Pick<Wanted, 'webSearches' | 'fileSearches' | 'rounds'>;

const NO_CALLS: Calls = { webSearches: 0, fileSearches: 0, rounds: 1 };

/** Anthropic bounds each tool by itself. */
function usesIn(body: JsonObject): Calls | Unbounded {
  let searches = 0;
  let uses = 0;
  for (const [index, tool] of listOf(body['tools']).entries()) {
    if (!isObject(tool) || !isBoundable('messages', tool)) continue;
    const most = callsOf(tool['max_uses'], `tools[${index}].max_uses`);
    if (typeof most !== 'number') return most;
    uses += most;
    if (WEB_SEARCH.test(textOf(tool['type']))) searches += most;
  }
  if (uses === 0) return NO_CALLS;
  return { webSearches: searches, fileSearches: 0, rounds: uses + ANSWERED_CALLS + 1 };
}

/** OpenAI bounds all of them together, and ignores further calls. */
function toolCallsIn(body: JsonObject): Calls | Unbounded {
  const tools = listOf(body['tools']).filter((tool) => isBoundable('responses', tool));
  if (tools.length === 0) return NO_CALLS;
  const most = callsOf(body['max_tool_calls'], 'max_tool_calls');
  if (typeof most !== 'number') return most;
  const searchesWeb = tools.some((tool) => WEB_SEARCH.test(textOf((tool as JsonObject)['type'])));
  const searchesFiles = tools.some((tool) => (tool as JsonObject)['type'] === 'file_search');
  return {
    webSearches: searchesWeb ? most : 0,
    fileSearches: searchesFiles ? most : 0,
    rounds: most + 1,
  };
}

const TIERS: Readonly<Record<string, WantedTier>> = {
  auto: 'auto',
  flex: 'flex',
  priority: 'priority',
  fast: 'priority',
};

/** Anthropic's tiers have one price; only OpenAI's are chosen by the request. */
const tierOf = (api: Api, name: unknown): WantedTier =>
  api === 'chat' || api === 'responses' ? (TIERS[textOf(name)] ?? 'standard') : 'standard';

const isAudio = (part: unknown): boolean =>
  isObject(part) && textOf(part['type']).includes('audio');

/** A part that is heard, or an earlier spoken answer. */
const hasAudio = (message: unknown): boolean =>
  isObject(message) && (listOf(message['content']).some(isAudio) || isObject(message['audio']));

/** A byte of text is at least a token. */
function predictedTokens({ prediction }: JsonObject): number {
  if (!isObject(prediction)) return 0;
  const { content } = prediction;
  if (typeof content === 'string') return Buffer.byteLength(content);
  return listOf(content).reduce<number>(
    (sum, part) => sum + (isObject(part) ? Buffer.byteLength(textOf(part['text'])) : 0),
    0,
  );
}

/** What the request asks for beyond text, or what in it needs a bound. */
export function wantedIn(api: Api, body: JsonObject): Wanted | Unbounded {
  const { service_tier: name, tools, modalities, prediction } = body;
  const isChat = api === 'chat';
  const audioInput = isChat && listOf(body['messages']).some(hasAudio);
  const hasMore =
    audioInput ||
    !isAbsent(name) ||
    !isAbsent(tools) ||
    !isAbsent(modalities) ||
    !isAbsent(prediction);
  if (!hasMore) return NOTHING_MORE;
  const calls =
    api === 'messages' ? usesIn(body) : api === 'responses' ? toolCallsIn(body) : NO_CALLS;
  if ('invalid' in calls) return calls;
  const tier = tierOf(api, name);
  return {
    tier,
    dearerTier: tier === 'priority' || tier === 'auto',
    audioInput,
    audioOutput: isChat && listOf(modalities).includes('audio'),
    predictedTokens: isChat ? predictedTokens(body) : 0,
    ...calls,
  };
}
