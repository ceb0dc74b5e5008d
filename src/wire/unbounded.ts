// What a request may ask for that costs money no token limit bounds, or money at another price than
// the model's text price. Such a request is refused before anything is reserved; nothing here is a
// guess about what the provider supports.

import type { Api } from '../kernel/api.js';
import { isAbsent, isObject, listOf, textOf, type JsonObject } from './shape.js';

export interface Unbounded {
  readonly invalid: string;
  readonly param: string;
}

/**
 * Tool types that run in the client, so that they cost the tokens of their definition and no more.
 */
const CLIENT_TOOLS: Readonly<Record<Api, RegExp>> = {
  chat: /^(function|custom)$/,
  messages: /^(custom|function|(bash|text_editor|computer|memory)_\d{8})$/,
};

/** Members that start work billed on its own: searches, containers, remote servers, audio. */
const REFUSED_MEMBERS: Readonly<Record<Api, readonly string[]>> = {
  chat: ['web_search_options', 'plugins', 'audio', 'prediction'],
  messages: ['mcp_servers', 'container'],
};

/** Values that keep the model's ordinary price. */
const ORDINARY: Readonly<Record<Api, Readonly<Record<string, readonly unknown[]>>>> = {
  chat: { service_tier: ['auto', 'default'] },
  messages: {
    service_tier: ['auto', 'standard_only'],
    speed: ['standard'],
    inference_geo: ['global'],
  },
};

const isUsed = (value: unknown): boolean =>
  !isAbsent(value) && !(Array.isArray(value) && value.length === 0);

const refuse = (param: string, what: string): Unbounded => ({
  invalid: `${what} cannot be bounded in cost yet. Remove ${param} from the request.`,
  param,
});

function unboundedTool(api: Api, body: JsonObject): Unbounded | null {
  for (const [index, tool] of listOf(body['tools']).entries()) {
    const type = isObject(tool) ? tool['type'] : null;
    if (isAbsent(type) || (typeof type === 'string' && CLIENT_TOOLS[api].test(type))) continue;
    return refuse(`tools[${index}]`, `The server-side tool ${JSON.stringify(type)}`);
  }
  return null;
}

function audioPart(body: JsonObject): Unbounded | null {
  for (const [index, message] of listOf(body['messages']).entries()) {
    for (const part of listOf(isObject(message) ? message['content'] : null)) {
      if (isObject(part) && part['type'] === 'input_audio') {
        return refuse(`messages[${index}].content`, 'Audio input');
      }
    }
  }
  return null;
}

/** The first thing in the request whose cost has no bound, `null` when there is none. */
export function findUnbounded(api: Api, body: JsonObject): Unbounded | null {
  for (const name of REFUSED_MEMBERS[api]) {
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
  return unboundedTool(api, body) ?? (api === 'chat' ? audioPart(body) : null);
}
