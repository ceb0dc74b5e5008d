// The inputs of a completion or an embedding: texts that reach the model without a frame, or lists
// of token ids, one of which counts one.

/** The texts among the inputs; none when they came as token ids. */
export const bareTexts = (input: unknown): string[] =>
  (Array.isArray(input) ? input : [input]).filter((each) => typeof each === 'string');

/** How many token ids the inputs are in all; `null` when they are texts. */
export function tokenIds(input: unknown): number | null {
  if (!Array.isArray(input)) return null;
  const lists = input.filter((each) => Array.isArray(each));
  if (lists.length > 0) return lists.reduce((sum, list) => sum + list.length, 0);
  return typeof input[0] === 'number' ? input.length : null;
}

/** Lists of token ids, or texts. */
export const inputsMax = (input: unknown): number =>
  Array.isArray(input) && typeof input[0] !== 'number' ? input.length : 1;
