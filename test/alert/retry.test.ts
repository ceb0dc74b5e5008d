import t from 'tap';
import { ATTEMPTS_MAX, Circuit, nextTry } from '../../src/alert/retry.js';

const DAY_MS = 86_400_000;

t.test('tries for a day at least, ever less often, and then no more', async (t) => {
  for (const random of [0, 0.999]) {
    let nowMs = 0;
    let before = 0;
    let attempts = 1;
    for (; ; attempts += 1) {
      const at = nextTry(attempts, { nowMs, random });
      if (at === null) break;
      t.ok(at - nowMs >= before, `after ${attempts}`);
      before = at - nowMs;
      nowMs = at;
    }
    t.equal(attempts, ATTEMPTS_MAX);
    t.ok(nowMs >= DAY_MS && nowMs < 1.3 * DAY_MS, `${nowMs / 3_600_000} hours`);
  }
});

t.test('the first retries come soon, and not all at once', async (t) => {
  t.equal(nextTry(1, { nowMs: 0, random: 0 }), 1_000);
  t.equal(nextTry(1, { nowMs: 0, random: 1 }), 1_250);
  t.equal(nextTry(3, { nowMs: 0, random: 0 }), 16_000);
});

t.test('waits as long as the receiver asks, if that is longer', async (t) => {
  t.equal(nextTry(1, { nowMs: 5, random: 0 }, 60_000), 60_005);
  t.equal(nextTry(5, { nowMs: 0, random: 0 }, 1_000), 256_000);
});

t.test('a channel that keeps failing is left alone for ever longer, up to a limit', async (t) => {
  const circuit = new Circuit();
  const pauses: number[] = [];
  let nowMs = 1_000_000;
  for (let failure = 1; failure <= 12; failure += 1) {
    circuit.fail({ nowMs, random: 0 });
    t.equal(circuit.open, failure >= 3, `after ${failure}`);
    pauses.push(Math.max(0, circuit.pausedUntilMs - nowMs));
    nowMs = Math.max(nowMs, circuit.pausedUntilMs);
  }
  t.same(pauses.slice(0, 5), [0, 0, 5_000, 10_000, 20_000]);
  t.equal(pauses.at(-1), 300_000);
  circuit.succeed();
  t.notOk(circuit.open);
  t.equal(circuit.pausedUntilMs, 0);
});

t.test('a receiver that asks to be left alone is, as a whole', async (t) => {
  const circuit = new Circuit();
  circuit.fail({ nowMs: 1_000, random: 0 }, 60_000);
  t.ok(circuit.open);
  t.equal(circuit.pausedUntilMs, 61_000);
});
