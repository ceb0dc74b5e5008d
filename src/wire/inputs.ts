// How many inputs the `prompt` of a completion or the `input` of an embedding holds. Each is a text
// or a list of token ids, and one may stand alone. It reads nothing of what the texts say.

/** The most that OpenAI takes in one request. */
export const INPUTS_MAX = 2_048;

const isToken = (value: unknown): boolean =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= 0;

const isTokenList = (value: unknown): boolean => Array.isArray(value) && value.every(isToken);

/** `null`: it is neither text nor tokens, or holds more inputs than a request may. */
export function inputCount(value: unknown): number | null {
  if (typeof value === 'string') return 1;
  if (!Array.isArray(value) || value.length === 0) return null;
  if (isTokenList(value)) return 1;
  if (value.length > INPUTS_MAX) return null;
  const isText = typeof value[0] === 'string';
  // One kind in one request: what counts texts need not look for tokens among them.
  const isSound = value.every((each) => (isText ? typeof each === 'string' : isTokenList(each)));
  return isSound ? value.length : null;
}
