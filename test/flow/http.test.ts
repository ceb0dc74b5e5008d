import { once } from 'node:events';
import { connect } from 'node:net';
import t from 'tap';
import { type MockProvider, startMock } from '../../src/mock/provider.js';
import { get, post, run, type RunningProxy, startProxy, temporaryFolder } from './harness.js';

const COUNTS = { latencyMs: 0, inputTokens: 1000, outputTokens: 100, errorStatus: null };
/** 1,000 input tokens at 3 cents and 100 output tokens at 6 cents the thousand. */
const CENTS = 3.6;

let mock: MockProvider;
let proxy: RunningProxy;
let folder: string;

const PRICES = 'estimated_input_cost_per_1k: 3, estimated_output_cost_per_1k: 6';

const config = (mockUrl: string, extra = ''): string => `
budget: { enabled: true, daily_limit_cents: 100000 }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai: { type: openai, base_url: "${mockUrl}/v1", api_key: sk-upstream-openai }
  compatible: { type: openai-compatible, base_url: "${mockUrl}/v1", api_key: sk-upstream-other }
  anthropic: { type: anthropic, base_url: "${mockUrl}", api_key: sk-upstream-anthropic }
  nobody: { type: openai-compatible, base_url: "http://127.0.0.1:1/v1" }
models:
  gpt-4: { provider: openai, ${PRICES} }
  local: { provider: compatible, upstream_model: llama-3, ${PRICES}, max_output_tokens: 500 }
  claude: { provider: anthropic, upstream_model: claude-sonnet-4-5, ${PRICES} }
  absent: { provider: nobody, ${PRICES}, max_output_tokens: 10 }
  unpriced: { provider: compatible }
${extra}`;

const chat = (model: string, extra: object = {}) => ({
  model,
  messages: [{ role: 'user', content: 'Hello' }],
  ...extra,
});

/** A provider might take the first maximum, we would price the last. */
const TWICE =
  '{"max_tokens":9000,"model":"gpt-4","messages":[{"role":"user","content":"x"}],"max_tokens":1}';
/** Valid JSON that cannot be written again by recursion. */
const DEEP = '['.repeat(50_000) + ']'.repeat(50_000);
const NESTED = JSON.stringify({ ...chat('local'), stream: true, stream_options: 'x' }).replace(
  '"x"',
  `{"a":${DEEP}}`,
);

t.before(async () => {
  mock = await startMock({ behaviour: COUNTS, record: true });
  folder = temporaryFolder(t);
  proxy = await startProxy(t, { folder, config: config(mock.url) });
});
t.teardown(() => mock.close());

const lastUpstream = () => mock.requests().at(-1) as ReturnType<MockProvider['requests']>[number];

t.test("an answer is the provider's, byte for byte, plus the two cost members", async (t) => {
  for (const [path, model] of [
    ['/v1/chat/completions', 'gpt-4'],
    ['/v1/chat/completions', 'local'],
    ['/v1/messages', 'claude'],
  ] as const) {
    const user = `bytes-${model}`;
    const answer = await post(`${proxy.url}${path}`, user, chat(model, { max_tokens: 200 }));
    t.equal(answer.status, 200, answer.text);
    t.match(answer.text, /,"request_cost_cents":3\.6,"cost_cents":3\.6\}\s*$/, model);
    t.equal(answer.headers.get('x-tokenpak-cost-cents'), String(CENTS));
    t.match(answer.headers.get('x-tokenpak-request-id'), /^[0-9a-f]{16}$/);
    t.equal(answer.headers.get('x-tokenpak-model'), model);
    const again = await post(`${proxy.url}${path}`, user, chat(model, { max_tokens: 200 }));
    t.equal(again.json['cost_cents'], 2 * CENTS, 'the tally goes on');
  }
});

t.test('a request goes upstream as it came, but for what must differ', async (t) => {
  const body =
    '{"model":"gpt-4","seed":12345678901234567890,"max_tokens":7, "messages":[{"role":"user","content":"h\\u00e9"}]}';
  await post(`${proxy.url}/v1/chat/completions`, 'ann', body, {
    'x-secret': 'mine',
    cookie: 'a=b',
  });
  t.equal(lastUpstream().text, body, 'not a byte differs');
  const { headers } = lastUpstream();
  t.equal(
    headers['authorization'],
    'Bearer sk-upstream-openai',
    "with our key, not the caller's name",
  );
  t.equal(headers['x-secret'], undefined);
  t.equal(headers['cookie'], undefined);
  await post(`${proxy.url}/v1/chat/completions`, 'ann', body.replace('gpt-4', 'local'));
  t.equal(lastUpstream().text, body.replace('"gpt-4"', '"llama-3"'), "only the model's name");
});

t.test('streams pass event by event; usage is asked for, and stripped again', async (t) => {
  const stream = (user: string, extra: object = {}) =>
    post(
      `${proxy.url}/v1/chat/completions`,
      user,
      chat('gpt-4', { stream: true, max_tokens: 200, ...extra }),
    );
  const plain = await stream('streamer');
  t.equal(plain.headers.get('content-type')?.split(';')[0], 'text/event-stream');
  t.match(lastUpstream().text, /"include_usage":true/);
  t.notMatch(plain.text, /"usage"/, 'the client did not ask for it');
  t.match(plain.text, /: tokenpak request_cost_cents=3\.6 cost_cents=3\.6\n\ndata: \[DONE\]\n\n$/);
  const asked = await stream('streamer', { stream_options: { include_usage: true } });
  t.match(asked.text, /"usage":\{[^\n]*\},?[^\n]*"request_cost_cents":3\.6,"cost_cents":7\.2\}\n/);
  const native = await post(
    `${proxy.url}/v1/messages`,
    'streamer',
    chat('claude', { stream: true, max_tokens: 200 }),
  );
  t.match(
    native.text,
    /event: message_delta\ndata: [^\n]*"request_cost_cents":3\.6,"cost_cents":10\.8\}\n/,
  );
  t.match(native.text, /event: message_stop/);
});

t.test('a Messages request is served by an OpenAI model', async (t) => {
  const body = {
    model: 'gpt-4',
    max_tokens: 50,
    system: 'Be brief.',
    messages: [{ role: 'user', content: 'Hi' }],
  };
  const answer = await post(`${proxy.url}/v1/messages`, 'translated', body);
  t.match(answer.json, { type: 'message', role: 'assistant', model: 'gpt-4', cost_cents: CENTS });
  t.match(JSON.parse(lastUpstream().text), {
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'Hi' },
    ],
  });
  const streamed = await post(`${proxy.url}/v1/messages`, 'translated', { ...body, stream: true });
  const events = [...streamed.text.matchAll(/^event: (.*)$/gm)].map(([, name]) => name);
  t.equal(events[0], 'message_start');
  t.equal(events.at(-1), 'message_stop');
  t.match(streamed.text, /"cost_cents":7\.2/);
});

t.test(
  "a caller without a name, or an unknown endpoint or model, is refused in its API's shape",
  async (t) => {
    const cases = [
      ['/v1/chat/completions', null, chat('gpt-4'), 401, 'invalid_api_key'],
      ['/v1/messages', null, chat('gpt-4'), 401, 'invalid_api_key'],
      ['/v1/chat/completions', 'ann', chat('nope'), 404, 'model_not_found'],
      ['/v1/messages', 'ann', chat('__proto__'), 404, 'model_not_found'],
      ['/v1/chat/completions', 'ann', chat('unpriced'), 400, 'model_not_priced'],
      ['/v1/chat/completions', 'ann', '{"model":', 400, 'invalid_request'],
      ['/v1/chat/completions', 'ann', '[]', 400, 'invalid_request'],
      ['/v1/chat/completions', 'ann', TWICE, 400, 'invalid_request'],
      ['/v1/chat/completions', 'ann', NESTED, 400, 'invalid_request'],
      ['/v1/chat/completions', 'ann', chat('gpt-4', { max_tokens: -1 }), 400, 'invalid_request'],
      ['/v1/images/generations', 'ann', chat('gpt-4'), 404, 'unmetered_endpoint'],
      ['/v1/messages/batches', 'ann', chat('gpt-4'), 404, 'unmetered_endpoint'],
      ['/v1/chat/completions', 'ann', chat('absent'), 502, 'upstream_unreachable'],
    ] as const;
    const before = mock.requests().length;
    for (const [path, user, body, status, code] of cases) {
      const answer = await post(`${proxy.url}${path}`, user, body);
      t.equal(answer.status, status, `${path} ${code}: ${answer.text}`);
      const error = answer.json['error'] as Record<string, unknown>;
      t.equal(error['code'], code);
      t.equal(answer.json['type'], path.startsWith('/v1/messages') ? 'error' : undefined);
    }
    t.equal(mock.requests().length, before, 'none of them reached the provider');
    const spent = await get(`${proxy.url}/v1/budget`, 'ann');
    t.match(spent.json['budgets'], [{ reserved_usd: '0.00' }], 'and none holds money');
  },
);

t.test('paths are taken as people write them', async (t) => {
  for (const path of [
    '/chat/completions',
    '/v1/chat/completions/',
    '/v1/v1/chat/completions',
    '/v1/chat/completions?beta=true',
  ]) {
    t.equal((await post(`${proxy.url}${path}`, 'paths', chat('gpt-4'))).status, 200, path);
  }
  t.equal((await get(`${proxy.url}/healthz`, null)).status, 200);
  t.equal((await get(`${proxy.url}/readyz`, null)).status, 200);
  t.match((await get(`${proxy.url}/v1/models`, 'paths')).json['data'], [{ id: 'gpt-4' }]);
});

t.test('so is the name of the caller', async (t) => {
  const callerOf = async (headers: Record<string, string>): Promise<unknown> => {
    const response = await fetch(`${proxy.url}/v1/budget`, { headers });
    const told = (await response.json()) as { readonly user?: string };
    return told.user ?? response.status;
  };
  t.equal(await callerOf({ authorization: 'Bearer ann' }), 'ann');
  t.equal(await callerOf({ authorization: 'bEARER   ann' }), 'ann');
  t.equal(await callerOf({ 'x-api-key': 'bob' }), 'bob');
  t.equal(await callerOf({ authorization: 'Bearer ann', 'x-api-key': 'bob' }), 'ann');
  t.equal(await callerOf({ authorization: 'Bearer', 'x-api-key': 'bob' }), 'bob');
  t.equal(await callerOf({ authorization: 'Basic ann', 'x-api-key': 'bob' }), 'bob');
  t.equal(await callerOf({ authorization: 'Bearerann' }), 401);
  t.equal(await callerOf({ authorization: 'Bearer \u00a0ann' }), 401, 'no blank, but another name');
});

t.test('a key may come as x-api-key', async (t) => {
  const answer = await post(`${proxy.url}/v1/messages`, null, chat('claude', { max_tokens: 5 }), {
    'x-api-key': 'key-user',
  });
  t.equal(answer.json['cost_cents'], CENTS);
});

t.test("a provider's error passes as it is and costs nothing", async (t) => {
  const body = { model: 'gpt-4', messages: [{ role: 'user', content: '[mock status=429] x' }] };
  const answer = await post(`${proxy.url}/v1/chat/completions`, 'failing', body);
  t.equal(answer.status, 429);
  t.equal(answer.json['cost_cents'], undefined);
  const spent = await get(`${proxy.url}/v1/budget`, 'failing');
  t.match(spent.json['budgets'], [{ spent_usd: '0.00', reserved_usd: '0.00' }]);
});

t.test(
  'a stream that is cut costs its input and what was streamed, and ends in an error event',
  async (t) => {
    const body = {
      model: 'gpt-4',
      stream: true,
      max_tokens: 200,
      messages: [{ role: 'user', content: '[mock cut_after=3] x' }],
    };
    const answer = await post(`${proxy.url}/v1/chat/completions`, 'cut', body);
    t.match(answer.text, /"error":\{/);
    const spent = await get(`${proxy.url}/v1/budget`, 'cut');
    const [day] = spent.json['budgets'] as { spent_usd: string; reserved_usd: string }[];
    t.equal(day?.reserved_usd, '0.00');
    t.ok(Number(day?.spent_usd) > 0, 'never zero once a byte was sent');
  },
);

/** Asks for a slow stream, leaves at its first bytes, and waits until nothing is held any more. */
async function leaveStream(url: string, user: string, chunkMs: number): Promise<string> {
  const body = JSON.stringify({
    ...chat('gpt-4', { stream: true, max_tokens: 200 }),
    messages: [{ role: 'user', content: `[mock chunk_ms=${chunkMs}] x` }],
  });
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.write(
    `POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${user}\r\n` +
      `content-length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
  await once(socket, 'data');
  socket.destroy();
  let day: { spent_usd: string; reserved_usd: string } | undefined;
  do {
    [day] = (await get(`${url}/v1/budget`, user)).json['budgets'] as [typeof day];
  } while (day?.reserved_usd !== '0.00');
  return day.spent_usd;
}

t.test('a client that hangs up pays for what was generated', async (t) => {
  const spent = await leaveStream(proxy.url, 'leaver', 5);
  t.equal(spent, '0.036', 'the provider was read to its end');
});

t.test(
  'with on_disconnect: abort the provider is left too, and what came is charged',
  async (t) => {
    const own = temporaryFolder(t);
    const aborting = await startProxy(t, {
      folder: own,
      config: config(mock.url, 'server: { on_disconnect: abort }').replaceAll(folder, own),
    });
    const billed = () => mock.bill().byModel['gpt-4']?.outputTokens ?? 0;
    const before = billed();
    const spent = Number(await leaveStream(aborting.url, 'leaver', 50));
    t.ok(spent > 0 && spent < 0.036, `charged ${spent}`);
    t.ok(billed() - before < 100, 'the provider stopped');
    await aborting.end();
    const { stdout } = await run(['ledger', 'export', '--config', `${own}/config.yaml`]);
    t.match(JSON.parse(stdout), { source: 'estimated', user: 'leaver' });
  },
);

t.test('a body beyond the limit is refused', async (t) => {
  const small = temporaryFolder(t);
  const limited = await startProxy(t, {
    folder: small,
    config: config(
      mock.url,
      'server: { max_body_bytes: 2000, request_timeout_seconds: 1 }',
    ).replaceAll(folder, small),
  });
  const answer = await post(
    `${limited.url}/v1/chat/completions`,
    'ann',
    chat('gpt-4', { user: 'x'.repeat(2000) }),
  );
  t.equal(answer.status, 413);
  const late = await post(`${limited.url}/v1/chat/completions`, 'ann', {
    model: 'gpt-4',
    messages: [{ role: 'user', content: '[mock hang] x' }],
  });
  t.equal(late.status, 504, 'the hard deadline');
  t.match(late.json, { error: { code: 'upstream_timeout' } });
  t.equal(await limited.end(), 0);
});
