import t from 'tap';
import { watchLoop } from '../../src/http/loop-lag.js';
import type { Gauge } from '../../src/proxy/tally.js';

t.test('a loop that rests is never late, one that is blocked is told so', async (t) => {
  const told = new Map<Gauge, number>();
  let onTold: () => void = () => {};
  watchLoop({
    gauge: (name, value) => {
      told.set(name, value);
      if (name === 'lag_max_us') onTold();
    },
  });
  // What watches must hold no process, so the test holds its own.
  const held = setInterval(() => {}, 10_000);
  t.teardown(() => clearInterval(held));
  const second = () => new Promise<void>((resolve) => (onTold = resolve));
  const block = (ms: number): void => {
    const until = performance.now() + ms;
    while (performance.now() < until);
  };

  // Until what it takes to start is over.
  do await second();
  while (told.get('lag_p99_us') !== 0);

  block(300);
  await second();
  t.ok((told.get('lag_max_us') ?? 0) > 290_000, 'what nothing measured is bounded by the work');

  // The monitor's first reading, at 20 ms, is what it counts from.
  await new Promise((resolve) => setTimeout(resolve, 40));
  block(300);
  await second();
  t.ok((told.get('lag_max_us') ?? 0) > 250_000, 'what is measured');
});
