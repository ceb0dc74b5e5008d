// The exact count in the tokenizer's thread, by the kind of text and its length. It runs only where
// money is tight; the byte bound that every request gets is in the macro lanes.

import { get_encoding } from '@dqbd/tiktoken';
import { countPieces } from '../../src/tokens/pieces.js';
import { seeded } from '../../test/pricing/prices.js';
import type { MicroCase } from './case.js';

const SIZES = { '1 KB': 1_000, '10 KB': 10_000, '100 KB': 100_000 } as const;

/** What a text of each kind is made of, and what stands between. */
const KINDS = {
  prose: { words: 'the air scatters short wavelengths of sunlight more than long ones', gap: ' ' },
  code: { words: 'for (let at = 0; bytes[at] += sum; return } const { string | null', gap: '\n  ' },
  Japanese: { words: '空 が 青い のは 短い 波長 の 光 が よく 散乱 される から です', gap: '' },
  'random letters': { words: 'q z x v j k w p y m b f u g d h c l r n o i s a t e', gap: '' },
  'one letter': { words: 'a', gap: '' },
} as const;

/** Of one seed, so that every run counts the same; of no period, as counts of pieces are kept. */
function textOf({ words, gap }: { words: string; gap: string }, length: number): string {
  const parts = words.split(' ');
  const random = seeded(1);
  let text = '';
  while (text.length < length) text += parts[Math.floor(random() * parts.length)] + gap;
  return text.slice(0, length);
}

export function estimator(): readonly MicroCase[] {
  const encoder = get_encoding('o200k_base');
  const countOf = (piece: string): number => encoder.encode(piece, [], []).length;
  const cases = Object.entries(KINDS).flatMap(([kind, made]) =>
    Object.entries(SIZES).map(([size, length]): MicroCase => {
      const prompt = textOf(made, length);
      return {
        name: `count: ${size} of ${kind}`,
        run(iterations) {
          let tokens = 0;
          for (let i = 0; i < iterations; i++) tokens += countPieces(prompt, countOf);
          return tokens;
        },
      };
    }),
  );
  const [first, ...others] = cases as [MicroCase, ...MicroCase[]];
  return [{ ...first, close: () => encoder.free() }, ...others];
}
