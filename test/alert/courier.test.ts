import { Webhook } from 'standardwebhooks';
import t, { type Test } from 'tap';
import type { Channel } from '../../src/alert/channel.js';
import { Courier } from '../../src/alert/courier.js';
import { AlertDelivery } from '../../src/alert/delivery.js';
import { WebhookChannel } from '../../src/alert/webhook.js';
import { type AlertEvent, alertId } from '../../src/kernel/alert.js';
import { outboxOf } from './outbox.js';
import { alertOf } from './event.js';
import { type Receiver, receiver } from './receiver.js';

const SECRET = `whsec_${Buffer.from('0123456789abcdef01234567').toString('base64')}`;

const event = (name: string): AlertEvent => ({
  ...alertOf({ scope: `user:${name}` }),
  eventId: alertId(name),
});

const webhook = (url: string, name = url, timeoutMs = 5_000): WebhookChannel =>
  new WebhookChannel({ url, plan: { name, standbyMs: null }, secrets: [SECRET], timeoutMs });

/** Channels over a real outbox, with a clock that stands until it is moved. */
function world(t: Test, channels: readonly Channel[], storagePath: string = t.testdir()) {
  const { outbox, owe, find, stop } = outboxOf(
    storagePath,
    channels.map(({ plan }) => plan),
  );
  const told: string[] = [];
  const timers = new Set<number>();
  // The verifier of `standardwebhooks` compares with the real clock, five minutes either way.
  const clock = {
    nowMs: Date.now(),
    now: () => clock.nowMs,
    random: () => 0,
    schedule(_: () => void, delayMs: number) {
      const at = clock.nowMs + delayMs;
      timers.add(at);
      return () => timers.delete(at);
    },
  };
  const delivery = new AlertDelivery({ channels, outbox, clock, tell: (text) => told.push(text) });
  const end = async (): Promise<void> => {
    await delivery.close();
    await stop();
  };
  t.teardown(end);
  /** Lets everything happen that is to happen until `count` timers have come. */
  const pass = async (count: number): Promise<number[]> => {
    const waits: number[] = [];
    for (let timer = 0; timer < count && timers.size > 0; timer += 1) {
      const at = Math.min(...timers);
      timers.delete(at);
      waits.push(at - clock.nowMs);
      clock.nowMs = Math.max(at, clock.nowMs);
      await delivery.wake();
    }
    return waits;
  };
  const owed = async (...names: string[]): Promise<void> => {
    owe(names.map((name) => ({ ...event(name), occurredAtMs: clock.nowMs })));
    await delivery.wake();
  };
  const stateOf = (name: string, channel: Channel) =>
    find(alertId(name))?.channels[channel.plan.name];
  return { owed, pass, stateOf, told, end, clock };
}

const ids = ({ received }: Receiver): string[] =>
  received.map(({ headers }) => String(headers['webhook-id']));

t.test('500 three times and then 200: tried again until it arrives, with one id', async (t) => {
  const hook = await receiver(t, (response, attempt) => {
    response.writeHead(attempt <= 3 ? 500 : 204).end();
  });
  const channel = webhook(hook.origin);
  const { owed, pass, stateOf, told } = world(t, [channel]);
  await owed('a');
  t.match(stateOf('a', channel), { state: 'pending', attempts: 1, lastError: 'HTTP 500' });
  // The third failure also leaves the channel alone for 5 s: the last wait comes in two parts.
  t.same(await pass(4), [1_000, 4_000, 5_000, 11_000]);
  t.same(
    ids(hook),
    Array.from({ length: 4 }, () => alertId('a')),
  );
  const { body, headers } = hook.received[3]!;
  t.match(new Webhook(SECRET).verify(body, headers as Record<string, string>), { user: 'a' });
  t.match(stateOf('a', channel), { state: 'delivered', attempts: 4, lastError: null });
  t.same(told, [
    `alerts to ${hook.origin}/… do not arrive: HTTP 500`,
    `alerts to ${hook.origin}/… arrive again`,
  ]);
});

t.test('what never arrives is given up, and says so', async (t) => {
  const hook = await receiver(t, (response) => response.writeHead(302).end());
  const channel = webhook(`${hook.origin}/CANARY`);
  const { owed, pass, stateOf, told } = world(t, [channel]);
  await owed('a');
  await pass(100);
  t.match(stateOf('a', channel), { state: 'dead', attempts: 12, lastError: 'HTTP 302' });
  t.equal(hook.received.length, 12);
  t.match(told.at(-1), /^alert evt_\w+ to \S+ is given up: HTTP 302$/);
  t.notMatch(told.join(), /CANARY/);
});

t.test('a receiver that asks for time gets it, and nothing else meanwhile', async (t) => {
  const hook = await receiver(t, (response, attempt) => {
    if (attempt === 1) response.writeHead(429, { 'retry-after': '60' });
    response.end();
  });
  const { owed, pass, clock } = world(t, [webhook(hook.origin)]);
  await owed('a');
  await owed('b');
  t.equal(hook.received.length, 1);
  clock.nowMs += 59_000;
  await owed('c');
  t.equal(hook.received.length, 1);
  await pass(1);
  t.same(new Set(ids(hook)), new Set(['a', 'b', 'c'].map(alertId)));
  t.equal(hook.received.length, 4);
});

t.test('a receiver that hangs delays no other', async (t) => {
  const dead = await receiver(t, () => undefined);
  const alive = await receiver(t);
  const [hanging, channel] = [webhook(dead.origin, 'dead', 100), webhook(alive.origin)];
  const { owed, stateOf } = world(t, [hanging, channel]);
  const names = Array.from({ length: 40 }, (_, index) => `user-${index}`);
  await owed(...names);
  t.equal(alive.received.length, 40);
  t.ok(dead.received.length <= 8, 'it is left alone after a few');
  const attempts = names.map((name) => stateOf(name, hanging)?.attempts);
  t.ok(attempts.includes(0), 'what was not tried has used up nothing');
});

t.test('a receiver that is back gets all that waited, at once', async (t) => {
  let up = false;
  const hook = await receiver(t, (response) => response.writeHead(up ? 200 : 503).end());
  const { owed, pass, clock } = world(t, [webhook(hook.origin)]);
  await owed('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
  await pass(30);
  up = true;
  const [before, sinceMs] = [hook.received.length, clock.nowMs];
  await pass(1);
  t.equal(new Set(ids(hook).slice(before)).size, 8);
  t.ok(clock.nowMs - sinceMs <= 300_000, 'within five minutes');
});

t.test('what was due when the process died is delivered by the next', async (t) => {
  let up = false;
  const hook = await receiver(t, (response) => response.writeHead(up ? 200 : 500).end());
  const storagePath = t.testdir();
  const first = world(t, [webhook(hook.origin)], storagePath);
  await first.owed('a', 'b');
  await first.end();
  up = true;
  const channel = webhook(hook.origin);
  const second = world(t, [channel], storagePath);
  second.clock.nowMs += 3_600_000;
  const before = hook.received.length;
  await second.owed('c');
  t.same(ids(hook).slice(before).toSorted(), ['a', 'b', 'c'].map(alertId).toSorted());
  t.match(second.stateOf('a', channel), { state: 'delivered', attempts: 2 });
});

t.test('closing cuts an attempt short, and does not count it', async (t) => {
  let asked: () => void = () => undefined;
  const request = new Promise<void>((resolve) => {
    asked = resolve;
  });
  const hook = await receiver(t, () => asked());
  const storagePath = t.testdir();
  const first = world(t, [webhook(hook.origin)], storagePath);
  const sent = first.owed('a');
  await request;
  await first.end();
  await sent;
  const channel = webhook(hook.origin);
  t.match(world(t, [channel], storagePath).stateOf('a', channel), {
    state: 'pending',
    attempts: 0,
  });
});

t.test(
  'a thousand budgets that cross together all arrive, a page in memory at a time',
  async (t) => {
    const hook = await receiver(t);
    const channel = webhook(hook.origin);
    let largest = 0;
    const { outbox, owe, stop } = outboxOf(t.testdir(), [channel.plan]);
    const clock = {
      now: () => Date.now(),
      random: () => Math.random(),
      schedule: () => () => undefined,
    };
    const courier = new Courier({
      channel,
      clock,
      tell: (text) => t.fail(text),
      outbox: {
        ...outbox,
        async dueAlerts(...asked) {
          const page = await outbox.dueAlerts(...asked);
          largest = Math.max(largest, page.alerts.length);
          return page;
        },
      },
    });
    owe(Array.from({ length: 1_000 }, (_, index) => event(`user-${index}`)));
    await courier.wake();
    t.equal(hook.received.length, 1_000);
    t.equal(new Set(ids(hook)).size, 1_000);
    t.ok(largest <= 32);
    await courier.close();
    await stop();
  },
);

t.test('alerts of one budget arrive in their order', async (t) => {
  const hook = await receiver(t, (response, attempt) => {
    setImmediate(() => response.end(String(attempt)));
  });
  const channel = webhook(hook.origin);
  const { owed, clock } = world(t, [channel]);
  const { outbox, owe, stop } = outboxOf(t.testdir(), [channel.plan]);
  const thresholds = [50, 80, 95, 100].map((thresholdPct, index) => ({
    ...alertOf({ thresholdPct }),
    eventId: alertId(String(thresholdPct)),
    occurredAtMs: clock.nowMs - 10 + index,
  }));
  owe(thresholds);
  await owed();
  const courier = new Courier({ channel, clock, outbox, tell: (text) => t.fail(text) });
  await courier.wake();
  t.same(
    ids(hook),
    thresholds.map(({ eventId }) => eventId),
  );
  await courier.close();
  await stop();
});
