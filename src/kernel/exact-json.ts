// JSON from outside, with its numbers as the texts they were written as: money must not pass
// through a float on its way to an integer. Members are only taken from plain objects.

/** A string, which passes as it is, or a number, which is put into quotes. */
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

export type Json = string | boolean | null | readonly Json[] | { readonly [name: string]: Json };

/** Throws a SyntaxError when it is no JSON; so does whoever reads on what is more than data. */
export function exactJson(text: string): Json {
  const quoted = text.replaceAll(STRING_OR_NUMBER, (found) => {
    if (found.startsWith('"')) return found;
    if (!NUMBER.test(found)) throw new SyntaxError(`${found.slice(0, 40)} is no number`);
    return `"${found}"`;
  });
  return JSON.parse(quoted) as Json;
}

/** An object's members; none of anything else. */
export function membersOf(value: Json | undefined): Readonly<Record<string, Json>> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {};
  // JSON.parse makes a member of it; whoever copies the object would make it the prototype.
  if (Object.hasOwn(value, '__proto__')) throw new SyntaxError('it has a member __proto__');
  return value as Readonly<Record<string, Json>>;
}

export const itemsOf = (value: Json | undefined): readonly Json[] =>
  Array.isArray(value) ? (value as readonly Json[]) : [];

export const textOf = (value: Json | undefined): string => (typeof value === 'string' ? value : '');

/** A whole number above zero, `undefined` where there is none. */
export function countOf(value: Json | undefined): number | undefined {
  const count = Number(textOf(value));
  return Number.isSafeInteger(count) && count > 0 ? count : undefined;
}
