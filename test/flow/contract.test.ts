// Each API of a client asked of each type of provider, with answers in the vendors' recorded
// formats: what goes upstream, what comes back to the byte, what it costs, what the ledger keeps.

import OpenAI from 'openai';
import t, { type Test } from 'tap';
import { fixture } from '../wire/fixture.js';
import {
  type Answer,
  post,
  run,
  type RunningProxy,
  startProxy,
  temporaryFolder,
} from './harness.js';
import { type Script, startScripted } from './scripted.js';

const PRICE =
  'estimated_input_cost_per_1k: 3, estimated_cached_input_cost_per_1k: 1, ' +
  'estimated_output_cost_per_1k: 6, max_output_tokens: 1000';

const folder = temporaryFolder(t);
const provider = await startScripted(t);
const proxy: RunningProxy = await startProxy(t, {
  folder,
  config: `
budget: { daily_limit_cents: 100000 }
storage: { path: ${folder}/data }
alerts: { log_file: ${folder}/alerts.log }
providers:
  openai: { type: openai, base_url: "${provider.url}/v1", api_key: sk-upstream }
  compatible: { type: openai-compatible, base_url: "${provider.url}/v1", api_key: sk-upstream }
  anthropic: { type: anthropic, base_url: "${provider.url}", api_key: sk-upstream }
  mock: { type: mock, mock: { input_tokens: 1000, output_tokens: 100 } }
models:
  by-openai: { provider: openai, upstream_model: model-x, ${PRICE} }
  by-compatible: { provider: compatible, upstream_model: model-x, ${PRICE} }
  by-anthropic: { provider: anthropic, upstream_model: model-x, ${PRICE} }
  by-mock: { provider: mock, upstream_model: model-x, ${PRICE} }
`,
});

type Type = 'openai' | 'compatible' | 'anthropic' | 'mock';
const OPENAI_TYPES: readonly Type[] = ['openai', 'compatible', 'mock'];
const TYPES: readonly Type[] = [...OPENAI_TYPES, 'anthropic'];

const HELLO = [{ role: 'user', content: 'Hello' }];
const USAGE_PLEASE = { stream_options: { include_usage: true } };

/** A wire in its recorded form, and what its usage costs in cents by the prices above. */
const WIRES = {
  // 500 × 3 + 400 cached × 1 + 100 written × 3 + 7 × 6, in thousandths
  chat: {
    path: '/chat/completions',
    plain: 'chat.json',
    stream: 'chat-with-usage.sse',
    cents: 2.242,
  },
  // 11 × 3 + 6 × 6
  completions: {
    path: '/completions',
    plain: 'completions.json',
    stream: 'completions-with-usage.sse',
    cents: 0.069,
  },
  // 500 × 3 + 400 cached × 1 + 100 written × 3 + 37 × 6
  responses: { path: '/responses', plain: 'responses.json', stream: 'responses.sse', cents: 2.422 },
  // 8 × 3
  embeddings: { path: '/embeddings', plain: 'embeddings.json', stream: null, cents: 0.024 },
  // 25 × 3 + 40 cached × 1 + 20 written × 3.75 + 10 written for an hour × 6 + 15 × 6
  messages: { path: '/messages', plain: 'messages.json', stream: 'messages.sse', cents: 0.34 },
} as const;
type Wire = keyof typeof WIRES;

const REQUESTS: Readonly<Record<Wire, object>> = {
  chat: { max_tokens: 50, messages: HELLO },
  completions: { max_tokens: 50, prompt: 'Hello' },
  responses: { max_output_tokens: 50, input: 'Hello' },
  embeddings: { input: 'Hello' },
  messages: { max_tokens: 50, messages: HELLO },
};

const wireOfPath = (path: string): Wire | undefined =>
  (Object.keys(WIRES) as Wire[]).find((wire) => path === `/v1${WIRES[wire].path}`);

/** What a vendor answers: by path, whole or as a stream. */
const recorded: Script = (request, response, body) => {
  const wire = wireOfPath(request.url ?? '');
  const streamed = (JSON.parse(body) as { stream?: boolean }).stream === true;
  const name =
    wire === undefined ? 'count-tokens.json' : WIRES[wire][streamed ? 'stream' : 'plain'];
  const type = streamed ? 'text/event-stream; charset=utf-8' : 'application/json';
  response.writeHead(200, { 'content-type': type, 'x-request-id': 'req_1' });
  response.end(fixture(name ?? ''));
};

/** What the ledger must say in the end, by request. */
const expectedEntries = new Map<string, object>();

interface Asked {
  readonly wire: Wire;
  readonly type: Type;
  readonly more?: object;
}

let users = 0;
async function ask({ wire, type, more = {} }: Asked): Promise<Answer & { user: string }> {
  const user = `user-${users++}`;
  const body = { model: `by-${type}`, ...REQUESTS[wire], ...more };
  return { ...(await post(`${proxy.url}/v1${WIRES[wire].path}`, user, body)), user };
}

/** Every served answer says what it cost, and the ledger agrees. */
function checkServed(
  t: Test,
  answer: Answer & { user: string },
  asked: Asked,
  cents: number,
): void {
  t.equal(answer.status, 200, answer.text);
  const { headers } = answer;
  const id = headers.get('x-tokenpak-request-id') ?? '';
  t.match(id, /^[0-9a-f]{16}$/);
  t.equal(headers.get('x-tokenpak-model'), `by-${asked.type}`);
  t.equal(Number(headers.get('x-tokenpak-remaining-cents')) > 99_000, true);
  const streamed = headers.get('content-type')?.startsWith('text/event-stream') === true;
  t.equal(headers.get('x-tokenpak-cost-cents'), streamed ? null : String(cents));
  expectedEntries.set(id, {
    kind: 'settle',
    user: answer.user,
    model: `by-${asked.type}`,
    provider: asked.type,
    cost_usd: usd(cents),
    source: 'provider',
    status: 200,
  });
}

const usd = (cents: number): string => {
  const text = (cents / 100).toFixed(9).replace(/0+$/, '');
  return /\.\d\d/.test(text) ? text : `${text}0`.replace(/\.0$/, '.00');
};

const members = (cents: number): string => `"request_cost_cents":${cents},"cost_cents":${cents}`;

/** The members behind the last one of a body, white space kept. */
const appended = (body: string, cents: number): string =>
  body.replace(/\s*\}\s*$/, (end) => `,${members(cents)}${end}`);

/** The members in the last event that carries usage. */
function spliced(stream: string, cents: number): string {
  const at = stream.indexOf('\n', stream.lastIndexOf('"usage":{'));
  return `${stream.slice(0, at - 1)},${members(cents)}${stream.slice(at - 1)}`;
}

/** Our key, our framing, the client's own bytes with the provider's name of the model. */
function checkUpstream(t: Test, { wire, type, more = {} }: Asked): void {
  const sent = { model: 'model-x', ...REQUESTS[wire], ...more };
  t.equal(provider.lastBody, JSON.stringify(sent), 'what was sent');
  t.equal(provider.lastUrl, `/v1${WIRES[wire].path}`);
  const { authorization, 'x-api-key': key, 'accept-encoding': encoding } = provider.lastHeaders;
  t.equal(authorization ?? key, type === 'anthropic' ? 'sk-upstream' : 'Bearer sk-upstream');
  t.equal(encoding, 'identity');
}

t.beforeEach(() => {
  provider.script = recorded;
});

const speaks = (wire: Wire, type: Type): boolean =>
  type === 'mock' || (wire === 'messages') === (type === 'anthropic');

for (const wire of Object.keys(WIRES) as Wire[]) {
  const { plain, stream, cents } = WIRES[wire];
  for (const type of TYPES.filter((type) => type !== 'mock' && speaks(wire, type))) {
    t.test(`${wire} of ${type}: the provider's bytes, and the cost`, async (t) => {
      const asked = { wire, type };
      const answer = await ask(asked);
      t.equal(answer.text, appended(fixture(plain).toString(), cents));
      t.equal(answer.headers.get('x-request-id'), 'req_1');
      checkServed(t, answer, asked, cents);
      checkUpstream(t, asked);
      if (stream === null) return;
      const wantsUsage = wire === 'chat' || wire === 'completions';
      const more = wantsUsage ? { stream: true, ...USAGE_PLEASE } : { stream: true };
      const streamed = await ask({ wire, type, more });
      t.equal(streamed.text, spliced(fixture(stream).toString(), cents));
      checkServed(t, streamed, asked, cents);
      checkUpstream(t, { wire, type, more });
    });
  }
}

for (const wire of ['chat', 'completions'] as const) {
  t.test(`${wire}: usage that the client did not ask for is asked for and taken out`, async (t) => {
    const asked = { wire, type: 'openai', more: { stream: true } } as const;
    const answer = await ask(asked);
    const { stream, cents } = WIRES[wire];
    const comment = `: tokenpak request_cost_cents=${cents} cost_cents=${cents}\n\n`;
    const without = fixture(stream.replace('with-usage', 'without-usage')).toString();
    t.equal(answer.text, without.replace('data: [DONE]', `${comment}data: [DONE]`));
    checkServed(t, answer, asked, cents);
    checkUpstream(t, { ...asked, more: { stream: true, ...USAGE_PLEASE } });
  });
}

for (const type of ['openai', 'compatible'] as const) {
  t.test(`messages of ${type}: a chat, translated both ways`, async (t) => {
    const asked = { wire: 'messages', type } as const;
    const { cents } = WIRES.chat;
    const usage = {
      input_tokens: 500,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 400,
      output_tokens: 7,
    };
    const plain = await ask(asked);
    t.match(plain.json, {
      type: 'message',
      role: 'assistant',
      model: `by-${type}`,
      content: [{ type: 'text', text: 'Hello! How can I assist you today?' }],
      stop_reason: 'end_turn',
      usage,
    });
    t.ok(plain.text.endsWith(`,${members(cents)}}`));
    checkServed(t, plain, asked, cents);
    t.equal(provider.lastUrl, '/v1/chat/completions');
    t.match(JSON.parse(provider.lastBody), { model: 'model-x', messages: HELLO });
    const streamed = await ask({ ...asked, more: { stream: true } });
    const events = dataOf(streamed.text);
    const texts = events.map(({ delta }) => (delta as { text?: string } | undefined)?.text ?? '');
    t.equal(texts.join(''), 'Héllo "}{" wörld 🌍');
    t.match(events.at(-2), { type: 'message_delta', usage, request_cost_cents: cents });
    t.match(events.at(-1), { type: 'message_stop' });
    checkServed(t, streamed, asked, cents);
    t.match(JSON.parse(provider.lastBody), { stream: true, ...USAGE_PLEASE });
  });
}

t.test('chat of anthropic: a message, translated both ways', async (t) => {
  const asked = { wire: 'chat', type: 'anthropic' } as const;
  const { cents } = WIRES.messages;
  const usage = {
    prompt_tokens: 95,
    completion_tokens: 15,
    total_tokens: 110,
    prompt_tokens_details: { cached_tokens: 40, cache_write_tokens: 30 },
  };
  const plain = await ask(asked);
  const message = { role: 'assistant', content: 'Hi! My name is Claude. 🌍' };
  const choices = [{ index: 0, message, finish_reason: 'stop' }];
  t.match(plain.json, { object: 'chat.completion', model: 'by-anthropic', choices, usage });
  t.ok(plain.text.endsWith(`,${members(cents)}}`));
  checkServed(t, plain, asked, cents);
  t.equal(provider.lastUrl, '/v1/messages');
  t.equal(provider.lastHeaders['anthropic-version'], '2023-06-01');
  t.match(JSON.parse(provider.lastBody), { model: 'model-x', max_tokens: 50 });
  const streamed = await ask({ ...asked, more: { stream: true, ...USAGE_PLEASE } });
  t.match(dataOf(streamed.text).at(-1), { choices: [], usage, request_cost_cents: cents });
  t.ok(streamed.text.endsWith('\n\ndata: [DONE]\n\n'));
  checkServed(t, streamed, asked, cents);
});

/** The events of a stream, without the end of one of OpenAI's. */
const dataOf = (stream: string): Record<string, unknown>[] =>
  [...stream.matchAll(/^data: (\{.*)$/gm)].map(
    ([, data]) => JSON.parse(data ?? '') as Record<string, unknown>,
  );

for (const wire of Object.keys(WIRES) as Wire[]) {
  t.test(`${wire} of mock: served by the embedded provider`, async (t) => {
    const asked = { wire, type: 'mock' } as const;
    const headers = { 'anthropic-version': '2023-06-01' };
    const cents = wire === 'embeddings' ? 3 : 3.6;
    for (const more of wire === 'embeddings' ? [{}] : [{}, { stream: true }]) {
      const user = `user-${users++}`;
      const body = { model: 'by-mock', ...REQUESTS[wire], max_tokens: undefined, ...more };
      const given = wire === 'messages' ? { ...body, max_tokens: 200 } : body;
      const url = `${proxy.url}/v1${WIRES[wire].path}`;
      const answer = await post(url, user, { ...given, max_output_tokens: undefined }, headers);
      t.match(answer.text, /request_cost_cents/);
      checkServed(t, { ...answer, user }, asked, cents);
    }
  });
}

t.test('an API that a provider has not is refused, and nothing is sent', async (t) => {
  provider.script = () => t.fail('the provider was asked');
  for (const wire of ['completions', 'responses', 'embeddings'] as const) {
    const answer = await ask({ wire, type: 'anthropic' });
    t.equal(answer.status, 400);
    t.match(answer.json, { error: { code: 'invalid_request', param: 'model' } });
  }
});

t.test('tokens are counted by who has the endpoint, for nothing', async (t) => {
  const count = (type: Type) =>
    post(`${proxy.url}/v1/messages/count_tokens`, 'counter', {
      model: `by-${type}`,
      messages: HELLO,
    });
  t.equal((await count('anthropic')).text, fixture('count-tokens.json').toString());
  t.equal(provider.lastUrl, '/v1/messages/count_tokens');
  t.equal(provider.lastBody, JSON.stringify({ model: 'model-x', messages: HELLO }));
  provider.script = () => t.fail('the provider was asked');
  for (const type of OPENAI_TYPES) {
    const answer = await count(type);
    t.ok(Number(answer.json['input_tokens']) > 0, answer.text);
  }
});

const ERRORS = [
  { status: 400, body: 'openai-error.json', type: 'application/json' },
  { status: 429, body: 'openai-error.json', type: 'application/json' },
  { status: 529, body: 'messages-error.json', type: 'application/json' },
  { status: 503, body: '<html>\r\n<h1>503</h1>\r\n</html>', type: 'text/html' },
] as const;

for (const wire of Object.keys(WIRES) as Wire[]) {
  t.test(`${wire}: errors of a provider, byte for byte or in the client's shape`, async (t) => {
    for (const type of ['openai', 'compatible', 'anthropic'] as const) {
      if (wire !== 'chat' && wire !== 'messages' && !speaks(wire, type)) continue;
      for (const error of ERRORS) {
        const text = error.body.startsWith('<') ? error.body : fixture(error.body).toString();
        provider.script = (_, response) => {
          const headers = {
            'content-type': error.type,
            'retry-after': '7',
            'x-request-id': 'req_9',
          };
          response.writeHead(error.status, headers).end(text);
        };
        const answer = await ask({
          wire,
          type,
          more: wire === 'embeddings' ? {} : { stream: true },
        });
        t.equal(answer.status, error.status);
        t.equal(answer.headers.get('retry-after'), '7');
        t.equal(answer.headers.get('x-request-id'), 'req_9');
        t.equal(answer.headers.get('x-tokenpak-cost-cents'), null);
        if (speaks(wire, type)) t.equal(answer.text, text);
        else
          t.match(answer.json, {
            ...(wire === 'messages' ? { type: 'error' } : {}),
            error: { message: String },
          });
        const id = answer.headers.get('x-tokenpak-request-id') ?? '';
        const { status } = error;
        expectedEntries.set(id, { kind: 'void', cost_usd: '0.00', user: answer.user, status });
      }
    }
  });
}

t.test('a request that a client sends again is booked with its number', async (t) => {
  let requests = 0;
  provider.script = (...exchange) => {
    requests++;
    if (requests > 1) return recorded(...exchange);
    exchange[1].writeHead(500, { 'x-should-retry': 'true' }).end('{}');
  };
  const ends = [
    { kind: 'void', status: 500, retry_count: 0 },
    { kind: 'settle', status: 200, retry_count: 1 },
    // What is no number is nobody's count.
    { kind: 'settle', status: 200, retry_count: 0 },
  ];
  const noting: typeof fetch = async (...args) => {
    const answer = await fetch(...args);
    const id = answer.headers.get('x-tokenpak-request-id') ?? '';
    expectedEntries.set(id, ends.shift() ?? {});
    return answer;
  };
  const client = new OpenAI({ apiKey: 'again', baseURL: `${proxy.url}/v1`, fetch: noting });
  const body = { model: 'by-openai', messages: [{ role: 'user' as const, content: 'Hi' }] };
  await client.chat.completions.create(body);
  await client.chat.completions.create(body, { headers: { 'x-stainless-retry-count': 'often' } });
  t.equal(ends.length, 0);
});

t.test('the ledger has each of them once, at its cost', async (t) => {
  await proxy.end();
  const { stdout } = await run(['ledger', 'export', '--config', `${folder}/config.yaml`]);
  const entries = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { request_id: string });
  t.equal(entries.length, expectedEntries.size);
  for (const entry of entries) t.match(entry, expectedEntries.get(entry.request_id));
});
