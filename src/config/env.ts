// `${NAME}` and `${NAME:-default}` inside a string value. The environment is passed in, never read.

export type Environment = Readonly<Record<string, string | undefined>>;

export type Expansion =
  | { kind: 'text'; text: string }
  | { kind: 'missing'; name: string; empty: boolean }
  | { kind: 'malformed' };

const REFERENCE = /\$\{(?:([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\})?/g;

export const hasReference = (text: string): boolean => text.includes('${');

/** An empty variable counts as missing, as `:-` does in a shell: an empty key opens no door. */
export function expand(text: string, env: Environment): Expansion {
  let failure: Expansion | null = null;
  const replaced = text.replace(REFERENCE, (_, name?: string, fallback?: string) => {
    if (name === undefined) {
      failure ??= { kind: 'malformed' };
      return '';
    }
    const value = Object.hasOwn(env, name) ? env[name] : undefined;
    if (value !== undefined && value !== '') return value;
    if (fallback === undefined) failure ??= { kind: 'missing', name, empty: value === '' };
    return fallback ?? '';
  });
  return failure ?? { kind: 'text', text: replaced };
}
