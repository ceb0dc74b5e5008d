import t from 'tap';
import { watchLoop } from '../../src/http/loop-lag.js';
import type { Gauge } from '../../src/proxy/tally.js';

t.test(
  'a loop that is blocked is told to be late, the more closely the busier it is',
  async (t) => {
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
    const lateMs = (): number => (told.get('lag_max_us') ?? 0) / 1000;
    // A monitor counts from its first look, which is due within a fifth of a second.
    const looked = () => new Promise((resolve) => setTimeout(resolve, 250));

    // Until what it takes to start is over.
    do await second();
    while (lateMs() > 10 || !told.has('lag_max_us'));
    await looked();
    block(300);
    await second();
    t.ok(lateMs() > 90, 'at rest, less the time to the next look');

    await looked();
    block(300);
    await second();
    t.ok(lateMs() > 270, 'now that it is busy, less a fiftieth of a second');
  },
);
