import { readFileSync } from 'node:fs';
import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { run, startReceiver } from './harness.js';
import { startHeldProvider } from './held-provider.js';
import { alertLines, asking, atRest, budgets, CENT_A_TOKEN, started } from './setup.js';

let mock: MockProvider;

t.before(async () => {
  mock = await startMock({ behaviour: CENT_A_TOKEN });
});
t.teardown(() => mock.close());

const limited = (mode: string, webhook: string): string =>
  `mode: ${mode}, alert_webhook: "${webhook}", alert_threshold_pct: 80,
   fallback_model_on_exceed: cheap,
   per_user_limits: { user_limits: { ann: { daily_limit_cents: 15 }, bob: {} } }`;

for (const mode of ['alert', 'shadow'] as const) {
  t.test(`mode ${mode}: everything is served, and what would be rejected is told`, async (t) => {
    const receiver = await startReceiver(t);
    const budget = limited(mode, receiver.url);
    const { proxy, folder, chat } = await started(t, { providerUrl: mock.url, budget });
    for (const tally of [10, 20, 30, 40]) {
      const answer = await chat('ann', asking(10));
      t.equal(answer.status, 200, answer.text);
      t.equal(answer.json['cost_cents'], tally, 'as asked, and counted');
      t.equal(answer.headers.get('x-tokenpak-model'), 'gpt-4');
      t.equal(answer.headers.get('x-tokenpak-clamped-max-tokens'), null);
    }
    const [day] = await budgets(proxy, 'ann');
    t.match(day, { spent_usd: '0.40', limit_usd: '0.15', remaining_usd: '0.00' });
    if (mode === 'alert') await receiver.reached(2);
    t.equal(await proxy.end(), 0);
    const lines = alertLines(folder).map((line) => line.slice(line.indexOf('ALERT')));
    t.same(
      lines.sort(),
      [
        // The second request would have been the first to be rejected.
        `ALERT budget_exceeded user=ann spent=$0.10 daily_limit=$0.15 pct=66% mode=${mode}`,
        'ALERT budget_threshold_exceeded user=ann spent=$0.20 daily_limit=$0.15 pct=133%',
      ],
      'once each in a window, however many would be rejected',
    );
    const events = receiver.received.map(
      ({ body }) => (JSON.parse(body) as { event: string }).event,
    );
    const called = ['budget_exceeded', 'budget_threshold_exceeded'];
    t.same(events.sort(), mode === 'alert' ? called : [], 'only who watches is called');
  });
}

t.test('reserve: expected holds what a model is known to bring, and tells how far', async (t) => {
  const provider = await startHeldProvider(t);
  const budget = `reserve: expected, clamp_output: false,
    per_user_limits: { user_limits: { ann: { daily_limit_cents: 100 }, bob: {} } }`;
  const { proxy, folder, chat } = await started(t, { providerUrl: provider.url, budget });
  for (let request = 0; request < 16; request++) {
    const learning = chat('bob', asking(90));
    (await provider.next()).answer(5);
    t.equal((await learning).status, 200);
  }
  // Two at their worst, 90 cents each, would not fit in a dollar; two that bring five do.
  const both = [chat('ann', asking(90)), chat('ann', asking(90))];
  const held = [await provider.next(), await provider.next()];
  const { stdout } = await run(['status', '--json', '--config', `${folder}/config.yaml`]);
  t.match(JSON.parse(stdout), { open_reservations: 2, overshoot_bound_usd: '1.70' });
  for (const each of held) each.answer(90);
  for (const answer of await Promise.all(both)) t.equal(answer.status, 200);
  t.match(await atRest(proxy, 'ann'), { spent_usd: '1.80' }, 'over the limit, within the bound');
  t.equal((await chat('ann', asking(1))).status, 402, 'and no further');
  t.equal(await proxy.end(), 0);
  t.notMatch(
    readFileSync(`${folder}/alerts.log`, 'utf8'),
    /settlement_overrun/,
    'a provider that stays within what was asked for has not billed too much',
  );
});
