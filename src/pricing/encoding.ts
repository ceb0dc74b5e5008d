// Which public tokenizer a model uses, by its provider's name for it. Claude's is not public, and a
// model we do not know may have any: both get null, and their input is bounded by bytes alone.

import type { Encoding } from '../kernel/encoding.js';

/** Served by resellers under their maker's name: `openai/gpt-4o`. */
const VENDOR = /^openai\//;

const CL100K =
  /^(?:gpt-4|gpt-4-.+|gpt-3\.5-.+|gpt-35-.+|text-embedding-(?:3-.+|ada-002)|(?:davinci|babbage)-002)$/;

/** gpt-6 is assumed, not announced. */
const O200K =
  /^(?:(?:chat)?gpt-4o|gpt-4\.[15]|gpt-[56]|gpt-audio|gpt-chat|o[134]|codex-mini)(?=$|[-.:])/;

/** Counts with the same ranks. */
const HARMONY = /^gpt-oss-/;

export function encodingOf(upstreamModel: string): Encoding | null {
  const name = upstreamModel.replace(VENDOR, '');
  if (CL100K.test(name)) return 'cl100k_base';
  return O200K.test(name) || HARMONY.test(name) ? 'o200k_base' : null;
}
