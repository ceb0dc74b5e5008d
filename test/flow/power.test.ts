import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { post, startProxy, temporaryFolder } from './harness.js';
import { asking, atRest, CENT_A_TOKEN, config } from './setup.js';

t.test('durability: power serves, and keeps every cent over restart and kill', async (t) => {
  const mock = await startMock({ behaviour: CENT_A_TOKEN });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const options = {
    folder,
    workers: 2,
    config: config({
      folder,
      providerUrl: mock.url,
      budget: 'daily_limit_cents: 10000',
      storage: `path: ${folder}/data, durability: power`,
    }),
  };
  const first = await startProxy(t, options);
  const answers = await Promise.all(
    Array.from({ length: 12 }, (_, index) =>
      post(
        `${first.url}/v1/${index % 3 === 0 ? 'messages' : 'chat/completions'}`,
        'ann',
        asking(5, { stream: index % 2 === 0, model: index % 3 === 0 ? 'claude' : 'gpt-4' }),
      ),
    ),
  );
  t.same(
    answers.map(({ status }) => status),
    answers.map(() => 200),
  );
  t.match(await atRest(first, 'ann'), { spent_usd: '0.60' });
  t.equal(await first.end(), 0);

  const second = await startProxy(t, options);
  t.match(await atRest(second, 'ann'), { spent_usd: '0.60' }, 'the same after a restart');
  const next = await post(`${second.url}/v1/chat/completions`, 'ann', asking(5));
  t.equal(next.json['cost_cents'], 65, 'the tally goes on');
  await second.end('SIGKILL');

  const third = await startProxy(t, options);
  t.match(await atRest(third, 'ann'), { spent_usd: '0.65' }, 'and after a kill');
  t.equal(await third.end(), 0);
});
