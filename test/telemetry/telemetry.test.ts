import { readFileSync } from 'node:fs';
import t from 'tap';
import { startMock } from '../../src/mock/provider.js';
import { post, run, startProxy, temporaryFolder } from '../flow/harness.js';
import { asking, config } from '../flow/setup.js';
import { named, startCollector } from './collector.js';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
/** Ten thousand tokens of input are ten cents. */
const BEHAVIOUR = { latencyMs: 0, inputTokens: 10_000, outputTokens: 7, errorStatus: null };

interface Row {
  readonly request_id: string;
  readonly kind: string;
  readonly cost_usd: string;
  readonly input_tokens: number;
  readonly output_tokens: number;
}

const nanoOf = (usd: number): bigint => BigInt(Math.round(usd * 1e9));
const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

t.test(
  'a collector is told what the books say, and nothing of prompts, keys or users',
  async (t) => {
    const mock = await startMock({ behaviour: BEHAVIOUR, record: true });
    t.teardown(() => mock.close());
    const collector = await startCollector(t);
    const folder = temporaryFolder(t);
    const proxy = await startProxy(t, {
      folder,
      config: config({ folder, providerUrl: mock.url, budget: 'daily_limit_cents: 100000' }),
      env: {
        OTEL_EXPORTER_OTLP_ENDPOINT: collector.url,
        OTEL_EXPORTER_OTLP_HEADERS: 'x-token=secret-of-the-collector',
        OTEL_SERVICE_NAME: 'llm-edge',
        OTEL_RESOURCE_ATTRIBUTES: 'deployment.environment=test',
      },
    });
    const ask = (path: string, body: object, headers = {}) =>
      post(`${proxy.url}/v1/${path}`, 'alice', body, headers);
    const chat = asking(20, { messages: [{ role: 'user', content: 'the-prompt' }] });
    const joined = await ask('chat/completions', chat, {
      traceparent: `00-${TRACE}-${PARENT}-01`,
      'x-stainless-retry-count': '2',
    });
    t.equal(joined.status, 200, joined.text);
    t.equal(mock.requests().at(-1)?.headers['traceparent'], `00-${TRACE}-${PARENT}-01`);
    const unkept = { traceparent: `00-${TRACE}-${PARENT}-00` };
    t.equal((await ask('messages', { ...chat, model: 'claude' }, unkept)).status, 200);
    t.equal((await ask('embeddings', { model: 'cheap', input: 'the-prompt' })).status, 200);
    const failing = asking(20, { messages: [{ role: 'user', content: '[mock status=429]' }] });
    t.equal((await ask('chat/completions', failing)).status, 429);
    t.equal(await proxy.end(), 0);

    const { stdout } = await run(['ledger', 'export', '--config', `${folder}/config.yaml`]);
    const rows = stdout
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Row);
    t.equal(rows.length, 4);
    const spans = collector.spans();
    t.same(
      spans.map(({ spanId }) => spanId).toSorted(),
      rows
        .map((row) => row.request_id)
        .filter((_, index) => index !== 1)
        .toSorted(),
      'a span for each request, by its own id, but for the one whose client keeps no trace',
    );
    const spanOf = (index: number) =>
      spans.find(({ spanId }) => spanId === rows[index]?.request_id);
    const first = spanOf(0);
    t.match(first, { traceId: TRACE, parentSpanId: PARENT, name: 'chat gpt-4', kind: 3 });
    t.match(named(first?.attributes ?? []), {
      'gen_ai.operation.name': 'chat',
      'gen_ai.provider.name': 'openai',
      'gen_ai.request.model': 'gpt-4',
      'gen_ai.response.model': 'gpt-4',
      'gen_ai.usage.input_tokens': rows[0]?.input_tokens,
      'gen_ai.usage.output_tokens': 7,
      'http.response.status_code': 200,
      'http.request.resend_count': 2,
      'server.address': '127.0.0.1',
      'tokenpak.cost_usd': Number(rows[0]?.cost_usd),
      'tokenpak.usage_source': 'provider',
    });
    t.match(spanOf(2), { name: 'embeddings cheap', status: { code: 0 } });
    t.equal(spanOf(2)?.parentSpanId, undefined);
    t.not(spanOf(2)?.traceId, TRACE);
    t.equal(spanOf(3)?.status.code, 2, 'what failed is told as an error');
    t.equal(named(spanOf(3)?.attributes ?? [])['error.type'], '429');
    t.match(collector.resource(), {
      'service.name': 'llm-edge',
      'deployment.environment': 'test',
      'service.version': /^\d/,
    });

    const tokensOf = (type: string): number =>
      sum(
        collector
          .points('gen_ai.client.token.usage')
          .filter(({ attributes }) => named(attributes)['gen_ai.token.type'] === type)
          .map((point) => point.sum ?? 0),
      );
    t.equal(tokensOf('input'), sum(rows.map((row) => row.input_tokens)));
    t.equal(tokensOf('output'), sum(rows.map((row) => row.output_tokens)));
    const durations = collector.points('gen_ai.client.operation.duration');
    t.equal(sum(durations.map(({ count = 0 }) => count)), rows.length);
    const cost = sum(collector.points('tokenpak.cost').map(({ asDouble = 0 }) => asDouble));
    t.equal(
      nanoOf(cost),
      rows.reduce((all, row) => all + nanoOf(Number(row.cost_usd)), 0n),
    );
    t.ok(collector.sent.every(({ token }) => token === 'secret-of-the-collector'));
    const told = collector.sent.map(({ text }) => text).join();
    t.notMatch(told, /alice|the-prompt|sk-test|secret-of-the-collector/);
    t.notMatch(proxy.output(), /⚠|secret-of-the-collector/);
    t.ok(readFileSync(`${folder}/config.yaml`, 'utf8').includes('sk-test'), 'there was a key');
  },
);

t.test('a collector that is down costs no request, and is told of once', async (t) => {
  const mock = await startMock({ behaviour: BEHAVIOUR });
  t.teardown(() => mock.close());
  const folder = temporaryFolder(t);
  const proxy = await startProxy(t, {
    folder,
    config: config({ folder, providerUrl: mock.url, budget: 'daily_limit_cents: 100000' }),
    env: {
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
      OTEL_EXPORTER_OTLP_TIMEOUT: '50',
      OTEL_METRIC_EXPORT_INTERVAL: '100',
    },
  });
  const answer = await post(`${proxy.url}/v1/chat/completions`, 'alice', asking(20));
  t.equal(answer.status, 200, answer.text);
  t.equal(await proxy.end(), 0);
  const told = proxy
    .output()
    .split('\n')
    .filter((line) => line.includes('OpenTelemetry'));
  t.ok(
    told.some((line) => line.includes('ECONNREFUSED')),
    proxy.output(),
  );
  t.equal(new Set(told).size, told.length, 'each once');
});
