import t, { type Test } from 'tap';
import { Agent, request } from 'undici';
import { spend, spendJson } from '../../src/ledger/spend.js';
import { get, post, type RunningProxy, startProxy, temporaryFolder } from './harness.js';
import { type HeldProvider, startHeldProvider } from './held-provider.js';
import { asking, config } from './setup.js';

interface Started {
  readonly folder: string;
  readonly provider: HeldProvider;
  readonly proxy: RunningProxy;
  readonly restart: () => Promise<RunningProxy>;
}

async function started(t: Test, more = ''): Promise<Started> {
  const provider = await startHeldProvider(t);
  const folder = temporaryFolder(t);
  const options = {
    folder,
    workers: 2,
    config: config({ folder, providerUrl: provider.url, budget: 'daily_limit_cents: 1000', more }),
  };
  const restart = (): Promise<RunningProxy> => startProxy(t, options);
  return { folder, provider, proxy: await restart(), restart };
}

/** Asks until a request is turned away or finds nobody: the proxy has begun to end. */
async function refused(proxy: RunningProxy): Promise<number | null> {
  for (;;) {
    try {
      const { status } = await get(`${proxy.url}/readyz`, null);
      if (status !== 200) return status;
    } catch {
      // Nobody listens any more.
      return null;
    }
  }
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  t.test(`${signal} lets requests in flight finish, streams included`, async (t) => {
    const { provider, proxy, folder } = await started(t);
    const url = `${proxy.url}/v1/chat/completions`;
    const plain = post(url, 'ann', asking(10));
    const heldPlain = await provider.next();
    const translated = post(`${proxy.url}/v1/messages`, 'ann', asking(10));
    const heldTranslated = await provider.next();
    const streamed = post(url, 'ann', asking(10, { stream: true }));
    const heldStream = await provider.next();
    heldStream.begin();

    // A connection that is open already: its client does not learn of the end by itself.
    const agent = new Agent({ connections: 1, keepAliveTimeout: 60_000 });
    t.teardown(() => agent.close());
    const kept = { dispatcher: agent, headers: { authorization: 'Bearer ann' } };
    await (await request(`${proxy.url}/v1/budget`, kept)).body.dump();

    const ended = proxy.end(signal);
    const status = await refused(proxy);
    t.ok(status === null || status === 503, `a new one is refused (${status})`);
    const late = await request(url, { ...kept, method: 'POST', body: JSON.stringify(asking(10)) })
      .then(async ({ statusCode, body }) => ({ statusCode, text: await body.text() }))
      .catch(() => null);
    if (late !== null) {
      t.equal(late.statusCode, 503, 'also on a connection that was open');
      t.match(late.text, /"code":"shutting_down"/);
    }

    heldStream.finish(7);
    heldPlain.answer(5);
    heldTranslated.answer(6);
    const [first, second, third] = await Promise.all([plain, translated, streamed]);
    t.equal(first.json['request_cost_cents'], 5, first.text);
    t.equal(second.json['request_cost_cents'], 6, second.text);
    t.match(third.text, /data: \[DONE\]\n\n$/);
    t.match(third.text, /request_cost_cents=7 /);
    t.equal(await ended, 0);

    const everyDay = { by: 'user', from: 0, to: 99_991_231 } as const;
    t.match(spendJson(await spend(`${folder}/data`, everyDay)), {
      rows: [{ user: 'ann', requests: 3, cost_usd: '0.18', unsettled_requests: 0 }],
      total_usd: '0.18',
    });
  });
}

t.test(
  'when the grace is over the proxy ends all the same, and charges what was open',
  async (t) => {
    const { provider, proxy, restart } = await started(t, 'server: { shutdown_grace_seconds: 1 }');
    const url = `${proxy.url}/v1/chat/completions`;
    const outcome = (body: object): Promise<string> =>
      post(url, 'ann', body).then(
        ({ text }) => text,
        () => 'cut',
      );
    const plain = outcome(asking(10));
    await provider.next();
    const streamed = outcome(asking(10, { stream: true }));
    (await provider.next()).begin();
    t.equal(await proxy.end(), 0);
    t.notMatch(await plain, 'cost_cents');
    t.notMatch(await streamed, '[DONE]');

    const again = await restart();
    const [day] = (await get(`${again.url}/v1/budget`, 'ann')).json['budgets'] as {
      spent_usd: string;
      reserved_usd: string;
    }[];
    t.equal(day?.reserved_usd, '0.00');
    t.ok(Number(day?.spent_usd) > 0, `never zero once a byte was sent: ${day?.spent_usd}`);
    t.equal(await again.end(), 0);
  },
);
