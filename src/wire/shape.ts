// Reading unknown JSON: the few questions every wire asks of a value it did not write itself.

import { isTooDeep, withoutDepths } from './json.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export const isObject = (value: unknown): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** JSON clients write `null` where they mean nothing. */
export const isAbsent = (value: unknown): value is null | undefined =>
  value === null || value === undefined;

export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

export const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

/**
 * The object that the text holds, `null` when it holds anything else, or nests so deep that whoever
 * walked it would overrun the stack.
 */
export const parseObject = (text: string): JsonObject | null =>
  isTooDeep(text) ? null : parsed(text);

/** The same for whoever reads usage: what nests deep beside it must not hide what was billed. */
export const parseReport = (text: string): JsonObject | null =>
  parsed(isTooDeep(text) ? withoutDepths(Buffer.from(text)).toString('utf8') : text);

function parsed(text: string): JsonObject | null {
  try {
    const value: unknown = JSON.parse(text);
    return isObject(value) ? value : null;
  } catch {
    return null;
  }
}
