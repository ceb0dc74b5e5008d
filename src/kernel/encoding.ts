// The public tokenizers we can count with exactly. Models without one are bounded by their bytes.

export const ENCODINGS = ['cl100k_base', 'o200k_base'] as const;

export type Encoding = (typeof ENCODINGS)[number];
