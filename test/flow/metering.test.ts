// Token classes, service tiers, sound and the provider's own tools: reserved at the most they may
// cost, settled as the answer tells, and refused where no price is known.

import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { post, run, startProxy, temporaryFolder } from './harness.js';
import { budgets, noonZone } from './setup.js';

const mock = await startMock({ record: true });
t.teardown(() => mock.close());
const folder = temporaryFolder(t);
const config = `
budget: { timezone: ${noonZone()}, per_user_limits: { default: { daily_limit_cents: 100000 } } }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai:
    { type: openai, base_url: "${mock.url}/v1", api_key: sk-test, allow_models: catalogue }
  anthropic:
    { type: anthropic, base_url: "${mock.url}", api_key: sk-test, allow_models: catalogue }
`;
const proxy = await startProxy(t, { folder, config });

const messages = (text: string) => [{ role: 'user', content: text }];

const ask = (user: string, path: string, body: object) => post(`${proxy.url}${path}`, user, body);

/** What is held for a request of a new user's whose provider does not answer. */
async function heldFor(user: string, body: object): Promise<number> {
  const leave = new AbortController();
  const asked = fetch(`${proxy.url}/v1/chat/completions`, {
    method: 'POST',
    headers: { authorization: `Bearer ${user}` },
    body: JSON.stringify(body),
    signal: leave.signal,
  }).catch(() => null);
  for (;;) {
    const [first] = await budgets(proxy, user);
    if (first === undefined || first.reserved_usd === '0.00') continue;
    leave.abort();
    await asked;
    return Number(first.reserved_usd);
  }
}

t.test('the tier that served a request is its price', async (t) => {
  const chat = (steering: string, more: object) =>
    ask('tiers', '/v1/chat/completions', {
      model: 'gpt-5-mini',
      max_completion_tokens: 100,
      messages: messages(`[mock input_tokens=1000 output_tokens=100 ${steering}]`),
      ...more,
    });
  const cents = async (steering: string, more: object) =>
    (await chat(steering, more)).json['request_cost_cents'];
  // 1,000 × $0.25/M + 100 × $2/M = $0.00045; flex is half of it, priority 9/5.
  t.equal(await cents('', {}), 0.045);
  t.equal(await cents('', { service_tier: 'flex' }), 0.0225);
  t.equal(await cents('', { service_tier: 'priority' }), 0.081);
  t.equal(await cents('service_tier=default', { service_tier: 'priority' }), 0.045, 'downgraded');
  t.equal(await cents('service_tier=priority', { service_tier: 'auto' }), 0.081);
  const streamed = await chat('', { service_tier: 'flex', stream: true });
  t.match(streamed.text, 'request_cost_cents=0.0225');

  const sent = mock.requests().map(({ body }) => body?.['service_tier']);
  t.same(sent, ['default', 'flex', 'priority', 'priority', 'auto', 'flex'], 'none is left open');
});

t.test('a request is held at the dearest tier that may serve it', async (t) => {
  const held = (tier: string) =>
    heldFor(`held-${tier}`, {
      model: 'gpt-5-mini',
      max_completion_tokens: 1_000_000,
      messages: messages('[mock hang]'),
      service_tier: tier,
    });
  const ordinary = await held('default');
  for (const [tier, times] of [
    ['flex', 1],
    ['priority', 1.8],
    ['auto', 1.8],
  ] as const) {
    const ratio = (await held(tier)) / ordinary;
    t.ok(Math.abs(ratio - times) < 0.001, `${tier}: ${ratio}`);
  }
});

t.test('an hour in the cache is held only where it may be asked for', async (t) => {
  const padding = 'x'.repeat(100_000);
  const held = (user: string, text: string) =>
    heldFor(user, { model: 'claude-opus-5', max_tokens: 1, messages: messages(text + padding) });
  // A bit more than 100,000 bytes: at $6.25/M for five minutes, at $10/M for an hour.
  const plain = await held('held-plain', '[mock hang]');
  t.ok(plain > 0.625 && plain < 0.64, `${plain}`);
  const long = await held('held-long', '[mock hang] for 1h');
  t.ok(long > 1 && long < 1.03, `${long}`);
});

t.test('what is predicted is held as output beside the answer', async (t) => {
  const body = { model: 'gpt-4o', max_tokens: 10, messages: messages('[mock hang]') };
  const prediction = { type: 'content', content: 'x'.repeat(100_000) };
  const held = await heldFor('held-predicted', { ...body, prediction });
  // 100,000 tokens at $10/M; of input, at most its bytes at $2.5/M.
  t.ok(held >= 1 && held < 1.3, `${held}`);
});

t.test('a tier, a tool or a sound without a price is refused, with the mend', async (t) => {
  const refused = async (path: string, body: object) => {
    const answer = await ask('nobody', path, body);
    t.equal(answer.status, 400);
    return answer.json['error'] as { param?: string; message: string };
  };
  const chat = (model: string, more: object) =>
    refused('/v1/chat/completions', { model, messages: messages('hi'), ...more });
  t.match(await chat('gpt-4o', { service_tier: 'flex' }), {
    param: 'service_tier',
    message: /gpt-4o has no known price for the service tier flex/,
  });
  t.match(await chat('claude-sonnet-4-5', { service_tier: 'priority' }), { param: 'service_tier' });
  const audio = { type: 'input_audio', input_audio: { data: 'UklGRg==', format: 'wav' } };
  t.match(await chat('gpt-4o', { messages: [{ role: 'user', content: [audio] }] }), {
    param: 'messages',
    message: /audio input/,
  });
  t.match(await chat('gpt-4o', { modalities: ['text', 'audio'], audio: { voice: 'alloy' } }), {
    param: 'modalities',
  });
  const search = { type: 'web_search_20250305', name: 'web_search' };
  const message = { max_tokens: 10, messages: messages('hi'), tools: [search] };
  t.match(await refused('/v1/messages', { model: 'claude-sonnet-4-5', ...message }), {
    message: /Set 'tools\[0\]\.max_uses'/,
  });
  const tools = [{ ...search, max_uses: 1 }];
  t.match(await refused('/v1/messages', { model: 'claude-3-haiku', ...message, tools }), {
    message: /no known price for web searches/,
  });
  const response = { input: 'hi', tools: [{ type: 'web_search' }] };
  t.match(await refused('/v1/responses', { model: 'gpt-5', ...response }), {
    param: 'max_tool_calls',
  });
  t.match(await refused('/v1/responses', { model: 'gpt-4', ...response, max_tool_calls: 1 }), {
    message: /no known price for web searches/,
  });
});

t.test('searches are billed by the call, whatever came of the answer', async (t) => {
  const message = (steering: string, more: object = {}) =>
    ask('searcher', '/v1/messages', {
      model: 'claude-haiku-4-5',
      max_tokens: 10,
      messages: messages(`[mock input_tokens=1000 output_tokens=10 ${steering}]`),
      tools: [{ type: 'web_search_20250305', name: 'web_search', max_uses: 3 }],
      ...more,
    });
  // 1,000 × $1/M + 10 × $5/M = $0.00105, and a cent a search.
  t.equal((await message('')).json['request_cost_cents'], 0.105);
  t.equal((await message('web_searches=2')).json['request_cost_cents'], 2.105);
  t.match((await message('web_searches=2', { stream: true })).text, /"request_cost_cents":2\.105,/);
  const response = (steering: string, more: object = {}) =>
    ask('searcher', '/v1/responses', {
      model: 'gpt-5-mini',
      input: `[mock input_tokens=1000 output_tokens=100 ${steering}]`,
      tools: [{ type: 'web_search' }, { type: 'file_search', vector_store_ids: ['vs_1'] }],
      max_tool_calls: 3,
      max_output_tokens: 100,
      ...more,
    });
  t.equal((await response('web_searches=2')).json['request_cost_cents'], 2.045);
  t.equal((await response('file_searches=1')).json['request_cost_cents'], 0.295);
  t.match(
    (await response('web_searches=1', { stream: true })).text,
    /"request_cost_cents":1\.045,/,
  );
  // Nobody tells what was searched: all that may have been.
  const untold = await message('no_usage');
  t.ok(Number(untold.json['request_cost_cents']) > 3, untold.text);
});

t.test('sound is billed at its own price', async (t) => {
  const counts =
    'input_tokens=1000 audio_input_tokens=400 output_tokens=300 audio_output_tokens=200';
  const answer = await ask('listener', '/v1/chat/completions', {
    model: 'gpt-audio-mini',
    max_completion_tokens: 300,
    modalities: ['text', 'audio'],
    audio: { voice: 'alloy', format: 'wav' },
    messages: [
      {
        role: 'user',
        content: [
          { type: 'input_audio', input_audio: { data: 'A'.repeat(4_000), format: 'wav' } },
          {
            type: 'text',
            text: `[mock ${counts}]`,
          },
        ],
      },
    ],
  });
  // 600 × $0.6/M + 400 × $10/M + 100 × $2.4/M + 200 × $20/M = $0.0086
  t.equal(answer.json['request_cost_cents'], 0.86);
});

t.test('cache writes of either life, reads and fresh input are billed apart', async (t) => {
  const steering =
    'input_tokens=1000 cached_tokens=100 cache_write_tokens=200 cache_write_1h_tokens=300 output_tokens=10';
  const body = {
    model: 'claude-sonnet-4-5',
    max_tokens: 10,
    messages: messages(`[mock ${steering}]`),
  };
  const { json } = await ask('cacher', '/v1/messages', body);
  // 400 × $3 + 100 × $0.3 + 200 × $3.75 + 300 × $6 + 10 × $15 = 3,930 per million
  t.equal(json['request_cost_cents'], 0.393);
  const streamed = await ask('cacher', '/v1/messages', { ...body, stream: true });
  t.match(streamed.text, /"request_cost_cents":0\.393,/);
});

t.test('the ledger tells every class, and adds them up', async (t) => {
  const { stdout } = await run(['ledger', 'export', '--config', `${folder}/config.yaml`]);
  const entries = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  const told = (user: string, ...names: string[]) =>
    entries
      .filter((entry) => entry['user'] === user)
      .map((entry) => names.map((name) => entry[name]).join(' '));
  const tiers = ['standard', 'flex', 'priority', 'standard', 'priority', 'flex'];
  t.same(told('tiers', 'service_tier'), tiers);
  const searches = ['0 0', '2 0', '2 0', '2 0', '0 1', '1 0', '3 0'];
  t.same(told('searcher', 'web_searches', 'file_searches'), searches);
  t.same(told('listener', 'audio_input_tokens', 'audio_output_tokens'), ['400 200']);
  t.same(told('nobody', 'status'), [], 'what was refused was never held');
  const spent = await run(['spend', '--json', '--config', `${folder}/config.yaml`]);
  const { rows } = JSON.parse(spent.stdout) as { rows: { user: string }[] };
  const row = rows.find(({ user }) => user === 'searcher');
  t.match(row, { web_searches: 10, file_searches: 1 });
});
