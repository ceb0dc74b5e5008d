// What a prompt tells the mock provider to answer beside its text: `[mock tool=NAME
// arguments={"a":1}]`, once for each call of a tool, or `[mock json={"a":1}]` in place of the text.
// Only the last message is obeyed, and no tool result, so that a client which runs its tools and
// comes back gets a text.

import { isObject, listOf, parseObject, textOf, type JsonObject } from '../wire/shape.js';

export interface ToolCall {
  readonly name: string;
  /** JSON text; empty where the prompt gives none, as for a tool without parameters. */
  readonly arguments: string;
}

const OPENING = /\[mock tool=([\w-]{1,128})(?:\]| arguments=)/g;

const JSON_OPENING = '[mock json=';

/** The JSON object that opens here and is closed by `}]`, which may stand inside it too. */
function argumentsAt(text: string, from: number): string | null {
  for (let end = text.indexOf('}]', from); end !== -1; end = text.indexOf('}]', end + 1)) {
    const candidate = text.slice(from, end + 1);
    if (parseObject(candidate) !== null) return candidate;
  }
  return null;
}

/** The text of the last message, `''` when that brings a tool's result. */
function lastWords({ messages, input }: JsonObject): string {
  if (typeof input === 'string') return input;
  const last = listOf(messages ?? input).at(-1);
  const { role, content } = isObject(last) ? last : {};
  if (role !== 'user') return '';
  if (typeof content === 'string') return content;
  return listOf(content)
    .map((part) => (isObject(part) ? textOf(part['text']) : ''))
    .join('\n');
}

/** The JSON object that is the answer's text, `null` without one. */
export function givenJson(body: JsonObject): string | null {
  const text = lastWords(body);
  const at = text.indexOf(JSON_OPENING);
  return at === -1 ? null : argumentsAt(text, at + JSON_OPENING.length);
}

export function toolCalls(body: JsonObject): ToolCall[] {
  const text = lastWords(body);
  return [...text.matchAll(OPENING)].flatMap((match) => {
    const [opening, name = ''] = match;
    if (opening.endsWith(']')) return [{ name, arguments: '' }];
    const args = argumentsAt(text, match.index + opening.length);
    return args === null ? [] : [{ name, arguments: args }];
  });
}
