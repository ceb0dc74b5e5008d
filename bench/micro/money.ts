// Money to text and back: what every answer's cost members and every configured price go through.

import { centsText, nano, parseCents, usdText } from '../../src/kernel/money.js';
import type { MicroCase } from './case.js';

export const money = (): readonly MicroCase[] => [
  {
    name: 'money: cents to text',
    run(iterations) {
      let characters = 0;
      for (let i = 0; i < iterations; i++) characters += centsText(nano(435_000n)).length;
      return characters;
    },
  },
  {
    name: 'money: dollars to text',
    run(iterations) {
      let characters = 0;
      for (let i = 0; i < iterations; i++) characters += usdText(nano(3_600_000_000n)).length;
      return characters;
    },
  },
  {
    name: 'money: cents from text',
    run(iterations) {
      let sum = 0n;
      for (let i = 0; i < iterations; i++) sum += parseCents('1000.25') ?? 0n;
      return sum;
    },
  },
];
