import t from 'tap';
import { figureLine, figuresOf } from '../../bench/macro/figures.js';
import type { Lane, Spread } from '../../bench/macro/rounds.js';

const spread = (min: number, median: number, max: number): Spread => ({ min, median, max });

const streamed = (subject: Lane['subject'], addedP99Us: Spread): Lane => ({
  lane: 'streamed, 32 connections',
  subject,
  placement: 'left to the kernel',
  requestsPerSecond: spread(22, 22, 22),
  p50Us: spread(100, 100, 100),
  p99Us: spread(1000, 1000, 1000),
  addedP50Us: null,
  addedP99Us,
  gapP99Us: null,
  cpuUsPerRequest: null,
  errors: 0,
});

const lineOf = (nginx: Spread): string | undefined => {
  const lanes = [streamed('budgets on', spread(800, 1000, 1200)), streamed('nginx', nginx)];
  return figuresOf({ lanes, many: null, admissionNs: null }).map(figureLine)[0];
};

t.test('a figure has its range, from the best rounds of one to the worst of the other', (t) => {
  t.match(lineOf(spread(200, 500, 800)), /^✓ p99 added .* 2\.00 \(1\.00–6\.00\)  must ≤ 3/);
  t.match(lineOf(spread(200, 250, 800)), /^✗ p99 added .* 4\.00 /);
  t.end();
});

t.test('where a round added nothing, the range has no end', (t) => {
  t.match(lineOf(spread(-50, 500, 800)), /2\.00 \(1\.00–∞\)/);
  t.end();
});
