import t from 'tap';
import { localDate, windowBounds, WindowClock, windowOrdinal } from '../../src/kernel/calendar.js';

const iso = (ms: number): string => new Date(ms).toISOString();
const bounds = (...args: Parameters<typeof windowBounds>): string[] => {
  const { startMs, endMs } = windowBounds(...args);
  return [iso(startMs), iso(endMs)];
};

t.test('a day is as long as the zone makes it', (t) => {
  t.same(bounds('daily', 20260325, 'UTC'), [
    '2026-03-25T00:00:00.000Z',
    '2026-03-26T00:00:00.000Z',
  ]);
  t.same(
    bounds('daily', 20260329, 'Europe/Berlin'),
    ['2026-03-28T23:00:00.000Z', '2026-03-29T22:00:00.000Z'],
    '23 hours in spring',
  );
  t.same(
    bounds('daily', 20261025, 'Europe/Berlin'),
    ['2026-10-24T22:00:00.000Z', '2026-10-25T23:00:00.000Z'],
    '25 hours in autumn',
  );
  t.same(
    bounds('daily', 20260325, 'Asia/Kathmandu'),
    ['2026-03-24T18:15:00.000Z', '2026-03-25T18:15:00.000Z'],
    'a zone of three quarters of an hour',
  );
  t.same(
    bounds('daily', 20180304, 'America/Sao_Paulo').length,
    2,
    'a day near a change at midnight has bounds',
  );
  t.same(
    bounds('daily', 20181104, 'America/Sao_Paulo')[0],
    '2018-11-04T03:00:00.000Z',
    'a day whose midnight the clock skips begins at what follows it',
  );
  t.end();
});

t.test('a month runs from its first day to the next one', (t) => {
  t.same(bounds('monthly', 20280229, 'UTC'), [
    '2028-02-01T00:00:00.000Z',
    '2028-03-01T00:00:00.000Z',
  ]);
  t.same(bounds('monthly', 20261225, 'America/New_York'), [
    '2026-12-01T05:00:00.000Z',
    '2027-01-01T05:00:00.000Z',
  ]);
  t.end();
});

t.test('ordinals count windows without a gap', (t) => {
  t.equal(windowOrdinal('daily', 20260301) - windowOrdinal('daily', 20260228), 1);
  t.equal(windowOrdinal('daily', 20280301) - windowOrdinal('daily', 20280228), 2, '29 February');
  t.equal(windowOrdinal('monthly', 20270115) - windowOrdinal('monthly', 20261231), 1);
  t.end();
});

t.test('the window clock agrees with the calendar at every step, forward and back', (t) => {
  const clock = new WindowClock('America/New_York');
  const start = Date.UTC(2026, 9, 30);
  for (let hour = 0; hour < 96; hour++) {
    const at = start + hour * 3_600_000;
    t.equal(clock.dateAt(at), localDate(at, 'America/New_York'));
    if (hour % 7 === 0)
      t.equal(
        clock.dateAt(at - 30 * 3_600_000),
        localDate(at - 30 * 3_600_000, 'America/New_York'),
      );
  }
  t.end();
});
