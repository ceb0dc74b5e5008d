// Who a budget belongs to and which calendar window it counts in.

export type WindowKind = 'daily' | 'monthly';

/** `global`, or `user:` and the user's name. */
export type Scope = string;

export const GLOBAL_SCOPE: Scope = 'global';
export const userScope = (user: string): Scope => `user:${user}`;

/** The user's name of a scope, `null` for the global one. */
export const scopeUser = (scope: Scope): string | null =>
  scope.startsWith('user:') ? scope.slice(5) : null;

/** Longest user name in UTF-8 bytes; longer ones are refused before anything is reserved. */
export const USER_BYTES_MAX = 256;

/** A calendar day in the budget's time zone, as the number YYYYMMDD: 20260325. */
export type LocalDate = number;

/** A window's number: the day itself, or YYYYMM for a month. */
export const windowNumber = (window: WindowKind, date: LocalDate): number =>
  window === 'daily' ? date : Math.floor(date / 100);
