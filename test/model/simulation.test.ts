// A seed that fails is named in the failure; `SEED=17 npx tap dist/test/model/simulation.test.js`
// plays that one alone.

import t from 'tap';
import { openEnvironment } from '../../src/ledger/environment.js';
import type { Doom } from './doom.js';
import { simulate } from './simulation.js';
import { doomed } from './doomed-environment.js';

const SEEDS = Number(process.env['SEEDS'] ?? 2_000);
const ONLY = process.env['SEED'];
/** Seconds on a machine of its own; on one that is shared with others, minutes. */
const SLOW = { timeout: 300_000 };

// Of dying processes: each request that cannot be written warns.
process.removeAllListeners('warning');

const seeds = (count: number): number[] =>
  ONLY === undefined ? Array.from({ length: count }, (_, index) => index + 1) : [Number(ONLY)];

t.test(
  `${SEEDS} lives and deaths: no cap is passed, no cent is lost or booked twice`,
  SLOW,
  async (t) => {
    const sums = { requests: 0, admitted: 0, deaths: 0 };
    for (const seed of seeds(SEEDS)) {
      const outcome = await simulate({ seed, reserve: 'worst_case' });
      sums.requests += outcome.requests;
      sums.admitted += outcome.admitted;
      sums.deaths += outcome.deaths;
    }
    t.comment(JSON.stringify(sums));
    if (ONLY !== undefined) return;
    t.ok(sums.deaths > SEEDS, 'they do die');
    t.ok(sums.admitted > 8 * SEEDS && sums.requests > 1.2 * sums.admitted, 'and are refused');
  },
);

t.test('reserve: expected passes a limit by no more than its bound', SLOW, async (t) => {
  let overshoot = 0n;
  for (const seed of seeds(SEEDS / 4)) {
    const outcome = await simulate({ seed, reserve: 'expected' });
    if (outcome.overshoot > overshoot) overshoot = outcome.overshoot;
  }
  t.ok(ONLY !== undefined || overshoot > 0n, 'and does pass it: else nothing was shown');
});

t.test('the same seed is the same run', async (t) => {
  t.same(
    await simulate({ seed: 99, reserve: 'worst_case' }),
    await simulate({ seed: 99, reserve: 'worst_case' }),
  );
});

t.test('over LMDB itself', async (t) => {
  for (const seed of seeds(12)) {
    const path = `${t.testdir()}/ledger-${seed}.lmdb`;
    const real = openEnvironment(path, false);
    const environment = (doom: Doom) => doomed(real, doom);
    await simulate({ seed, reserve: 'worst_case', environment });
    await real.close();
  }
});
