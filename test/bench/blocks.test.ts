// The order in which the bench watches and does not, and the ratio that it makes of that.

import t from 'tap';
import { GROUP, ratioOf, turnOf } from '../../bench/macro/blocks.js';

const orderOf = (blocks: number): string =>
  Array.from({ length: blocks }, (_, block) => turnOf(block)[0]).join('');

/** Rates of so many groups, by a drift over time and what watching leaves of them. */
const rates = (groups: number, rateAt: (block: number) => number, left: number): number[] =>
  Array.from(
    { length: groups * GROUP },
    (_, block) => rateAt(block) * (turnOf(block) === 'watched' ? left : 1),
  );

t.test('turns mirror each other within a group, and groups each other', async (t) => {
  t.equal(orderOf(16), 'awwawaawawwawaaw');
});

t.test('rates that stand still give the ratio, without an error', async (t) => {
  const { value, standardError } = ratioOf(rates(4, () => 20_000, 0.97));
  t.ok(Math.abs(value - 0.97) < 1e-12, String(value));
  t.ok(standardError < 1e-12, String(standardError));
});

t.test('a drift of a third of the rate moves the ratio by less than a thousandth', async (t) => {
  for (const slope of [200, -200]) {
    const { value } = ratioOf(rates(8, (block) => 20_000 + slope * block, 0.97));
    t.ok(Math.abs(value - 0.97) < 0.0005, `${slope} a block: ${value}`);
  }
});

t.test('a drift that bends is no ratio either', async (t) => {
  const { value } = ratioOf(rates(8, (block) => 20_000 + 6 * block ** 2, 1));
  t.ok(Math.abs(value - 1) < 0.0005, String(value));
});

t.test('a burst beside it in one group of ten moves neither ratio nor error', async (t) => {
  const disturbed = rates(10, () => 20_000, 0.97).map((rate, block) =>
    block === 5 || block === 6 ? rate / 2 : rate,
  );
  const { value, standardError } = ratioOf(disturbed);
  t.ok(Math.abs(value - 0.97) < 1e-12, String(value));
  t.ok(standardError < 1e-12, String(standardError));
});

t.test('the error is the scatter of groups over the root of their number', async (t) => {
  // Two groups, one with 1.01 and one with 0.99.
  const { value, standardError } = ratioOf([100, 101, 101, 100, 99, 100, 100, 99]);
  const [high, low] = [Math.log(1.01), Math.log(0.99)];
  t.ok(Math.abs(value - Math.sqrt(1.01 * 0.99)) < 1e-12, String(value));
  t.ok(Math.abs(standardError - (value * (high - low)) / 2) < 1e-12, String(standardError));
});
