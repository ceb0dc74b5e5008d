import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { AlertDispatcher, channelOf } from '../../src/alert/dispatcher.js';
import { LOG_CHANNEL } from '../../src/kernel/alert.js';
import { parseConfig } from '../../src/config/load.js';
import { RECIPE_ALERT } from './event.js';
import { receiver } from './receiver.js';

function dispatcher(t: Test, urls: string[], retryDelaysMs: number[] = [0, 0]) {
  const folder = t.testdir({});
  const text = JSON.stringify({
    budget: { alert_webhook: urls },
    alerts: { log_file: 'alerts.log', webhook_secret: 'plain text' },
  });
  const loaded = parseConfig(text, { file: `${folder}/config.yaml`, env: {} });
  if (!loaded.ok) throw new Error(JSON.stringify(loaded.problems));
  const delivered: string[] = [];
  const failures: string[] = [];
  const alerts = new AlertDispatcher({
    config: loaded.config,
    now: () => RECIPE_ALERT.occurredAtMs,
    markDelivered: (eventId, channel) => delivered.push(`${eventId} ${channel}`),
    onFailure: (message) => failures.push(message),
    retryDelaysMs,
  });
  t.teardown(() => alerts.close());
  const logged = () => readFileSync(`${folder}/alerts.log`, 'utf8').split('\n').length - 1;
  return { alerts, delivered, failures, logged };
}

t.test('takes an alert to the log and to every webhook once', async (t) => {
  const [a, b] = [await receiver(t), await receiver(t)];
  const urls = [`${a.origin}/a`, `${b.origin}/b`, 'mailto:ops@example.com'];
  const { alerts, delivered, failures, logged } = dispatcher(t, urls);
  alerts.dispatch(RECIPE_ALERT);
  t.equal(logged(), 1, 'the line is written before dispatch returns');
  await alerts.flush();
  t.equal(a.received.length, 1);
  t.equal(b.received.length, 1);
  t.match(a.received[0]!.headers['webhook-signature'], /^v1,/);
  t.equal(a.received[0]!.headers['webhook-timestamp'], '1774431900');
  t.same(
    delivered.toSorted(),
    [LOG_CHANNEL, channelOf(urls[0]!), channelOf(urls[1]!)].map((c) => `evt_1 ${c}`).toSorted(),
  );
  t.same(failures, []);
});

t.test('tries again until a webhook takes it, with the same id', async (t) => {
  const flaky = await receiver(t, (response, attempt) => {
    response.writeHead(attempt < 3 ? 503 : 204).end();
  });
  const { alerts, delivered, logged } = dispatcher(t, [flaky.origin]);
  alerts.dispatch(RECIPE_ALERT);
  await alerts.flush();
  t.same(
    flaky.received.map(({ headers }) => headers['webhook-id']),
    ['evt_1', 'evt_1', 'evt_1'],
  );
  t.equal(delivered.length, 2);
  t.equal(logged(), 1);
});

t.test('says so when a webhook never takes it, and serves the others', async (t) => {
  const dead = await receiver(t, (response) => response.writeHead(500).end());
  const alive = await receiver(t);
  const { alerts, delivered, failures } = dispatcher(t, [`${dead.origin}/CANARY`, alive.origin]);
  alerts.dispatch(RECIPE_ALERT);
  await alerts.flush();
  t.equal(dead.received.length, 3);
  t.equal(alive.received.length, 1);
  t.notOk(delivered.some((entry) => entry.endsWith(channelOf(`${dead.origin}/CANARY`))));
  t.match(failures, [/not delivered: http:.*HTTP 500/]);
  t.notMatch(failures.join(), /CANARY/);
});

t.test('skips the channels that have had the event', async (t) => {
  const hook = await receiver(t);
  const { alerts, delivered } = dispatcher(t, [hook.origin]);
  alerts.dispatch(RECIPE_ALERT, [LOG_CHANNEL]);
  await alerts.flush();
  alerts.dispatch(RECIPE_ALERT, [LOG_CHANNEL, channelOf(`${hook.origin}/`)]);
  await alerts.flush();
  t.equal(hook.received.length, 1);
  t.equal(delivered.length, 1);
});

t.test('keeps the order of alerts for each webhook', async (t) => {
  const hook = await receiver(t, (response, attempt) => {
    response.writeHead(attempt === 1 ? 500 : 200).end();
  });
  const { alerts } = dispatcher(t, [hook.origin]);
  for (const id of ['a', 'b', 'c']) alerts.dispatch({ ...RECIPE_ALERT, eventId: id });
  await alerts.flush();
  t.same(
    hook.received.map(({ headers }) => headers['webhook-id']),
    ['a', 'a', 'b', 'c'],
  );
});

t.test('does not wait out its retries when it is closed', async (t) => {
  let failed: () => void = () => undefined;
  const firstFailure = new Promise<void>((resolve) => {
    failed = resolve;
  });
  const dead = await receiver(t, (response) => {
    response.writeHead(500).end(failed);
  });
  const { alerts, failures } = dispatcher(t, [dead.origin], [3_600_000]);
  alerts.dispatch(RECIPE_ALERT);
  await firstFailure;
  await alerts.close();
  t.equal(failures.length, 1);
});
