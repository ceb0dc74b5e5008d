// A hostile reader's tests of the request path: what a client or a provider can send that must
// neither stop the proxy nor cost more than was allowed. The provider is a bare server that each
// test scripts.

import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { setTimeout as after } from 'node:timers/promises';
import { gzipSync } from 'node:zlib';
import t from 'tap';
import { boundFor, inputBound } from '../../src/tokens/bound.js';
import { get, post, type RunningProxy } from './harness.js';
import {
  completion,
  delta,
  eventStream,
  json,
  type Script,
  start,
  type startScripted,
  STREAM_END,
} from './scripted.js';

let proxy: RunningProxy;
/** Of a limit that rejects nothing, and a deadline that ends nothing here. */
let patient: RunningProxy;
let provider: Awaited<ReturnType<typeof startScripted>>;

t.before(async () => {
  const given = { budget: 'mode: alert', server: 'request_timeout_seconds: 30' };
  ({ proxy: patient } = await start(t, given));
  ({ proxy, provider } = await start(t, {
    budget:
      'daily_limit_cents: 100000, clamp_output: false, fallback_model_on_exceed: gpt-3.5-turbo, ' +
      'per_user_limits: { user_limits: { capped: { daily_limit_cents: 4 }, ' +
      'tight: { daily_limit_cents: 100 }, poor: { daily_limit_cents: 1 } } }',
    server: 'request_timeout_seconds: 5',
  }));
});

t.beforeEach(() => {
  provider.script = (_, response) => json(response, completion(5));
});

const chat = (extra: object = {}, model = 'gpt-4') => ({
  model,
  max_tokens: 10,
  messages: [{ role: 'user', content: 'Hi' }],
  ...extra,
});

const chatUrl = (proxy: RunningProxy): string => `${proxy.url}/v1/chat/completions`;

/** The answer's status, or the code of what broke the connection. */
const statusOf = (proxy: RunningProxy, body: unknown): Promise<unknown> =>
  post(chatUrl(proxy), 'ann', body).then(
    (answer) => answer.status,
    (error: Error) => (error.cause as { code?: string } | undefined)?.code,
  );

const daySpent = async (proxy: RunningProxy, user: string) => {
  const { json } = await get(`${proxy.url}/v1/budget`, user);
  return (json['budgets'] as { spent_usd: string; reserved_usd: string }[])[0];
};

function open(proxy: RunningProxy, head: string, body = '', user = 'ann'): Socket {
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  const length = body === '' ? '' : `content-length: ${Buffer.byteLength(body)}\r\n`;
  socket.write(`${head}\r\nhost: x\r\nauthorization: Bearer ${user}\r\n${length}\r\n${body}`);
  return socket;
}

const CHAT_HEAD = 'POST /v1/chat/completions HTTP/1.1';

t.test('no request stops a worker', async (t) => {
  const messages = (text: string): string =>
    `{"model":"gpt-4","max_tokens":10,"messages":[${text}]}`;
  const many = '1,'.repeat(1_000_000);
  const hostile = {
    'the largest max_tokens, twice': chat({ max_tokens: Number.MAX_SAFE_INTEGER, n: 2 }),
    'a million parts in a part': messages(`{"role":"user","content":[{"content":[${many}1]}]}`),
    'a million messages': messages(`${many}1`),
  };
  for (const [what, body] of Object.entries(hostile)) {
    const status = await statusOf(proxy, body);
    t.equal(typeof status, 'number', `${what} is answered, not cut off with ${String(status)}`);
    t.notMatch(proxy.output(), /defect/, what);
  }
});

t.test('a max_tokens that nobody can mean is a bad request, not a broken ledger', async (t) => {
  const answer = await post(chatUrl(patient), 'ann', chat({ max_tokens: 300_000_000_000_000 }));
  t.equal(answer.status, 400, answer.text);
});

t.test('the config’s max_output_tokens binds the provider too', async (t) => {
  provider.script = (_, response, body) => {
    const { max_tokens: max = 16_000 } = JSON.parse(body) as { max_tokens?: number };
    json(response, completion(max));
  };
  const { max_tokens: _, ...unlimited } = chat({}, 'capped');
  const answer = await post(chatUrl(proxy), 'capped', unlimited);
  t.match(provider.lastBody, /"max_tokens":\d/, 'it is told to the provider');
  t.ok(
    Number(answer.json['cost_cents']) <= 4,
    `cost ${String(answer.json['cost_cents'])} of 4 cents`,
  );
});

t.test('members that bill another model or another pass are refused', async (t) => {
  const refused = (body: unknown, path = 'chat/completions') =>
    post(`${proxy.url}/v1/${path}`, 'ann', body).then(({ status }) => status);
  t.equal(await refused(chat({ models: ['openai/o1-pro'] }, 'capped')), 400, 'OpenRouter’s models');
  t.equal(await refused(chat({ fallbacks: ['o1-pro'] }, 'capped')), 400, 'LiteLLM’s fallbacks');
  const compact = { edits: [{ type: 'compact_20260112' }] };
  const edited = chat({ context_management: compact }, 'claude');
  t.equal(
    await refused(edited, 'messages'),
    400,
    'Anthropic’s compaction bills outside of `usage`',
  );
  const cased = '{"model":"capped","Max_Tokens":9000,"max_tokens":5,"messages":[]}';
  t.equal(await refused(cased), 400, 'a name that a case-blind provider reads as another');
  const audio = [{ type: 'audio_url', audio_url: { url: 'https://x/long.mp3' } }];
  const spoken = chat({ messages: [{ role: 'user', content: audio }] }, 'capped');
  t.equal(await refused(spoken), 400, 'audio by reference, whose length nobody knows');
});

t.test('images are bounded wherever a Messages request may hold them', (t) => {
  const image = { type: 'image', source: { type: 'url', url: 'https://x/a.png' } };
  const nested = { type: 'document', source: { type: 'content', content: [image] } };
  const result = { type: 'tool_result', tool_use_id: 't', content: [nested] };
  const body = { messages: [{ role: 'user', content: [result] }] };
  const viewer = { provider: { type: 'anthropic' }, upstreamModel: 'claude-sonnet-4-5' } as const;
  const bound = boundFor(inputBound('messages', body, JSON.stringify(body).length), viewer);
  t.ok(bound > 1_600, `an image can cost 1,600 tokens, the bound of all is ${bound}`);
  t.end();
});

t.test('an answer that cannot be read is charged in full', async (t) => {
  const text = 'word '.repeat(2_000);
  const zipped = { ...eventStream, 'content-encoding': 'gzip' };
  provider.script = (_, response) => {
    response.writeHead(200, zipped);
    response.end(gzipSync(delta(text) + STREAM_END));
  };
  await post(chatUrl(proxy), 'zip', chat({ stream: true, max_tokens: 2_000 }));
  const spent = Number((await daySpent(proxy, 'zip'))?.spent_usd);
  t.ok(spent >= 0.12, `2,000 output tokens cost 0.12, charged was ${spent}`);
});

t.test('a stream is a stream however its content type is written', async (t) => {
  provider.script = (_, response) => {
    response.writeHead(200, { 'content-type': 'Text/Event-Stream; charset=utf-8' });
    response.end(delta('Hi') + STREAM_END);
  };
  const answer = await post(chatUrl(proxy), 'cased', chat({ stream: true }));
  t.match(answer.text, /request_cost_cents=0\.15/);
  t.equal((await daySpent(proxy, 'cased'))?.spent_usd, '0.0015');
});

t.test('what a stream brought counts, whatever shape its deltas have', async (t) => {
  const thinking = [{ type: 'thinking', thinking: [{ type: 'text', text: 'w '.repeat(500) }] }];
  const odd = { choices: [{ index: 0, delta: { content: thinking } }] };
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    response.write(`data: ${JSON.stringify(odd)}\n\n`, () => response.destroy());
  };
  await post(chatUrl(proxy), 'odd', chat({ stream: true, max_tokens: 4_000 }));
  const spent = Number((await daySpent(proxy, 'odd'))?.spent_usd);
  t.ok(spent >= 0.03, `500 tokens cost 0.03 at least, charged was ${spent}`);
});

t.test(
  'an event that is no JSON, and a connection that breaks, end one stream alone',
  async (t) => {
    provider.script = (_, response) => {
      response.writeHead(200, eventStream);
      response.write('event: message_delta\ndata: upstream overloaded\n\n', () =>
        response.socket?.resetAndDestroy(),
      );
    };
    const body = { ...chat({ stream: true }), model: 'claude' };
    const answer = await post(`${proxy.url}/v1/messages`, 'broken', body);
    t.match(answer.text, /overloaded[^]*: tokenpak request_cost_cents=[^]*event: error/);
    t.equal((await daySpent(proxy, 'broken'))?.reserved_usd, '0.00');
    t.notMatch(proxy.output(), /defect/);
  },
);

t.test('a header that cannot be sent on does not keep the proxy from ending', async (t) => {
  const body = JSON.stringify(chat());
  const socket = open(patient, `${CHAT_HEAD}\r\nidempotency-key: a\x7fb`, body);
  const [answer] = (await once(socket, 'data')) as [Buffer];
  t.match(answer.toString(), /^HTTP\/1\.1 [45]/);
  socket.destroy();
  const ended = patient.end();
  t.equal(await Promise.race([ended, after(5_000, 'still running')]), 0);
});

t.test('the hard deadline ends a stream whose provider hangs after its last event', async (t) => {
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    response.write(delta('Hi') + STREAM_END);
  };
  const done = post(chatUrl(proxy), 'hanging', chat({ stream: true })).then(() => 'ended');
  t.equal(await Promise.race([done, after(8_000, 'still open')]), 'ended');
});

t.test('a slow reader gets all that came, though the provider is silent', async (t) => {
  const event = delta('y'.repeat(7_900_000));
  let sent: () => void = () => undefined;
  const written = new Promise<void>((resolve) => (sent = resolve));
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    response.write(event, () => sent());
  };
  const socket = open(proxy, CHAT_HEAD, JSON.stringify(chat({ stream: true, max_tokens: 4_000 })));
  socket.pause();
  await written;
  await after(1_000);
  let bytes = 0;
  const whole = new Promise<string>((resolve) =>
    socket.on('data', (data: Buffer) => {
      bytes += data.length;
      if (bytes >= event.length) resolve('whole');
    }),
  );
  socket.resume();
  t.equal(await Promise.race([whole, after(3_000, 'stalled')]), 'whole');
  socket.destroy();
});

t.test('a HEAD request is answered without a body', async (t) => {
  for (const path of ['/healthz', '/v1/chat/completions']) {
    const socket = open(proxy, `HEAD ${path} HTTP/1.1\r\nconnection: close`);
    let text = '';
    socket.on('data', (data: Buffer) => (text += data.toString()));
    await Promise.race([once(socket, 'close'), after(2_000)]);
    socket.destroy();
    t.equal(text.split('\r\n\r\n')[1], '', path);
  }
  t.equal((await fetch(`${proxy.url}/healthz`, { method: 'HEAD' })).status, 200);
});

t.test('all that a long prompt says reaches the provider, translated or not', async (t) => {
  const content = 'A "quoted" word, ünïcode and \\ too. '.repeat(1_000);
  for (const model of ['gpt-4', 'claude']) {
    const body = chat({ messages: [{ role: 'user', content }] }, model);
    await post(chatUrl(proxy), 'long', body);
    const sent = JSON.parse(provider.lastBody) as { messages: { content: unknown }[] };
    t.same(JSON.stringify(sent.messages).includes(JSON.stringify(content)), true, model);
  }
});

t.test('the fallback is asked for no more output than it can give', async (t) => {
  const answer = await post(chatUrl(proxy), 'tight', chat({ max_tokens: 30_000 }));
  t.equal(answer.headers.get('x-tokenpak-fallback'), 'budget');
  const { max_tokens: max } = JSON.parse(provider.lastBody) as { max_tokens: number };
  t.ok(max <= 4_096, `gpt-3.5-turbo gives 4,096 tokens at most, asked for ${max}`);
});

t.test(
  'a budget that is exceeded is told so, when the fallback cannot take the request',
  async (t) => {
    const body = chat({ only_anthropic_knows: 1, max_tokens: 1_000 }, 'claude');
    const answer = await post(`${proxy.url}/v1/messages`, 'poor', body);
    t.equal(answer.status, 402, answer.text);
  },
);

t.test('a translated answer says what went wrong, and in the shape of its API', async (t) => {
  provider.script = (_, response) => json(response, '{"error":{"message":"overloaded"}}');
  const hidden = await post(`${proxy.url}/v1/messages`, 'ann', chat());
  t.match(hidden.json, { type: 'error' }, 'an error inside a 200 is no empty message');
  provider.script = (_, response) => {
    response.writeHead(502, { 'content-type': 'text/html' });
    response.end('<html>');
  };
  const page = await post(`${proxy.url}/v1/messages`, 'ann', chat());
  t.match(page.headers.get('content-type'), /^application\/json/);
});

t.test('a stream cut after its input was told costs that input, not the bound', async (t) => {
  const message = { model: 'claude', usage: { input_tokens: 25, output_tokens: 1 } };
  const head = `event: message_start\ndata: ${JSON.stringify({ type: 'message_start', message })}\n\n`;
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    response.write(head, () => response.destroy());
  };
  const messages = [{ role: 'user', content: 'w '.repeat(20_000) }];
  await post(`${proxy.url}/v1/messages`, 'cut', chat({ stream: true, messages }, 'claude'));
  const spent = Number((await daySpent(proxy, 'cut'))?.spent_usd);
  t.ok(spent < 0.01, `25 tokens cost 0.00075, charged was ${spent}`);
});

t.test('odd answers of a provider end the reservation once', async (t) => {
  const scripts: Record<string, { script: Script; status: number; free: boolean }> = {
    empty: { script: (_, r) => json(r, ''), status: 200, free: false },
    trailing: { script: (_, r) => json(r, `${completion(5)} tail`), status: 200, free: false },
    list: { script: (_, r) => json(r, '[1]'), status: 200, free: false },
    noContent: { script: (_, r) => r.writeHead(204).end(), status: 204, free: false },
    notModified: { script: (_, r) => r.writeHead(304).end(), status: 304, free: true },
    redirect: {
      script: (_, r) => r.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      status: 307,
      free: true,
    },
    earlyHints: {
      script: (_, r) =>
        r.writeEarlyHints({ link: '</x>; rel=preload' }, () => json(r, completion(5))),
      status: 200,
      free: false,
    },
    unasked: {
      script: (_, r) => r.writeContinue(() => json(r, completion(5))),
      status: 200,
      free: false,
    },
    broken: { script: (_, r) => r.destroy(), status: 502, free: false },
  };
  for (const [name, { script, status, free }] of Object.entries(scripts)) {
    provider.script = script;
    const answer = await post(chatUrl(proxy), name, chat(), { connection: 'close' });
    t.equal(answer.status, status, name);
    const day = await daySpent(proxy, name);
    t.equal(day?.reserved_usd, '0.00', name);
    t.equal(day?.spent_usd === '0.00', free, `${name}: ${day?.spent_usd}`);
  }
});

t.test(
  'a stream that has no content has no body that could be read as another answer',
  async (t) => {
    provider.script = (_, response) => response.writeHead(204, eventStream).end();
    const answer = await post(chatUrl(proxy), 'hush', chat({ stream: true }));
    t.equal(answer.status, 204);
    t.equal(answer.headers.get('transfer-encoding'), null);
    t.equal((await daySpent(proxy, 'hush'))?.reserved_usd, '0.00');
  },
);

t.test('a caller without a key is refused before its body is read', async (t) => {
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  socket.write(`${CHAT_HEAD}\r\nhost: x\r\ncontent-length: 1000000\r\n\r\n`);
  const answer = once(socket, 'data').then(([data]) => String(data as Buffer));
  t.match(await Promise.race([answer, after(3_000, 'no answer')]), /^HTTP\/1\.1 401/);
  socket.destroy();
});

t.test('a second request sent before the first is answered charges nobody', async (t) => {
  const body = JSON.stringify(chat());
  const one = `${CHAT_HEAD}\r\nhost: x\r\nauthorization: Bearer pipe\r\ncontent-length: ${body.length}\r\n\r\n${body}`;
  const socket = connect(Number(new URL(proxy.url).port), '127.0.0.1');
  socket.resume();
  socket.write(one + one);
  await once(socket, 'close');
  t.match(await daySpent(proxy, 'pipe'), { spent_usd: '0.00', reserved_usd: '0.00' });
});

t.test('a client that hangs up while it is not reading pays for what was generated', async (t) => {
  let ended: () => void = () => undefined;
  const read = new Promise<void>((resolve) => (ended = resolve));
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    const more = (left: number): void => {
      if (left === 0) response.end(STREAM_END, () => ended());
      else response.write(delta('y'.repeat(1_000_000)), () => more(left - 1));
    };
    more(24);
  };
  const socket = open(proxy, CHAT_HEAD, JSON.stringify(chat({ stream: true })), 'hung');
  await once(socket, 'data');
  socket.pause();
  await after(300);
  socket.destroy();
  await read;
  let day = await daySpent(proxy, 'hung');
  while (day?.reserved_usd !== '0.00') day = await daySpent(proxy, 'hung');
  t.equal(day.spent_usd, '0.0015', 'the provider’s own report');
});
