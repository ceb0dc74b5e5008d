// What a client of each API sees of a stream while it runs, and when it does not come to its end.

import { readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { fixture } from '../wire/fixture.js';
import { get, post, run } from './harness.js';
import { seeded } from '../pricing/prices.js';
import { delta, eventStream, start, STREAM_END } from './scripted.js';

const SEED = Number(process.env['STREAM_SEED'] ?? Date.now() % 1_000_000);

const { proxy, provider, folder } = await start(t, { server: 'request_timeout_seconds: 3' });

/** The API asked, the model that serves, and the stream that its provider answers with. */
const STREAMS = [
  { api: 'chat/completions', model: 'gpt-4', stream: 'chat-with-usage.sse' },
  { api: 'completions', model: 'gpt-4', stream: 'completions-with-usage.sse' },
  { api: 'responses', model: 'gpt-4', stream: 'responses.sse' },
  { api: 'messages', model: 'claude', stream: 'messages.sse' },
  { api: 'messages', model: 'gpt-4', stream: 'chat-with-usage.sse' },
  { api: 'chat/completions', model: 'claude', stream: 'messages.sse' },
] as const;
type Case = (typeof STREAMS)[number];

const nameOf = ({ api, model }: Case): string => `${api} of ${model}`;

const requestOf = ({ api, model }: Case): string => {
  const messages = [{ role: 'user', content: 'Hi' }];
  const input =
    api === 'responses'
      ? { input: 'Hi', max_output_tokens: 50 }
      : api === 'completions'
        ? { prompt: 'Hi', max_tokens: 50 }
        : { messages, max_tokens: 50 };
  return JSON.stringify({ model, stream: true, ...input });
};

const ask = (asked: Case, user: string) =>
  post(`${proxy.url}/v1/${asked.api}`, user, requestOf(asked));

/** Begins every answer with so many bytes of its stream, and hands the rest to the test. */
function beginning(asked: Case, bytes: (stream: Buffer) => number): Promise<ServerResponse> {
  const stream = fixture(asked.stream);
  return new Promise((resolve) => {
    provider.script = (_, response) => {
      response.writeHead(200, eventStream);
      response.write(stream.subarray(0, bytes(stream)), () => resolve(response));
    };
  });
}

const firstEvent = (stream: Buffer): number => stream.indexOf('\n\n') + 2;
const half = (stream: Buffer): number => stream.indexOf('\n\n', stream.length >> 1) + 2;

t.test('the first event is there before the provider has sent a second', async (t) => {
  for (const asked of STREAMS) {
    const begun = beginning(asked, firstEvent);
    const answer = await fetch(`${proxy.url}/v1/${asked.api}`, {
      method: 'POST',
      headers: { authorization: 'Bearer first' },
      body: requestOf(asked),
    });
    const reader = answer.body!.getReader();
    const { value } = await reader.read();
    t.match(Buffer.from(value ?? []).toString(), /^(event: |data: \{)/, nameOf(asked));
    (await begun).end(fixture(asked.stream).subarray(firstEvent(fixture(asked.stream))));
    while (!(await reader.read()).done);
  }
});

t.test('a thousand events over sockets are the same however they are cut', async (t) => {
  const random = seeded(SEED);
  const stream = Buffer.from(delta('Héllo 🌍').repeat(1_000) + STREAM_END);
  const usage = stream.lastIndexOf('"usage"');
  provider.script = (_, response) => void response.writeHead(200, eventStream).end(stream);
  const { text: whole } = await ask(STREAMS[0], 'whole');
  const elsewhere = Array.from({ length: 50 }, () => Math.floor(random() * stream.length));
  const inUsage = Array.from({ length: 20 }, (_, index) => usage + index);
  const cuts = [...elsewhere, ...inUsage, stream.length].toSorted((a, b) => a - b);
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    // Every piece a packet of its own.
    const send = (index: number, from: number): void => {
      const to = cuts[index];
      if (to === undefined) return void response.end();
      response.write(stream.subarray(from, to));
      setImmediate(() => send(index + 1, to));
    };
    send(0, 0);
  };
  const { text } = await ask(STREAMS[0], 'in pieces');
  t.ok(text === whole, `STREAM_SEED=${SEED}`);
  t.match(whole, /: tokenpak request_cost_cents=0\.15 cost_cents=0\.15\n\ndata: \[DONE\]\n\n$/);
});

/** What ends a stream that failed, as each API's clients know it. */
function checkCut(t: Test, asked: Case, { text, code }: { text: string; code: string }): void {
  const events = text.trimEnd().split('\n\n');
  const isChat = asked.api === 'chat/completions' || asked.api === 'completions';
  if (isChat) t.equal(events.pop(), 'data: [DONE]', nameOf(asked));
  const last = events.pop() ?? '';
  if (!isChat) t.ok(last.startsWith('event: error\ndata: '), nameOf(asked));
  const event = JSON.parse(last.slice(last.indexOf('{'))) as Record<string, unknown>;
  t.match(event, { error: { code, message: String } });
  if (!isChat) t.equal(event['type'], 'error');
  t.match(
    events.pop(),
    /^: tokenpak request_cost_cents=0\.\d+ cost_cents=/,
    'the cost goes before',
  );
}

t.test('a stream that its provider cuts ends in an error that its client knows', async (t) => {
  for (const asked of STREAMS) {
    void beginning(asked, half).then((response) => response.destroy());
    const { text } = await ask(asked, 'cut');
    checkCut(t, asked, { text, code: 'upstream_unreachable' });
  }
});

t.test('a stream that reaches its deadline ends in such an error too', async (t) => {
  const asked = STREAMS.map((each) => ({ each, text: '' }));
  provider.script = (request, response) => {
    const wire = STREAMS.find(({ api }) => request.url === `/v1/${api}`);
    const stream = fixture(wire?.stream ?? '');
    response.writeHead(200, eventStream);
    response.write(stream.subarray(0, half(stream)));
  };
  const answers = asked.map(async ({ each }) => ({ each, ...(await ask(each, 'late')) }));
  for (const { each, text } of await Promise.all(answers)) {
    checkCut(t, each, { text, code: 'upstream_timeout' });
  }
});

t.test('tokens without a cost are charged at an estimate, and told of once', async (t) => {
  const begun = fixture('chat-without-usage.sse');
  provider.script = (_, response) => {
    response.writeHead(200, eventStream).end(begun);
  };
  for (const model of ['capped', 'gpt-4'] as const) {
    const messages = [{ role: 'user', content: 'Hi' }];
    const body = { model, stream: true, max_tokens: 50, messages };
    const { text } = await post(`${proxy.url}/v1/chat/completions`, 'costless', body);
    t.match(text, /: tokenpak request_cost_cents=0\.\d+/);
  }
  const { json } = await get(`${proxy.url}/v1/budget`, 'costless');
  t.ok(Number((json['budgets'] as { spent_usd: string }[])[0]?.spent_usd) > 0);
  t.equal(await proxy.end(), 0);
  const lines = readFileSync(join(folder, 'alerts.log'), 'utf8').trimEnd().split('\n');
  const told = lines.filter((line) => line.includes('stream_without_cost'));
  // Of the streams that were cut, none: what tells a cost stands at a stream's end.
  t.match(told, [/ALERT stream_without_cost user=costless .*model=capped/]);
  t.equal(told.length, 1);
  const { stdout } = await run(['ledger', 'export', '--config', `${folder}/config.yaml`]);
  const entries = stdout
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { user: string });
  const costless = entries.filter(({ user }) => user === 'costless');
  t.match(costless, [{ source: 'estimated' }, { source: 'estimated' }]);
});
