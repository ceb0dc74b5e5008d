// What a request may ask for that costs money no limit bounds, or at a price that nobody tells.
// Such a request is refused before anything is reserved; nothing here is a guess about what the
// provider supports. What beyond text can be bounded is wanted.ts'.

import type { Api } from '../kernel/api.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';
import { isBoundable, type Unbounded } from './wanted.js';

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
const REROUTING = ['models', 'fallbacks', 'route', 'preset'] as const;

/** Members that start work billed on its own: searches, containers, remote servers. */
const REFUSED_MEMBERS: Readonly<Record<Api, readonly string[]>> = {
  chat: [...REROUTING, 'web_search_options', 'plugins'],
  messages: [...REROUTING, 'mcp_servers', 'container'],
  // vLLM takes prompts as tensors beside the texts: answers that no one counted.
  completions: [...REROUTING, 'web_search_options', 'plugins', 'prompt_embeds'],
  // Context management has the model write summaries of its own accord.
  responses: [
    ...REROUTING,
    'web_search_options',
    'plugins',
    'audio',
    'prediction',
    'context_management',
  ],
  embeddings: [...REROUTING, 'plugins', 'messages', 'prompt'],
};

interface Priceable {
  readonly name: string;
  readonly values: readonly unknown[];
}

const ORDINARY_TIERS: Priceable = { name: 'service_tier', values: ['auto', 'default'] };
const OPENAI_TIERS: Priceable = {
  name: 'service_tier',
  values: [...ORDINARY_TIERS.values, 'flex', 'priority', 'fast'],
};

/** Values whose price may be known. */
const PRICEABLE: Readonly<Record<Api, readonly Priceable[]>> = {
  chat: [OPENAI_TIERS],
  messages: [
    { name: 'service_tier', values: ['auto', 'standard_only'] },
    { name: 'speed', values: ['standard'] },
    { name: 'inference_geo', values: ['global'] },
  ],
  completions: [ORDINARY_TIERS],
  responses: [OPENAI_TIERS],
  embeddings: [ORDINARY_TIERS],
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
  if (api !== 'responses' && isAbsent(body['tools'])) return null;
  for (const [place, tools] of toolLists(api, body)) {
    for (const [index, entry] of tools.entries()) {
      if (place === 'tools' && isBoundable(api, entry)) continue;
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

/** OpenAI publishes what writes to its cache for half an hour cost, and not what longer ones do. */
function longWrites({ prompt_cache_options: options }: JsonObject): Unbounded | null {
  const ttl = isObject(options) ? options['ttl'] : null;
  if (isAbsent(ttl) || ttl === '30m') return null;
  return refuse('prompt_cache_options.ttl', `A cache for ${JSON.stringify(ttl)}`);
}

/** The one kind of sound that has a length: it comes with the request. */
const HEARD = 'input_audio';

/** Where each API keeps what may hold audio. */
const AUDIO_HOLDERS: Readonly<Partial<Record<Api, { list: string; parts: readonly string[] }>>> = {
  chat: { list: 'messages', parts: ['content'] },
  responses: { list: 'input', parts: ['content', 'output'] },
};

const isRefusedAudio = (api: Api, part: unknown): boolean =>
  isObject(part) &&
  textOf(part['type']).includes('audio') &&
  !(api === 'chat' && part['type'] === HEARD);

function audioPart(api: Api, body: JsonObject): Unbounded | null {
  const holder = AUDIO_HOLDERS[api];
  if (holder === undefined) return null;
  for (const [index, item] of listOf(body[holder.list]).entries()) {
    if (!isObject(item)) continue;
    for (const name of holder.parts) {
      const parts = item[name];
      if (Array.isArray(parts) && parts.some((part) => isRefusedAudio(api, part))) {
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
  for (const name of REFUSED_MEMBERS[api]) {
    if (isUsed(body[name])) return refuse(name, `'${name}'`);
  }
  for (const { name, values } of PRICEABLE[api]) {
    const value = body[name];
    if (!isAbsent(value) && !values.includes(value)) {
      return refuse(name, `'${name}': ${JSON.stringify(value)}`);
    }
  }
  const modalities = api === 'chat' ? ['text', 'audio'] : ['text'];
  const modality = listOf(body['modalities']).find((each) => !modalities.includes(textOf(each)));
  if (modality !== undefined) return refuse('modalities', `Output of ${textOf(modality)}`);
  const extra = api === 'responses' ? extraWork(body) : null;
  return (
    extra ??
    longWrites(body) ??
    compaction(api, body) ??
    unboundedTool(api, body) ??
    audioPart(api, body)
  );
}
