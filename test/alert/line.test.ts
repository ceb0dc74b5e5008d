import t from 'tap';
import { alertLine } from '../../src/alert/line.js';
import { nano } from '../../src/kernel/money.js';
import { alertOf, NOTICE, RECIPE_ALERT } from './event.js';

const PREFIX = '2026-03-25T09:45:00Z ALERT';

t.test("writes the recipe's line to the letter", async (t) => {
  t.equal(
    alertLine(RECIPE_ALERT),
    `${PREFIX} budget_threshold_exceeded user=user-a spent=$9.00 daily_limit=$3.00 pct=300%`,
  );
});

t.test('writes * for everyone together, and names the window', async (t) => {
  const event = alertOf({
    scope: 'global',
    window: 'monthly',
    thresholdPct: null,
    spent: nano(2_999_999_999n),
  });
  t.equal(
    alertLine({ ...event, event: 'budget_exceeded' }),
    `${PREFIX} budget_exceeded user=* spent=$3.00 monthly_limit=$3.00 pct=99%`,
  );
});

t.test('leaves out what there is not', async (t) => {
  const none = alertLine(alertOf({ limit: null }));
  t.equal(none, `${PREFIX} budget_threshold_exceeded user=user-a spent=$9.00`);
  const zero = alertLine(alertOf({ limit: nano(0n) }));
  t.equal(zero, `${PREFIX} budget_threshold_exceeded user=user-a spent=$9.00 daily_limit=$0.00`);
});

t.test('tells what an event has of its own', async (t) => {
  t.equal(
    alertLine(NOTICE),
    `${PREFIX} pricing_stale source=models.dev since=never reason=HTTP\\x20500`,
  );
});

t.test('lets no name forge a line or a field', async (t) => {
  const cases: [string, string][] = [
    ['a b', 'a\\x20b'],
    ['a spent=$0.00', 'a\\x20spent\\x3d$0.00'],
    ['a\r\n2026 ALERT', 'a\\x0d\\x0a2026\\x20ALERT'],
    ['a\u2028b\u202eb\u0000', 'a\\u{2028}b\\u{202e}b\\x00'],
    ['a\\x20b', 'a\\x5cx20b'],
    ['*', '\\x2a'],
    ['jörg@例え.jp', 'jörg@例え.jp'],
  ];
  for (const [user, field] of cases) {
    const line = alertLine(alertOf({ scope: `user:${user}` }));
    t.equal(line.split(' ')[3], `user=${field}`);
    t.equal(line.split(/\s/).length, 7);
    const detail = alertLine({ ...NOTICE, details: { reason: user } });
    t.equal(detail.split(/\s/).length, 4);
  }
});
