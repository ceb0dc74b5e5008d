import t from 'tap';
import {
  centsText,
  dollars,
  nano,
  parseCents,
  parseCentsPer1k,
  parseDecimal,
  parseDecimalUp,
  perMillionText,
  usdText,
} from '../../src/kernel/money.js';

t.test('reads decimals digit by digit, never through a float', (t) => {
  t.equal(parseCents('1000'), 10_000_000_000n);
  t.equal(parseCents('0.1'), 1_000_000n);
  t.equal(parseCentsPer1k('3'), 30_000_000n, '3 cents per 1,000 tokens is 30,000 nano a token');
  t.equal(parseCentsPer1k('0.0000001'), 1n, 'the finest price');
  t.equal(parseDecimal('1.5e-06', 12), 1_500_000n);
  t.equal(parseDecimal('9007199254740993', 0), 9_007_199_254_740_993n, 'beyond a double');
  t.equal(parseDecimal('1_000', 0), 1000n);
  t.end();
});

t.test('refuses what is no amount, or is finer than a nano-dollar', (t) => {
  for (const text of ['', '-1', 'NaN', 'Infinity', '1,5', '0x10', '1.', 'abc', '1e9999']) {
    const expected = text === '1.' ? 10_000_000n : null;
    t.equal(parseCents(text), expected, JSON.stringify(text));
  }
  t.equal(parseCents('0.00000001'), null);
  t.end();
});

t.test('rounds up what is finer than the scale', (t) => {
  t.equal(parseDecimalUp('1.5', 6), 1_500_000n);
  t.equal(parseDecimalUp('0.1234561', 6), 123_457n);
  t.equal(parseDecimalUp('1e-30', 6), 1n);
  t.equal(parseDecimalUp('abc', 6), null);
  t.equal(perMillionText(1_500_000n), '1.5');
  t.end();
});

t.test('prints what it read', (t) => {
  t.equal(usdText(nano(3_600_000_000n)), '3.60');
  t.equal(usdText(nano(1n)), '0.000000001');
  t.equal(usdText(nano(0n)), '0.00');
  t.equal(usdText(nano(-1_500_000_000n)), '-1.50');
  t.equal(centsText(nano(1_800_000_000n)), '180');
  t.equal(centsText(nano(435_000n)), '0.0435');
  t.equal(dollars(nano(9_000_000_000n)), '$9.00');
  t.equal(dollars(nano(4_400_000n)), '$0.0044');
  t.equal(dollars(nano(-3_000_000_000n)), '-$3.00');
  t.end();
});
