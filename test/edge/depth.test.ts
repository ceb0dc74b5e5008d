// JSON that nests deep, from either side: what is walked by recursion must not meet it. And JSON of
// so many values that parsing it would take seconds.

import t from 'tap';
import { get, post, type RunningProxy } from '../flow/harness.js';
import { completion, delta, eventStream, json, start, STREAM_END } from '../flow/scripted.js';
import { budgets } from '../flow/setup.js';

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
const DEEP = nested(50_000);
const OBJECTS = `${'{"a":'.repeat(50_000)}1${'}'.repeat(50_000)}`;
/** So long that the body is read without its texts. */
const LONG = 'word '.repeat(20_000);

t.setTimeout(60_000);

let proxy: RunningProxy;
let provider: Awaited<ReturnType<typeof start>>['provider'];

t.before(async () => {
  ({ proxy, provider } = await start(t));
});

const chat = (members: string, model = 'gpt-4'): string =>
  `{"model":"${model}","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],${members}}`;

t.test('a body that nests too deep is refused, whatever its API, and costs nothing', async (t) => {
  provider.script = () => t.fail('nothing goes upstream');
  const bodies = {
    lists: chat(`"metadata":${DEEP}`),
    objects: chat(`"tools":[${OBJECTS}]`),
    'one too deep': chat(`"metadata":${nested(128)}`),
    'a long text beside': chat(`"metadata":${DEEP},"prediction":{"content":"${LONG}"}`),
    'a nest without end': chat(`"metadata":${'['.repeat(4_000_000)}`),
  };
  const paths = ['/v1/chat/completions', '/v1/messages', '/v1/messages/count_tokens'];
  for (const [what, body] of Object.entries(bodies)) {
    for (const path of paths) {
      const { status, json: error } = await post(proxy.url + path, 'ann', body);
      t.equal(status, 400, `${what} on ${path}`);
      t.match(error, { error: { message: /nests .* more than 128 deep/ } });
    }
  }
  const many = await post(
    `${proxy.url}/v1/chat/completions`,
    'ann',
    chat(`"metadata":[${'{},'.repeat(10_000_000)}{}]`),
  );
  t.match(many, { status: 400, json: { error: { message: /more than 500000 values/ } } });
  t.match((await budgets(proxy, 'ann'))[0], { spent_usd: '0.00', reserved_usd: '0.00' });
  provider.script = (_, response) => json(response, completion(5));
  const within = chat(`"metadata":${nested(127)}`);
  t.equal((await post(`${proxy.url}/v1/chat/completions`, 'ann', within)).status, 200);
});

const toolUse = (input: string): string =>
  `{"id":"m","type":"message","role":"assistant","model":"m","stop_reason":"tool_use","content":` +
  `[{"type":"tool_use","id":"t","name":"f","input":${input}}],` +
  '"usage":{"input_tokens":10,"output_tokens":5}}';

t.test('an answer that nests too deep passes, or becomes an error, and is charged', async (t) => {
  const url = `${proxy.url}/v1/chat/completions`;
  provider.script = (_, response) => json(response, `{"deep":${DEEP},"usage":{}}`);
  const own = await post(url, 'own', chat('"n":1'));
  t.equal(own.status, 200);
  t.ok(own.text.includes(DEEP), 'byte for byte');
  provider.script = (_, response) => json(response, toolUse(OBJECTS));
  t.equal((await post(url, 'translated', chat('"n":1', 'claude'))).status, 502);
  provider.script = (_, response) => {
    response.writeHead(200, eventStream);
    response.end(
      `data: {"choices":[{"delta":{"content":${DEEP}}}]}\n\n${delta('Hi')}${STREAM_END}`,
    );
  };
  const streamed = await post(url, 'stream', chat('"stream":true'));
  t.ok(streamed.text.includes(DEEP));
  t.match(streamed.text, /request_cost_cents/, 'and what comes behind it is read');
  for (const user of ['own', 'translated', 'stream']) {
    const [day] = await budgets(proxy, user);
    t.match(day, { reserved_usd: '0.00', spent_usd: /[1-9]/ }, user);
  }
  t.equal((await get(`${proxy.url}/healthz`, null)).status, 200);
});

const USAGE = '"usage":{"input_tokens":50,"output_tokens":30}';

t.test('whatever nests beside it, what the provider says of its usage is billed', async (t) => {
  const spentBy = async (user: string, path: string, body: string): Promise<string | undefined> => {
    const { status } = await post(proxy.url + path, user, body);
    t.equal(status, 200, user);
    return (await budgets(proxy, user))[0]?.spent_usd;
  };
  const costs = { message: new Set<unknown>(), response: new Set<unknown>() };
  for (const [depth, echoed] of Object.entries({ flat: '1', deep: nested(200), lost: DEEP })) {
    const pad = `"pad":"${'x'.repeat(2_000)}"`;
    provider.script = (_, response) =>
      json(response, toolUse(echoed).replace(/"usage":.*$/, `${pad},${USAGE}}`));
    const message = chat('"n":1', 'claude').replace(',"n":1', '');
    costs.message.add(await spentBy(`message-${depth}`, '/v1/messages', message));
    provider.script = (_, response) => {
      response.writeHead(200, eventStream);
      response.end(
        `data: {"type":"response.completed","response":{"tools":${echoed},${pad},${USAGE}}}\n\n`,
      );
    };
    const asked = '{"model":"gpt-4","stream":true,"max_output_tokens":99,"input":"Hi"}';
    costs.response.add(await spentBy(`response-${depth}`, '/v1/responses', asked));
  }
  t.equal(costs.message.size, 1, `messages cost ${[...costs.message].join(', ')}`);
  t.equal(costs.response.size, 1, `responses cost ${[...costs.response].join(', ')}`);
  t.equal(await proxy.end(), 0);
  t.notMatch(proxy.output(), /defect|failed|started again|Warning/);
});
