// What a request may ask for that costs money no token limit bounds, or money at another price than
// the model's text price. Such a request is refused before anything is reserved; nothing here is a
// guess about what the provider supports.

import type { Api } from '../kernel/api.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';

export interface Unbounded {
  readonly invalid: string;
  readonly param: string;
}

/** These wires know no tools. */
const NO_TOOLS = /^(?!)/;

/**
 * Tool types that run in the client, so that they cost the tokens of their definition and no more.
 */
const CLIENT_TOOLS: Readonly<Record<Api, RegExp>> = {
  chat: /^(function|custom)$/,
  messages: /^(custom|function|(bash|text_editor|computer|memory)_\d{8})$/,
  completions: NO_TOOLS,
  responses: /^(function|custom|local_shell|apply_patch)$/,
  embeddings: NO_TOOLS,
};

/** Members by which another model than the one that was priced may answer, as routers know them. */
const REROUTING_MEMBERS = ['models', 'fallbacks', 'route', 'preset'];

/** Members that start work billed on its own: searches, containers, remote servers, audio. */
const REFUSED_MEMBERS: Readonly<Record<Api, readonly string[]>> = {
  chat: ['web_search_options', 'plugins', 'audio', 'prediction'],
  messages: ['mcp_servers', 'container'],
  // vLLM takes prompts as tensors beside the texts: answers that no one counted.
  completions: ['web_search_options', 'plugins', 'prompt_embeds'],
  // Context management has the model write summaries of its own accord.
  responses: ['web_search_options', 'plugins', 'audio', 'prediction', 'context_management'],
  embeddings: ['plugins', 'messages', 'prompt'],
};

const OPENAI_ORDINARY = { service_tier: ['auto', 'default'] } as const;

/** Values that keep the model's ordinary price. */
const ORDINARY: Readonly<Record<Api, Readonly<Record<string, readonly unknown[]>>>> = {
  chat: OPENAI_ORDINARY,
  messages: {
    service_tier: ['auto', 'standard_only'],
    speed: ['standard'],
    inference_geo: ['global'],
  },
  completions: OPENAI_ORDINARY,
  responses: OPENAI_ORDINARY,
  embeddings: OPENAI_ORDINARY,
};

const isUsed = (value: unknown): boolean =>
  !isAbsent(value) && !(Array.isArray(value) && value.length === 0);

const refuse = (param: string, what: string): Unbounded => ({
  invalid: `${what} cannot be bounded in cost yet. Remove ${param} from the request.`,
  param,
});

/** Where tools stand, by the name of the place: items of a Responses input may bring more. */
function* toolLists(api: Api, body: JsonObject): Generator<[string, readonly unknown[]]> {
  yield ['tools', listOf(body['tools'])];
  if (api !== 'responses') return;
  for (const [index, item] of listOf(body['input']).entries()) {
    if (isObject(item)) yield [`input[${index}].tools`, listOf(item['tools'])];
  }
}

/** A namespace is a group of tools; groups do not nest. */
const grouped = (api: Api, tool: unknown): readonly unknown[] =>
  api === 'responses' && isObject(tool) && tool['type'] === 'namespace'
    ? listOf(tool['tools'])
    : [tool];

function unboundedTool(api: Api, body: JsonObject): Unbounded | null {
  for (const [place, tools] of toolLists(api, body)) {
    for (const [index, entry] of tools.entries()) {
      for (const tool of grouped(api, entry)) {
        const type = isObject(tool) ? tool['type'] : null;
        if (isAbsent(type) || (typeof type === 'string' && CLIENT_TOOLS[api].test(type))) continue;
        return refuse(`${place}[${index}]`, `The server-side tool ${JSON.stringify(type)}`);
      }
    }
  }
  return null;
}

/** What only the Responses API has the model do beside its answer. */
function extraWork({ input, reasoning }: JsonObject): Unbounded | null {
  const mode = isObject(reasoning) ? reasoning['mode'] : null;
  if (!isAbsent(mode) && mode !== 'standard') {
    return refuse('reasoning.mode', `'reasoning.mode': ${JSON.stringify(mode)}`);
  }
  const isTrigger = (item: unknown): boolean =>
    isObject(item) && item['type'] === 'compaction_trigger';
  const index = listOf(input).findIndex((item) => isTrigger(item));
  return index === -1 ? null : refuse(`input[${index}]`, 'Compaction');
}

/** Where each API keeps what may hold audio. */
const AUDIO_HOLDERS: Readonly<Partial<Record<Api, { list: string; parts: readonly string[] }>>> = {
  chat: { list: 'messages', parts: ['content'] },
  responses: { list: 'input', parts: ['content', 'output'] },
};

function audioPart(api: Api, body: JsonObject): Unbounded | null {
  const holder = AUDIO_HOLDERS[api];
  if (holder === undefined) return null;
  for (const [index, item] of listOf(body[holder.list]).entries()) {
    if (!isObject(item)) continue;
    for (const name of holder.parts) {
      const isAudio = (part: unknown): boolean =>
        isObject(part) && textOf(part['type']).includes('audio');
      if (listOf(item[name]).some(isAudio)) {
        return refuse(`${holder.list}[${index}].${name}`, 'Audio input');
      }
    }
  }
  return null;
}

/** Anthropic bills passes that compact the context beside the usage at the top of the answer. */
function compaction(api: Api, body: JsonObject): Unbounded | null {
  const management = body['context_management'];
  if (api !== 'messages' || !isObject(management)) return null;
  const isCompaction = (edit: unknown): boolean =>
    isObject(edit) && textOf(edit['type']).startsWith('compact');
  return listOf(management['edits']).some(isCompaction)
    ? refuse('context_management', 'Compaction')
    : null;
}

/** The first thing in the request whose cost has no bound, `null` when there is none. */
export function findUnbounded(api: Api, body: JsonObject): Unbounded | null {
  for (const name of [...REROUTING_MEMBERS, ...REFUSED_MEMBERS[api]]) {
    if (isUsed(body[name])) return refuse(name, `'${name}'`);
  }
  for (const [name, values] of Object.entries(ORDINARY[api])) {
    const value = body[name];
    if (!isAbsent(value) && !values.includes(value)) {
      return refuse(name, `'${name}': ${JSON.stringify(value)}`);
    }
  }
  const modality = listOf(body['modalities']).find((each) => each !== 'text');
  if (modality !== undefined) return refuse('modalities', `Output of ${textOf(modality)}`);
  const extra = api === 'responses' ? extraWork(body) : null;
  return extra ?? compaction(api, body) ?? unboundedTool(api, body) ?? audioPart(api, body);
}
