import t from 'tap';
import { Tally, tallyBytes, TallyReader } from '../../src/proxy/tally.js';

t.test('adds up what the workers count, each in its own cells', async (t) => {
  const buffer = new SharedArrayBuffer(tallyBytes(2));
  const [first, second] = [new Tally(buffer, 0), new Tally(buffer, 1)];
  const reader = new TallyReader(buffer);
  first.count('requests');
  second.count('requests');
  second.count('clamps');
  second.rejected('budget_exceeded');
  first.gauge('active', 3);
  second.gauge('active', 2);
  second.gauge('active', 1);
  const { counts, rejected, gauges } = reader.read();
  t.match(counts, { requests: 2, clamps: 1, fallbacks: 0 });
  t.match(rejected, { budget_exceeded: 1, budget_in_flight: 0 });
  t.match(gauges, [{ active: 3 }, { active: 1 }]);
  t.equal(reader.read().counts.requests, 2, 'looking counts nothing');
});

t.test('puts times into the bucket that they just fit', async (t) => {
  const buffer = new SharedArrayBuffer(tallyBytes(1));
  const tally = new Tally(buffer, 0);
  for (const us of [0, 50, 50.5, 300, 1_000_000]) tally.overhead('request', us);
  tally.overhead('answer', 7);
  const { request, answer } = new TallyReader(buffer).read().overhead;
  t.same(request.buckets, [2, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1]);
  t.equal(request.sumUs, 1_000_400);
  t.equal(answer.sumUs, 7);
});

t.test('goes on where a cell of 32 bits wraps', async (t) => {
  const buffer = new SharedArrayBuffer(tallyBytes(1));
  const tally = new Tally(buffer, 0);
  const reader = new TallyReader(buffer);
  for (let look = 1; look <= 3; look++) {
    tally.overhead('request', 3_000_000_000);
    t.equal(reader.read().overhead.request.sumUs, look * 3_000_000_000);
  }
});
