import t, { type Test } from 'tap';
import {
  alertId,
  type AlertEvent,
  type Attempt,
  type ChannelPlan,
} from '../../src/kernel/alert.js';
import { openEnvironment } from '../../src/ledger/environment.js';
import { Outbox } from '../../src/ledger/outbox.js';
import { alertOf } from '../alert/event.js';
import { delivered, HOOK, LOG, NOON_MS } from './samples.js';

const MINUTE_MS = 60_000;
const DAY_MS = 86_400_000;
const MAIL: ChannelPlan = { name: 'mail', standbyMs: 5 * MINUTE_MS };

const event = (name: string, occurredAtMs = NOON_MS): AlertEvent => ({
  ...alertOf({ scope: `user:${name}` }),
  eventId: alertId(name),
  occurredAtMs,
});

const failed = (name: string, nextTryMs: number | null): Attempt => ({
  eventId: alertId(name),
  error: 'HTTP 500',
  nextTryMs,
});

function open(t: Test) {
  const env = openEnvironment(`${t.testdir()}/ledger.lmdb`, false);
  t.teardown(() => env.close());
  const table = (name: string) => env.openDB({ name, encoding: 'binary', keyEncoding: 'binary' });
  const outbox = new Outbox(env, { rows: table('outbox'), index: table('alertIndex') });
  const owe = (events: readonly AlertEvent[], channels: readonly ChannelPlan[]): void =>
    env.transactionSync(() => {
      for (const one of events) outbox.owe(one, channels);
    });
  const due = (channel: ChannelPlan, atMs = NOON_MS, limit = 100): string[] =>
    outbox.due(channel.name, atMs, limit).alerts.map(({ event: { eventId } }) => eventId);
  return { outbox, owe, due };
}

t.test('owes an alert to each channel on its own', async (t) => {
  const { outbox, owe, due } = open(t);
  const one = event('a');
  owe([one], [LOG, HOOK]);
  t.ok(outbox.isOwed(one.eventId));
  t.match(outbox.due('hook', NOON_MS, 10), { alerts: [{ event: one, attempts: 0 }] });
  outbox.settle('log', [delivered(one.eventId)]);
  t.same([due(LOG), due(HOOK)], [[], [one.eventId]]);
  t.same(outbox.depth(), { pending: 1, dead: 0 });
});

t.test('comes back with what is due only, the oldest first, a page at a time', async (t) => {
  const { outbox, owe, due } = open(t);
  const events = ['a', 'b', 'c'].map((name, index) => event(name, NOON_MS - index));
  owe(events, [HOOK]);
  t.same(due(HOOK, NOON_MS, 2), [alertId('c'), alertId('b')]);
  outbox.settle('hook', [failed('c', NOON_MS + 10), failed('b', NOON_MS + 5)]);
  t.same(due(HOOK), [alertId('a')]);
  outbox.settle('hook', [delivered(alertId('a'))]);
  t.same(outbox.due('hook', NOON_MS, 10), { alerts: [], nextDueMs: NOON_MS + 5 });
  t.match(outbox.due('hook', NOON_MS + 10, 10).alerts, [{ attempts: 1 }, { attempts: 1 }]);
});

t.test('keeps what became of an alert on every channel', async (t) => {
  const { outbox, owe } = open(t);
  owe([event('a'), event('b', NOON_MS + 1)], [LOG, HOOK]);
  outbox.settle('log', [delivered(alertId('a'))]);
  outbox.settle('hook', [failed('a', NOON_MS + 9), failed('b', null)]);
  t.match(
    [...outbox.list()],
    [
      {
        event: event('b', NOON_MS + 1),
        channels: { hook: { state: 'dead', attempts: 1, nextTryMs: null, lastError: 'HTTP 500' } },
      },
      {
        event: event('a'),
        channels: {
          log: { state: 'delivered', attempts: 1, nextTryMs: null, lastError: null },
          hook: { state: 'pending', attempts: 1, nextTryMs: NOON_MS + 9, lastError: 'HTTP 500' },
        },
      },
    ],
    'the newest first',
  );
  t.same(outbox.depth(), { pending: 2, dead: 1 });
});

t.test('a channel that is back gets at once what waited for another try', async (t) => {
  const { outbox, owe, due } = open(t);
  owe([event('a'), event('b')], [LOG, HOOK, MAIL]);
  outbox.settle('hook', [failed('a', NOON_MS + DAY_MS), failed('b', null)]);
  outbox.hurry('hook', NOON_MS + 1);
  t.same(due(HOOK, NOON_MS + 1), [alertId('a')], 'what was given up is not revived');
  t.match(outbox.due('hook', NOON_MS + 1, 1).alerts, [{ attempts: 1 }], 'its attempts still count');
});

t.test('a replay makes due again what was given up, or one alert', async (t) => {
  const { outbox, owe, due } = open(t);
  owe([event('a'), event('b'), event('c')], [LOG, HOOK]);
  outbox.settle('log', [delivered(alertId('a')), delivered(alertId('c'))]);
  outbox.settle('hook', [failed('a', null), failed('b', null), delivered(alertId('c'))]);
  t.equal(outbox.replay(null, [LOG, HOOK], NOON_MS + 1), 2);
  t.same(due(HOOK, NOON_MS + 1).toSorted(), [alertId('a'), alertId('b')].toSorted());
  t.match(outbox.due('hook', NOON_MS + 1, 1).alerts, [{ attempts: 0 }], 'from the first attempt');
  t.same(outbox.depth(), { pending: 3, dead: 0 });
  t.equal(outbox.replay(alertId('c'), [LOG, HOOK], NOON_MS + 1), 1);
  t.equal(due(HOOK, NOON_MS + 1).length, 3);
  t.notOk(due(LOG, NOON_MS + 1).includes(alertId('c')), 'a line is not written twice');
  t.equal(outbox.replay('evt_unknown', [LOG, HOOK], NOON_MS), 0);
});

t.test(
  'a fallback takes over after its delay, and only what a webhook has not taken',
  async (t) => {
    const { outbox, owe, due } = open(t);
    const after = NOON_MS + 5 * MINUTE_MS;
    owe([event('taken'), event('slow'), event('dead')], [LOG, HOOK, MAIL]);
    t.same(due(MAIL), [], 'not before');
    outbox.settle('hook', [
      delivered(alertId('taken')),
      failed('slow', after + MINUTE_MS),
      failed('dead', null),
    ]);
    t.same(due(MAIL), [alertId('dead')], 'at once when a webhook has given up');
    t.same(due(MAIL, after).toSorted(), [alertId('slow'), alertId('dead')].toSorted());
    outbox.settle('mail', [delivered(alertId('slow'))]);
    t.same(due(HOOK, after + MINUTE_MS), [alertId('slow')], 'the webhook is tried on');
  },
);

t.test('gives up what is owed to channels that are no longer configured', async (t) => {
  const { outbox, owe, due } = open(t);
  const many = Array.from({ length: 1_500 }, (_, index) => event(`user-${index}`));
  owe(many, [LOG, HOOK, MAIL]);
  outbox.retire([LOG, MAIL]);
  t.same(due(HOOK), []);
  t.same(outbox.depth(), { pending: 3_000, dead: 1_500 });
  t.match(outbox.find(alertId('user-7')), {
    channels: { hook: { state: 'dead', lastError: /no longer configured/ } },
  });
  t.equal(outbox.replay(null, [LOG, MAIL], NOON_MS), 0, 'to nobody');
  t.equal(outbox.replay(null, [LOG, HOOK, MAIL], NOON_MS), 1_500, 'once it is back');
});

t.test('an overrun is for the log alone', async (t) => {
  const { outbox, owe } = open(t);
  owe([{ ...event('a'), event: 'settlement_overrun' }], [LOG, HOOK, MAIL]);
  t.same(Object.keys(outbox.find(alertId('a'))?.channels ?? {}), ['log']);
});

t.test('forgets alerts of long ago, and none of a window that may still be open', async (t) => {
  const { outbox, owe, due } = open(t);
  owe([event('a', NOON_MS - 63 * DAY_MS), event('b', NOON_MS - 61 * DAY_MS)], [HOOK]);
  owe([event('c')], [HOOK]);
  t.notOk(outbox.isOwed(alertId('a')));
  t.same(due(HOOK), [alertId('b'), alertId('c')]);
  t.equal([...outbox.list()].length, 2);
});
